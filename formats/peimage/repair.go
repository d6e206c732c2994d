package peimage

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
)

// Stale says what a directory entry of the certificate table names when that is not a
// table that ends the file. Programs that change a signed file and forget the entry
// leave it: resource editors, installers that write their own uninstaller, packers.
type Stale struct {
	Entry  Directory
	Reason *FormatError
	// Removed is the number of bytes that Repair leaves out at the end of the file: a
	// damaged table. 0 where the entry names anything else; then no byte is lost.
	Removed int64
}

func (s *Stale) String() string {
	text := fmt.Sprintf("certificate table directory (address 0x%x, size 0x%x): %s", s.Entry.Address, s.Entry.Size, s.Reason.Problem)
	if s.Removed > 0 {
		return fmt.Sprintf("%s; the damaged table itself, %d bytes, goes too", text, s.Removed)
	}
	return text
}

// Stale returns what is wrong with the directory entry of the certificate table, nil
// for one that is empty or names a sound table.
func (im *Image) Stale() *Stale {
	s := &Stale{Entry: im.securityDir}
	if (s.Entry.Address == 0) != (s.Entry.Size == 0) {
		s.Reason = formatError(im.SecurityDirOffset, "certificate table directory", "has only one of address and size set")
		return s
	}
	for _, f := range im.findings {
		if f.Rule != "" && f.Rule != RuleTableAlignment {
			continue
		}
		if t := im.CertTable; t.End() == im.Size && t.Offset >= im.sectionTableEnd() && len(im.Certificates) > 0 {
			s.Removed = t.Size
		}
		s.Reason = f
		return s
	}
	return nil
}

// Repair describes the file as it is without a stale directory entry: unsigned. r is
// what im was parsed from. The second result says what was left out; it is nil, and the
// image im itself, for a file that has no stale entry. Signed replaces the entry in the
// file, and Cleared empties it.
func (im *Image) Repair(r io.ReaderAt) (*Image, *Stale, error) {
	stale := im.Stale()
	if stale == nil {
		return im, nil, nil
	}
	out := &Image{}
	p := parser{r: r, im: out, noTable: true}
	out.Size = im.Size - stale.Removed
	if err := p.parse(); err != nil {
		return nil, nil, err
	}
	return out, stale, nil
}

// Cleared returns the edit that empties the directory entry of the certificate table of
// an unsigned image, as Repair gives it. src is read once.
func (im *Image) Cleared(ctx context.Context, src io.ReaderAt, policy ChecksumPolicy) (*Edit, error) {
	if im.HasSignature() {
		return nil, fmt.Errorf("clearing the certificate table directory: it names a table")
	}
	if err := im.Check(); err != nil {
		return nil, err
	}
	d, err := im.Digest(ctx, src, Request{Checksum: true})
	if err != nil {
		return nil, err
	}
	sum, err := im.unsignedChecksum(src, d, im.Size, policy)
	if err != nil {
		return nil, err
	}
	return &Edit{Keep: im.Size, Size: im.Size, Patches: []Patch{
		{im.ChecksumOffset, binary.LittleEndian.AppendUint32(nil, sum)},
		{im.SecurityDirOffset, make([]byte, directoryEntrySize)},
	}}, nil
}
