package catalog

import (
	"context"
	"crypto"
	_ "crypto/sha1"   // version 1, and the SHA-1 entries of version 2
	_ "crypto/sha256" // version 2
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/hallmark-dev/hallmark/formats/cab"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// UnlistableError is about a file that no catalog can list, because Windows cannot hash
// it: one of no bytes (makecat and CryptCATAdminCalcHashFromFileHandle fail on it), or
// one that says that it is a PE file or a cabinet and is damaged.
type UnlistableError struct {
	Cause error
}

func (e *UnlistableError) Error() string { return "cannot be listed in a catalog: " + e.Cause.Error() }

// Unwrap returns what is wrong with the file: ErrEmpty, a *peimage.FormatError, or a
// *cab.FormatError.
func (e *UnlistableError) Unwrap() error { return e.Cause }

// ErrEmpty is the cause for a file of no bytes.
var ErrEmpty = errors.New("the file is empty, and Windows cannot list empty files")

// Digests is what identifies a file in catalogs.
type Digests struct {
	Kind Kind
	// Hash holds the digest by which Windows looks the file up, for each hash asked for.
	Hash map[crypto.Hash][]byte
	// PageHashes are the tables of a PE file (peimage.Digests), if asked for.
	PageHashes map[crypto.Hash][]byte
	// Enhanced is a CAB file's second digest, over the cabinet's size alone
	// (1.3.6.1.4.1.311.2.5.1).
	Enhanced map[crypto.Hash][]byte
}

// DigestOptions says what Digest computes.
type DigestOptions struct {
	// Hashes to compute; nil means SHA-256 and SHA-1.
	Hashes []crypto.Hash
	// PageHashes of PE files, too.
	PageHashes bool
	// Kind forces the way the file is hashed; KindUnknown means by what the file is.
	Kind Kind
}

// bothHashes are those of version 2.
var bothHashes = []crypto.Hash{crypto.SHA256, crypto.SHA1}

// Digest reads a file once and returns its digests. PE files are hashed by their
// Authentihash, so that signing them does not change it; cabinets likewise; everything
// else, also scripts and installer packages, by all its bytes, so that a signature
// inside has to be there before. It returns an *UnlistableError for what Windows cannot
// hash.
func Digest(ctx context.Context, r io.ReaderAt, size int64, o DigestOptions) (*Digests, error) {
	if size == 0 {
		return nil, &UnlistableError{ErrEmpty}
	}
	if o.Hashes == nil {
		o.Hashes = bothHashes
	}
	kind := o.Kind
	if kind == KindUnknown {
		var err error
		if kind, err = KindOf(r, size); err != nil {
			return nil, err
		}
	}
	switch kind {
	case KindPE:
		return digestPE(ctx, r, size, o)
	case KindCAB:
		return digestCAB(ctx, r, size, o.Hashes)
	}
	sums, err := hashSpans(ctx, r, []cab.Range{{Size: size}}, o.Hashes)
	if err != nil {
		return nil, err
	}
	return &Digests{Kind: KindFlat, Hash: sums}, nil
}

// KindOf looks at a file's first bytes: PE by "MZ" and the PE signature that its header
// points to, CAB by "MSCF".
func KindOf(r io.ReaderAt, size int64) (Kind, error) {
	var head [64]byte
	n, err := r.ReadAt(head[:min(size, 64)], 0)
	if err != nil && err != io.EOF {
		return KindUnknown, fmt.Errorf("reading the first bytes: %w", err)
	}
	if n >= 4 && string(head[:4]) == "MSCF" {
		return KindCAB, nil
	}
	if n < 64 || head[0] != 'M' || head[1] != 'Z' {
		return KindFlat, nil
	}
	var sig [4]byte
	at := int64(binary.LittleEndian.Uint32(head[60:])) // e_lfanew
	if at > size-4 {
		return KindFlat, nil
	}
	if _, err := r.ReadAt(sig[:], at); err != nil && err != io.EOF {
		return KindUnknown, fmt.Errorf("reading the PE signature: %w", err)
	}
	if string(sig[:]) == "PE\x00\x00" {
		return KindPE, nil
	}
	return KindFlat, nil
}

func digestPE(ctx context.Context, r io.ReaderAt, size int64, o DigestOptions) (*Digests, error) {
	im, err := peimage.Parse(r, size)
	if err == nil {
		err = checkPE(im, o.PageHashes)
	}
	if err != nil {
		return nil, unlistable(err)
	}
	q := peimage.Request{Authentihash: o.Hashes}
	if o.PageHashes {
		q.PageHashes = o.Hashes
	}
	d, err := im.Digest(ctx, r, q)
	if err != nil {
		return nil, unlistable(err)
	}
	return &Digests{Kind: KindPE, Hash: d.Authentihash, PageHashes: d.PageHashes}, nil
}

// digestCAB hashes a cabinet as Microsoft's SIP does. Cabinets that the SIP refuses are errors.
func digestCAB(ctx context.Context, r io.ReaderAt, size int64, hashes []crypto.Hash) (*Digests, error) {
	c, err := cab.Parse(r, size)
	if err == nil {
		err = c.Check(ctx)
	}
	if err != nil {
		return nil, unlistable(err)
	}
	d := &Digests{Kind: KindCAB}
	if d.Hash, err = hashSpans(ctx, r, c.Covered(), hashes); err != nil {
		return nil, err
	}
	d.Enhanced, err = hashSpans(ctx, r, []cab.Range{cab.SizeField}, hashes)
	return d, err
}

// unlistable tells what is wrong with a file from what went wrong while reading it.
func unlistable(err error) error {
	var pe *peimage.FormatError
	var cabinet *cab.FormatError
	if errors.As(err, &pe) || errors.As(err, &cabinet) {
		return &UnlistableError{err}
	}
	return err
}

// hashSpans hashes parts of a file, in one pass.
func hashSpans(ctx context.Context, r io.ReaderAt, spans []cab.Range, hashes []crypto.Hash) (map[crypto.Hash][]byte, error) {
	states := map[crypto.Hash]hash.Hash{}
	var writers []io.Writer
	for _, h := range slices.Compact(slices.Sorted(slices.Values(hashes))) {
		if !h.Available() {
			return nil, cms.WrongOption("Hashes", "hashing: hash %d is not available", h)
		}
		states[h] = h.New()
		writers = append(writers, states[h])
	}
	longest := int64(1)
	for _, s := range spans {
		longest = max(longest, s.Size)
	}
	buf := make([]byte, min(longest, 128<<10)) // catalogs list small files by the hundred thousand
	for _, s := range spans {
		in := contextReader{ctx, io.NewSectionReader(r, s.Offset, s.Size)}
		n, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(writers...)}, in, buf)
		if err == nil && n != s.Size {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, fmt.Errorf("hashing: %w", err)
		}
	}
	out := map[crypto.Hash][]byte{}
	for h, s := range states {
		out[h] = s.Sum(nil)
	}
	return out, nil
}

// contextReader stops reading when the context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}
