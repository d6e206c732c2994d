package catalog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// Offsets from the PE signature (PE Format), and what wintrust wants to see of the headers.
const (
	peOptionalSize  = 0x14  // SizeOfOptionalHeader
	peSecurityDir   = 0x98  // the directory entry of the certificate table in PE32, wherever the directories are said to end
	peSecurityDir64 = 0xa8  // in PE32+
	peHeaders       = 0x108 // bytes that have to follow the signature
)

// checkPE holds an image to what wintrust checks before it hashes one (10.0.15063), which is in places more than the loader and in
// places less than a signature needs: it does not look into the certificate table. With page hashes it has to know the machine.
func checkPE(im *peimage.Image, r io.ReaderAt, pageHashes bool) error {
	fail := func(offset int64, field, format string, args ...any) error {
		return &peimage.FormatError{Offset: im.HeaderOffset + offset, Field: field, Problem: fmt.Sprintf(format, args...)}
	}
	if im.Size > math.MaxUint32-1 {
		return fail(-im.HeaderOffset, "file", "has %d bytes, 4 GiB or more", im.Size)
	}
	if im.HeaderOffset < 64 || im.Size-im.HeaderOffset <= peHeaders {
		return fail(0, "e_lfanew", "is 0x%x in a file of 0x%x bytes", im.HeaderOffset, im.Size)
	}
	var optional [2]byte
	if err := readInto(r, optional[:], im.HeaderOffset+peOptionalSize); err != nil {
		return err
	}
	size := int64(binary.LittleEndian.Uint16(optional[:]))
	file, section := im.FileAlignment, im.SectionAlignment
	switch {
	case size%8 != 0:
		return fail(peOptionalSize, "SizeOfOptionalHeader", "is %d, not a multiple of 8", size)
	case pageHashes && !knownMachine(im):
		return fail(4, "Machine", "is 0x%x, for which there are no page hashes", im.Machine)
	case im.SizeOfHeaders == 0 || int64(im.SizeOfHeaders) >= im.Size:
		return fail(0x54, "SizeOfHeaders", "is 0x%x in a file of 0x%x bytes", im.SizeOfHeaders, im.Size)
	case file == 0 || file&(file-1) != 0 || section&(section-1) != 0 || section < file || file%512 != 0 && file != section:
		return fail(0x38, "alignment", "of sections is 0x%x, in the file 0x%x", section, file)
	}
	end := im.HeaderOffset + 24 + size + 40*int64(len(im.Sections))
	return checkTable(im, r, end, fail)
}

// checkTable checks sections and certificate table, of which wintrust wants to know where they are.
func checkTable(im *peimage.Image, r io.ReaderAt, headers int64, fail func(int64, string, string, ...any) error) error {
	last := headers
	for _, s := range im.Sections {
		at, size := int64(s.PointerToRawData), int64(s.SizeOfRawData)
		switch {
		case at != 0 && at < headers:
			return fail(0, "section "+s.Name, "starts at 0x%x, inside the headers", at)
		case at+size > im.Size:
			return fail(0, "section "+s.Name, "ends at 0x%x, the file ends at 0x%x", at+size, im.Size)
		case size+int64(im.SectionAlignment)-1 > math.MaxUint32:
			return fail(0, "section "+s.Name, "has 0x%x bytes", size)
		case size != 0:
			last = max(last, at+size)
		}
	}
	entry := int64(peSecurityDir)
	if im.PE32Plus {
		entry = peSecurityDir64
	}
	var dir [8]byte
	if err := readInto(r, dir[:], im.HeaderOffset+entry); err != nil {
		return err
	}
	t := peimage.Range{Offset: int64(binary.LittleEndian.Uint32(dir[:])), Size: int64(binary.LittleEndian.Uint32(dir[4:]))}
	im.SecurityDirOffset = im.HeaderOffset + entry
	im.CertTable = peimage.Range{}
	if t.Offset == 0 || t.Size == 0 {
		return nil
	}
	if t.Offset < last || t.Offset < int64(im.SizeOfHeaders) || t.End() != im.Size || t.Offset%4 != 0 {
		return fail(entry, "certificate table directory", "0x%x bytes at 0x%x in a file of 0x%x", t.Size, t.Offset, im.Size)
	}
	im.CertTable = t
	return nil
}

// knownMachine says that wintrust makes page hashes for the machine: it wants to know how large its pages are, and PE32 or PE32+
// as it knows it. Itanium has other pages than we write.
func knownMachine(im *peimage.Image) bool {
	if im.PE32Plus {
		return im.Machine == peimage.MachineAMD64 || im.Machine == peimage.MachineARM64
	}
	// i386, ARM, Thumb, ARMNT, CHPE
	return slices.Contains([]uint16{peimage.Machine386, 0x1c0, 0x1c2, peimage.MachineARMNT, 0x3a64}, im.Machine)
}

// readInto fills b; where the headers are, there is something to read.
func readInto(r io.ReaderAt, b []byte, at int64) error {
	if n, err := r.ReadAt(b, at); n < len(b) {
		return fmt.Errorf("reading PE headers: %w", errors.Join(io.ErrUnexpectedEOF, err))
	}
	return nil
}
