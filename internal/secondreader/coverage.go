package secondreader

import (
	"errors"
	"hash"
	"io"

	"github.com/saferwall/pe"

	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// coverage stands in for a hash and notes which bytes of the file the library
// wants hashed, without reading them: the library copies io.SectionReaders of
// the file into the hash, and io.Copy hands those to ReadFrom.
type coverage struct {
	hash.Hash // nil: what is not overridden is not called
	ranges    []peimage.Range
	blind     bool // bytes came in some other way, so the ranges are not all
}

// ReadFrom notes the range of a section.
func (c *coverage) ReadFrom(r io.Reader) (int64, error) {
	s, ok := r.(*io.SectionReader)
	if !ok {
		c.blind = true
		return io.Copy(io.Discard, r)
	}
	_, off, n := s.Outer()
	if n > 0 {
		c.ranges = append(c.ranges, peimage.Range{Offset: off, Size: n})
	}
	return max(n, 0), nil
}

func (c *coverage) Write(p []byte) (int, error) {
	c.blind = true
	return len(p), nil
}

func (c *coverage) Sum(b []byte) []byte { return b }

// covered are the bytes of the file that the library would hash for the
// Authentihash.
func covered(f *pe.File) ([]peimage.Range, error) {
	c := &coverage{}
	if sums := f.AuthentihashExt(c); len(sums) != 1 || c.blind {
		return nil, errors.New("second reader: finding the bytes under the Authentihash failed")
	}
	return c.ranges, nil
}
