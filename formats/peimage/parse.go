package peimage

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// Sizes of the fixed structures (PE Format).
const (
	dosHeaderSize      = 64
	peSignatureSize    = 4
	coffHeaderSize     = 20
	sectionHeaderSize  = 40
	directoryEntrySize = 8
	maxDirectories     = 16
	tableAlignment     = 8 // attribute certificate table: each entry starts on a quadword
)

// Offsets inside the optional header that PE32 and PE32+ do not share (PE Format,
// "Optional Header").
const (
	pe32Magic     = 0x10b
	pe32PlusMagic = 0x20b

	pe32DirectoryCount     = 92
	pe32PlusDirectoryCount = 108
)

// Offsets inside the optional header that both kinds share.
const (
	optSectionAlignment = 32
	optFileAlignment    = 36
	optSizeOfImage      = 56
	optSizeOfHeaders    = 60
	optCheckSum         = 64
	optSubsystem        = 68
	optDLLChars         = 70
)

// Parse reads the layout of the PE file of size bytes in r. It reads headers and
// certificate table entries only, never section contents.
//
// A file that is not a PE file at all, or whose headers do not fit into it, gives a
// *FormatError. What Parse can describe although Windows refuses it is left to Check.
// Errors of r itself are wrapped.
func Parse(r io.ReaderAt, size int64) (*Image, error) {
	p := parser{r: r, im: &Image{Size: size}}
	if err := p.parse(); err != nil {
		return nil, err
	}
	return p.im, nil
}

func (p *parser) parse() error {
	if err := p.dosHeader(); err != nil {
		return err
	}
	sections, optionalSize, err := p.coffHeader()
	if err != nil {
		return err
	}
	if err := p.optionalHeader(optionalSize); err != nil {
		return err
	}
	if err := p.sectionTable(sections, optionalSize); err != nil {
		return err
	}
	if err := p.certificateTable(); err != nil {
		return err
	}
	p.im.locateOverlay()
	p.im.checkLayout()
	return nil
}

type parser struct {
	r       io.ReaderAt
	im      *Image
	noTable bool // the directory entry of the certificate table is not followed
}

// read returns n bytes at off, or a FormatError naming field when the file ends before.
func (p *parser) read(off int64, n int, field string) ([]byte, error) {
	if off < 0 || off+int64(n) > p.im.Size {
		return nil, formatError(off, field, "needs %d bytes, the file ends at 0x%x", n, p.im.Size)
	}
	b := make([]byte, n)
	if err := readFull(p.r, b, off); err != nil {
		return nil, fmt.Errorf("reading %s at offset 0x%x: %w", field, off, err)
	}
	return b, nil
}

func (p *parser) dosHeader() error {
	b, err := p.read(0, dosHeaderSize, "MS-DOS header")
	if err != nil {
		return err
	}
	if b[0] != 'M' || b[1] != 'Z' {
		return formatError(0, "e_magic", "not a PE file: it starts with % x, not with MZ", b[:2])
	}
	p.im.HeaderOffset = int64(binary.LittleEndian.Uint32(b[60:]))
	return nil
}

func (p *parser) coffHeader() (sections, optionalSize int, err error) {
	b, err := p.read(p.im.HeaderOffset, peSignatureSize+coffHeaderSize, "PE header (e_lfanew points to it)")
	if err != nil {
		return 0, 0, err
	}
	if string(b[:4]) != "PE\x00\x00" {
		return 0, 0, formatError(p.im.HeaderOffset, "PE signature", "is % x, not PE\\0\\0", b[:4])
	}
	le := binary.LittleEndian
	p.im.Machine = le.Uint16(b[4:])
	p.im.TimeDateStamp = le.Uint32(b[8:])
	p.im.Characteristics = le.Uint16(b[22:])
	return int(le.Uint16(b[6:])), int(le.Uint16(b[20:])), nil
}

