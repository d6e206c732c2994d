package catalog

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
)

// Set is a number of catalogs in which files are looked up, as Windows does in its
// catalog database. It implements authenticode.Catalogs. Add is not for concurrent use;
// looking up is.
type Set struct {
	catalogs []named
	index    map[string]place // digest to the first member that lists it
	hashes   []crypto.Hash
}

type named struct {
	name string
	der  []byte
	*Catalog
}

// place is a member of a catalog of the set.
type place struct{ catalog, member int }

// The interfaces by which authenticode asks.
var _ authenticode.Catalogs = (*Set)(nil)

// NewSet returns an empty set.
func NewSet() *Set { return &Set{index: map[string]place{}} }

// Add adds a catalog (DER, or BER), under a name for messages. Where several list the
// same file, the one added first counts.
func (s *Set) Add(name string, der []byte) error {
	c, err := Parse(der)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.catalogs = append(s.catalogs, named{name, der, c})
	for i, m := range c.Members {
		s.enter(c, m, place{len(s.catalogs) - 1, i})
	}
	return nil
}

// enter makes a member findable by its hash. Those with free tags are not, in Windows
// either. The SHA-1 entries beside SHA-256 members are left out: they say nothing that
// the SHA-256 entry does not say better, and a file could be made to have such a
// digest.
func (s *Set) enter(c *Catalog, m Member, at place) {
	h, key, ok := m.key(c.Version)
	if !ok || m.Compat() {
		return
	}
	if _, taken := s.index[string(key)]; !taken {
		s.index[string(key)] = at
	}
	for _, h := range []crypto.Hash{h, digestHash(m)} {
		if h != 0 && !slices.Contains(s.hashes, h) {
			s.hashes = append(s.hashes, h)
		}
	}
}

func digestHash(m Member) crypto.Hash {
	h, _, _ := m.Digest()
	return h
}

// Hashes lists the digests that Find needs.
func (s *Set) Hashes() []crypto.Hash { return s.hashes }

// Digest computes a file's digests as catalogs have them: of PE files and cabinets
// without their signatures, else of all bytes. What cannot be listed, an empty file or
// a damaged PE file or cabinet, has none, so that Find does not find it.
func (s *Set) Digest(ctx context.Context, r io.ReaderAt, size int64) (map[crypto.Hash][]byte, error) {
	d, err := Digest(ctx, r, size, DigestOptions{Hashes: s.Hashes()})
	var unlistable *UnlistableError
	if errors.As(err, &unlistable) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return d.Hash, nil
}

// Find returns the catalog that lists a file. SHA-256 is asked for before SHA-1. As in
// WinVerifyTrust a member counts only if the digest in it is the file's, whatever its
// tag says.
func (s *Set) Find(_ context.Context, digests map[crypto.Hash][]byte) (authenticode.CatalogMatch, bool, error) {
	for _, h := range bothHashes {
		at, ok := s.index[string(digests[h])]
		if !ok || digests[h] == nil {
			continue
		}
		c := s.catalogs[at.catalog]
		m := c.Members[at.member]
		dh, digest, ok := m.Digest()
		if !ok || !bytes.Equal(digest, digests[dh]) {
			continue
		}
		return authenticode.CatalogMatch{Name: c.name, PKCS7: c.der, Member: m.Tag(), Hash: h}, true, nil
	}
	return authenticode.CatalogMatch{}, false, nil
}
