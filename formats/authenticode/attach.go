package authenticode

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"

	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// pemType is what openssl and osslsigncode call a PKCS#7 in PEM (RFC 7468 section 8 also knows CMS).
const pemType = "PKCS7"

// ErrUnsigned: the file has no signature.
var ErrUnsigned = errors.New("the file is not signed")

// Attach writes the PE file in src with the signature p7 (PKCS#7 in DER or PEM) to dst, which starts empty. Every signature in p7 must be intact and over
// this file, page hashes included. existing says what becomes of signatures in the file; ExistingSkip leaves it alone if it
// carries p7 already and refuses it otherwise.
func Attach(ctx context.Context, src io.ReaderAt, size int64, dst io.Writer, p7 []byte, existing Existing) (*Result, error) {
	der, err := DecodePKCS7(p7)
	if err != nil {
		return nil, err
	}
	s, err := openSubject(src, size)
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
func (s *Subject) attach(ctx context.Context, der []byte, existing Existing, out output) (*Result, error) {
	sigs, err := Signatures(der)
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
	r := &Result{Content: Content{Hash: q.Authentihash[0], Authentihash: s.digests.Authentihash[q.Authentihash[0]]}}
	r.PKCS7, r.Index, err = s.combine(der, existing)
	return r, err
}

// DecodePKCS7 takes a PKCS#7 in DER or PEM and returns the DER. It must be readable as signatures.
func DecodePKCS7(b []byte) ([]byte, error) {
	b, err := withoutPEM(b)
	if err != nil {
		return nil, err
	}
	return trimPKCS7(b)
}

func withoutPEM(b []byte) ([]byte, error) {
	block, _ := pem.Decode(b)
	if block == nil {
		return b, nil
	}
	if block.Type != pemType && block.Type != "CMS" {
		return nil, fmt.Errorf("reading signature: PEM block %q instead of %q", block.Type, pemType)
	}
	return block.Bytes, nil
}

// EncodePEM writes a PKCS#7 blob as PEM.
func EncodePEM(p7 []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: p7})
}

// Extract returns the PKCS#7 blob (DER, without padding) of the PE file in src, all nested signatures in it. The error is ErrUnsigned for
// a file without one.
func Extract(src io.ReaderAt, size int64) ([]byte, error) {
	s, err := openSigned(src, size)
	if err != nil {
		return nil, err
	}
	return s.pkcs7, nil
}

func openSigned(src io.ReaderAt, size int64) (*Subject, error) {
	s, err := openSubject(src, size)
	switch {
	case err != nil:
		return nil, err
	case !s.image.HasSignature():
		return nil, ErrUnsigned
	case s.damaged != nil:
		return nil, s.damaged
	}
	return s, nil
}

// Strip writes the PE file in src without its certificate table to dst, which starts empty: for a file that Sign made out of a Go program, exactly the
// bytes that it had before. What signing overwrites and cannot be known from the signed file is governed by o, see peimage.StripOptions. The error
// is ErrUnsigned for a file without table.
func Strip(ctx context.Context, src io.ReaderAt, size int64, dst io.Writer, o peimage.StripOptions) error {
	image, err := peimage.Parse(src, size)
	if err != nil {
		return err
	}
	if !image.HasSignature() {
		return ErrUnsigned
	}
	out, err := newOutput(dst)
	if err != nil {
		return err
	}
	edit, err := image.Unsigned(ctx, src, o)
	if err != nil {
		return err
	}
	return out.apply(ctx, edit, src, nil)
}

// Update writes the PE file in src to dst with its PKCS#7 blob changed, for example by SetToken or AddCertificatesTo, and CheckSum put right. Further
// entries of the certificate table stay as they are. It returns the new blob.
func Update(ctx context.Context, src io.ReaderAt, size int64, dst io.Writer, change func(p7 []byte) ([]byte, error)) ([]byte, error) {
	s, err := openSigned(src, size)
	if err != nil {
		return nil, err
	}
	p7, err := change(s.pkcs7)
	if err != nil {
		return nil, err
	}
	out, err := newOutput(dst)
	if err != nil {
		return nil, err
	}
	if err := s.read(ctx, peimage.Request{Checksum: true}, out); err != nil {
		return nil, err
	}
	_, err = s.write(ctx, out, p7, s.others)
	return p7, err
}

// Timestamp is Update with SetToken: it attaches an RFC 3161 token to the signature with the given index of a signed file.
func Timestamp(ctx context.Context, src io.ReaderAt, size int64, dst io.Writer, index int, token []byte) ([]byte, error) {
	return Update(ctx, src, size, dst, func(p7 []byte) ([]byte, error) { return SetToken(p7, index, token) })
}