func (p *parser) optionalHeader(size int) error {
	im := p.im
	off := im.HeaderOffset + peSignatureSize + coffHeaderSize
	b, err := p.read(off, size, "optional header")
	if err != nil {
		return err
	}
	if size < 2 {
		return formatError(off, "SizeOfOptionalHeader", "is %d, an image needs an optional header", size)
	}
	countAt := pe32DirectoryCount
	switch magic := binary.LittleEndian.Uint16(b); magic {
	case pe32Magic:
	case pe32PlusMagic:
		im.PE32Plus = true
		countAt = pe32PlusDirectoryCount
	default:
		return formatError(off, "Magic", "is 0x%x, neither PE32 (0x10b) nor PE32+ (0x20b)", magic)
	}
	if size < countAt+4 {
		return formatError(off, "SizeOfOptionalHeader", "is %d, at least %d are needed", size, countAt+4)
	}
	im.optionalSize = size
	im.fillOptional(b, off)
	return im.fillDirectories(b, off, countAt)
}

func (im *Image) fillOptional(b []byte, off int64) {
	le := binary.LittleEndian
	im.SectionAlignment = le.Uint32(b[optSectionAlignment:])
	im.FileAlignment = le.Uint32(b[optFileAlignment:])
	im.SizeOfImage = le.Uint32(b[optSizeOfImage:])
	im.SizeOfHeaders = le.Uint32(b[optSizeOfHeaders:])
	im.CheckSum = le.Uint32(b[optCheckSum:])
	im.Subsystem = le.Uint16(b[optSubsystem:])
	im.DLLCharacteristics = le.Uint16(b[optDLLChars:])
	im.ChecksumOffset = off + optCheckSum
}

// fillDirectories takes as many directories as NumberOfRvaAndSizes says, 16 at most as
// the loader does; they must fit into the optional header, since what follows is the
// section table.
func (im *Image) fillDirectories(b []byte, off int64, countAt int) error {
	count := int(min(binary.LittleEndian.Uint32(b[countAt:]), maxDirectories))
	first := countAt + 4
	if have := (len(b) - first) / directoryEntrySize; count > have {
		return formatError(off+int64(countAt), "NumberOfRvaAndSizes", "is %d, the optional header has room for %d", count, have)
	}
	for i := range count {
		e := b[first+i*directoryEntrySize:]
		im.Directories = append(im.Directories, Directory{binary.LittleEndian.Uint32(e), binary.LittleEndian.Uint32(e[4:])})
	}
	if at := off + int64(first) + DirectoryCertificate*directoryEntrySize; at+directoryEntrySize <= im.Size {
		im.SecurityDirOffset = at
	}
	return nil
}

func (p *parser) sectionTable(count, optionalSize int) error {
	off := p.im.HeaderOffset + peSignatureSize + coffHeaderSize + int64(optionalSize)
	b, err := p.read(off, count*sectionHeaderSize, "section table")
	if err != nil {
		return err
	}
	le := binary.LittleEndian
	p.im.sectionTableOffset = off
	p.im.Sections = make([]Section, count)
	for i := range p.im.Sections {
		e := b[i*sectionHeaderSize:]
		p.im.Sections[i] = Section{
			Name:             strings.TrimRight(string(e[:8]), "\x00"),
			VirtualSize:      le.Uint32(e[8:]),
			VirtualAddress:   le.Uint32(e[12:]),
			SizeOfRawData:    le.Uint32(e[16:]),
			PointerToRawData: le.Uint32(e[20:]),
			Characteristics:  le.Uint32(e[36:]),
		}
	}
	return nil
}

// locateOverlay sets Overlay to what lies between the end of the last section and the
// certificate table. Authenticode hashes it.
func (im *Image) locateOverlay() {
	end := int64(im.SizeOfHeaders)
	for _, s := range im.Sections {
		if s.SizeOfRawData == 0 {
			continue
		}
		end = max(end, int64(s.PointerToRawData)+int64(s.SizeOfRawData))
	}
	limit := im.Size
	if im.HasSignature() {
		limit = min(im.CertTable.Offset, im.Size)
	}
	if end < limit {
		im.Overlay = Range{Offset: end, Size: limit - end}
	}
}

// sectionHeader returns the offset of the i-th section header.
func (im *Image) sectionHeader(i int) int64 {
	return im.sectionTableOffset + int64(i)*sectionHeaderSize
}

// sectionTableEnd is the first byte that may belong to a section.
func (im *Image) sectionTableEnd() int64 { return im.sectionHeader(len(im.Sections)) }
