package peimage

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
)

// ChecksumPolicy says what Unsigned writes into CheckSum.
type ChecksumPolicy int

const (
	// ChecksumAuto restores what the linker wrote as far as that can be known. The
	// signing tool has overwritten the field, but linkers leave only two values there,
	// 0 or the right one:
	//   - a CheckSum of 0 stays 0: the signing tool did not touch it;
	//   - one that is right for the unsigned file stays: the signing tool did not touch it either;
	//   - one that is wrong for the signed file stays too: neither linker nor signing tool has written it;
	//   - a file of Go's internal linker (linker version 3.0, no TimeDateStamp) gets 0, which is what that linker writes;
	//   - any other file gets the right value for the unsigned file.
	// The last rule is a guess for files of other linkers that leave 0, as Microsoft's
	// does without /RELEASE: use ChecksumZero for those.
	ChecksumAuto ChecksumPolicy = iota
	ChecksumZero
	ChecksumComputed
	ChecksumKeep
)

// StripOptions says how Unsigned restores what signing has overwritten.
type StripOptions struct {
	Checksum ChecksumPolicy

	// Size is the size of the file before it was signed, when known. Signing pads a
	// file with zero bytes to a multiple of 8 and nothing in the signed file tells how
	// many there were; 0 keeps them all. Files of Go's linker have no such padding.
	Size int64
}

// Unsigned returns the edit that takes the certificate table off: the table itself, its
// directory entry, and what signing did to CheckSum. src is read once.
func (im *Image) Unsigned(ctx context.Context, src io.ReaderAt, o StripOptions) (*Edit, error) {
	if !im.HasSignature() {
		return nil, fmt.Errorf("removing certificate table: the file has none")
	}
	if err := im.Check(); err != nil {
		return nil, err
	}
	size, err := im.unpaddedSize(src, o.Size)
	if err != nil {
		return nil, err
	}
	d, err := im.Digest(ctx, src, Request{Checksum: true})
	if err != nil {
		return nil, err
	}
	sum, err := im.unsignedChecksum(src, d, size, o.Checksum)
	if err != nil {
		return nil, err
	}
	return &Edit{Keep: size, Size: size, Patches: []Patch{
		{im.ChecksumOffset, binary.LittleEndian.AppendUint32(nil, sum)},
		{im.SecurityDirOffset, make([]byte, directoryEntrySize)},
	}}, nil
}

// unpaddedSize checks that only padding is cut off.
func (im *Image) unpaddedSize(src io.ReaderAt, want int64) (int64, error) {
	size := im.ContentSize()
	if want == 0 {
		return size, nil
	}
	if want > size || size-want >= tableAlignment {
		return 0, fmt.Errorf("removing certificate table: original size %d does not fit, %d to %d are possible", want, size-tableAlignment+1, size)
	}
	pad := make([]byte, size-want)
	if err := readFull(src, pad, want); err != nil {
		return 0, fmt.Errorf("reading padding at offset 0x%x: %w", want, err)
	}
	for i, b := range pad {
		if b != 0 {
			return 0, formatError(want+int64(i), "padding before the certificate table", "is 0x%02x, so the original size is not %d", b, want)
		}
	}
	return want, nil
}

func (im *Image) unsignedChecksum(src io.ReaderAt, d *Digests, size int64, policy ChecksumPolicy) (uint32, error) {
	computed := d.content.checksum(size)
	switch policy {
	case ChecksumZero:
		return 0, nil
	case ChecksumComputed:
		return computed, nil
	case ChecksumKeep:
		return im.CheckSum, nil
	case ChecksumAuto:
	default:
		return 0, fmt.Errorf("removing certificate table: unknown checksum policy %d", policy)
	}
	if im.CheckSum == 0 || im.CheckSum == computed || im.CheckSum != d.Checksum {
		return im.CheckSum, nil
	}
	byGo, err := im.linkedByGo(src)
	if err != nil || byGo {
		return 0, err
	}
	return computed, nil
}

// linkedByGo recognises Go's internal linker, which writes 3.0 as its version
// (cmd/link/internal/ld/pe.go) and no time.
func (im *Image) linkedByGo(src io.ReaderAt) (bool, error) {
	var version [2]byte
	at := im.ChecksumOffset - optCheckSum + 2
	if err := readFull(src, version[:], at); err != nil {
		return false, fmt.Errorf("reading linker version at offset 0x%x: %w", at, err)
	}
	return version == [2]byte{3, 0} && im.TimeDateStamp == 0, nil
}
