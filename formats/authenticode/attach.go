package authenticode

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// Attach writes the PE file in src with the signature p7 (PKCS#7 in DER or PEM) to dst,
// which starts empty. Every signature in p7 must be intact and over this file, page
// hashes included. existing says what becomes of signatures in the file; ExistingSkip
// leaves it alone if it carries p7 already and refuses it otherwise.
func Attach(ctx context.Context, src io.ReaderAt, size int64, dst io.Writer, p7 PKCS7, existing Existing) (*Result, error) {
	der, err := ParsePKCS7(p7)
	if err != nil {
		return nil, err
	}
	s, err := openSubject(src, size, existing)
	if err != nil {
		return nil, err
	}
	if existing == ExistingSkip && bytes.Equal(s.pkcs7, der) {
		return &Result{PKCS7: der, Skipped: true, Size: size}, nil
	}
	if existing == ExistingSkip {
		existing = ExistingRefuse
	}
	if err := s.admits(existing); err != nil {
		return nil, err
	}
	out, err := newOutput(dst)
	if err != nil {
		return nil, err
	}
	r, err := s.attach(ctx, der, existing, out)
	if err != nil {
		return nil, fmt.Errorf("attaching signature: %w", err)
	}
	r.Size, err = s.write(ctx, out, r.PKCS7, s.kept(existing))
	return r, err
}

// attach reads the file with the hashes that the signatures in der were made with and compares.
func (s *subject) attach(ctx context.Context, der PKCS7, existing Existing, out output) (*Result, error) {
	sigs, err := der.Signatures()
	if err != nil {
		return nil, err
	}
	q := peimage.Request{Checksum: true}
	for _, sig := range sigs {
		c, err := contentOf(sig.SignedData)
		if err != nil {
			return nil, err
		}
		q.Authentihash = append(q.Authentihash, c.hash)
		for h := range c.pageHashes {
			q.PageHashes = append(q.PageHashes, h)
		}
	}
	if err := s.readUnder(ctx, existing, q, out); err != nil {
		return nil, err
	}
	for _, sig := range sigs {
		if err := s.checkCovers(sig.SignedData); err != nil {
			return nil, fmt.Errorf("signature %d: %w", sig.Index, err)
		}
	}
	if err := s.checkSeal(der, existing); err != nil {
		return nil, err
	}
	r := &Result{Content: Content{Hash: q.Authentihash[0], Authentihash: s.digests.Authentihash[q.Authentihash[0]]}, Dropped: s.dropped}
	r.PKCS7, r.Index, err = s.combine(der, existing)
	return r, err
}
