// Package cab reads cabinets (.cab): their layout, the files in them, and which
// of their bytes a signature covers.
//
// [Parse] reads the header. [Cabinet.Extract] unpacks one file.
// [Cabinet.Check] and [Cabinet.Covered] say whether Windows can sign or list a
// cabinet, and what it hashes then. The format is [MS-CAB]; what Windows hashes
// is what its subject interface package (SIP) for cabinets does.
//
// # Compatibility
//
// The API follows the semantic version of the module: before 1.0 a minor version
// may change it, and the changelog says so.
package cab

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Sizes and offsets, in bytes, of a CFHEADER, CFFOLDER, CFFILE and CFDATA (Microsoft,
// "Microsoft Cabinet Format").
const (
	headerSize    = 36
	folderSize    = 8
	fileSize      = 16 // and a name
	dataSize      = 8
	sizeOffset    = 8  // cbCabinet, uint32
	filesOffset   = 16 // coffFiles, uint32
	foldersOffset = 26 // cFolders, uint16
	fileCount     = 28 // cFiles, uint16
	flagsOffset   = 30 // uint16
	reserveOffset = 36 // cbCFHeader, uint16, cbCFFolder, cbCFData, one byte each; present with the flag below
	reserveData   = 40
	prevFlag      = 0x0001 // two names follow the header
	nextFlag      = 0x0002 // two names
	reserveFlag   = 0x0004
	// The reserved area begins with two uint16: the number of bytes that belong to
	// others, and of those of a signature, which come after them: its offset and size,
	// and eight bytes more.
	signatureInfo = 16
)

// FormatError says what is wrong with a cabinet, and where.
type FormatError struct {
	Offset  int64  // in the file
	Field   string // as [MS-CAB] calls it, or the part of the cabinet
	Problem string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("cabinet: %s at offset 0x%x: %s", e.Field, e.Offset, e.Problem)
}

func formatError(offset int64, field, format string, args ...any) error {
	return &FormatError{offset, field, fmt.Sprintf(format, args...)}
}

// Is tells a cabinet by its first four bytes.
func Is(b []byte) bool { return bytes.HasPrefix(b, []byte(signature)) }

const signature = "MSCF"

// Range is a run of bytes of a file.
type Range struct{ Offset, Size int64 }

// SizeField is where a cabinet's own size is written (cbCabinet).
var SizeField = Range{sizeOffset, 4}

// Cabinet is what is known of a cabinet from its header.
type Cabinet struct {
	r       io.ReaderAt
	size    int64 // of the file
	cabinet int64 // of the cabinet in it
	head    [reserveData]byte
	client  int64 // bytes in the reserved area that are others'
	sigSize int64
	names   int64 // bytes of the names of the cabinets before and after
	body    int64 // offset of what follows the header, reserved area and names
}

func (c *Cabinet) u16(offset int) int64 { return int64(binary.LittleEndian.Uint16(c.head[offset:])) }
func (c *Cabinet) u32(offset int) int64 { return int64(binary.LittleEndian.Uint32(c.head[offset:])) }
func (c *Cabinet) reserved() bool       { return c.u16(flagsOffset)&reserveFlag != 0 }
func (c *Cabinet) folderReserve() int64 { return int64(c.head[reserveOffset+2]) }
func (c *Cabinet) dataReserve() int64   { return int64(c.head[reserveOffset+3]) }
func (c *Cabinet) headerSizes() (n int64) {
	if c.reserved() {
		return reserveData
	}
	return headerSize
}

// readAt fills b, or says that the file ends.
func (c *Cabinet) readAt(b []byte, at int64, field string) error {
	if at+int64(len(b)) > c.size {
		return formatError(at, field, "the file ends at 0x%x", c.size)
	}
	if _, err := c.r.ReadAt(b, at); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading cabinet: %w", err)
	}
	return nil
}

// Parse reads the header of the cabinet of size bytes in r. Errors are a
// *FormatError, and those of reading.
func Parse(r io.ReaderAt, size int64) (*Cabinet, error) {
	c := &Cabinet{r: r, size: size}
	if size > math.MaxInt32 {
		return nil, formatError(0, "file", "%d bytes are more than a cabinet may have", size)
	}
	if err := c.readAt(c.head[:headerSize], 0, "header"); err != nil {
		return nil, err
	}
	if !Is(c.head[:]) {
		return nil, formatError(0, "signature", "%q is not MSCF", c.head[:4])
	}
	if c.cabinet = c.u32(sizeOffset); c.cabinet > size {
		return nil, formatError(sizeOffset, "cbCabinet", "%d bytes, and the file has %d", c.cabinet, size)
	}
	if err := c.readReserve(); err != nil {
		return nil, err
	}
	start := c.body
	for range c.namesAfter() {
		var err error
		if c.body, err = c.skipName(c.body); err != nil {
			return nil, err
		}
	}
	c.names = c.body - start
	if c.body > c.cabinet {
		return nil, formatError(sizeOffset, "cbCabinet", "%d bytes, fewer than the header's", c.cabinet)
	}
	return c, nil
}

// namesAfter is how many names follow the header: of a cabinet and of its disk, before and after.
func (c *Cabinet) namesAfter() int64 {
	flags := c.u16(flagsOffset)
	return 2 * (flags&prevFlag + flags&nextFlag/nextFlag)
}

// readReserve reads the sizes of the reserved areas and what the header's says of a signature.
func (c *Cabinet) readReserve() error {
	c.body = c.headerSizes()
	if !c.reserved() {
		return nil
	}
	if err := c.readAt(c.head[reserveOffset:], reserveOffset, "reserved area"); err != nil {
		return err
	}
	n := c.u16(reserveOffset)
	if n == 0 {
		return nil
	}
	area := make([]byte, n)
	if err := c.readAt(area, reserveData, "reserved area"); err != nil {
		return err
	}
	c.body += n
	if n < 4 {
		return formatError(reserveOffset, "cbCFHeader", "%d bytes are reserved, fewer than their own sizes need", n)
	}
	info := int64(binary.LittleEndian.Uint16(area[2:]))
	if c.client = int64(binary.LittleEndian.Uint16(area)); c.client+info+4 > n {
		return formatError(reserveData, "reserved area", "%d and %d bytes in an area of %d", c.client, info, n)
	}
	if info != signatureInfo {
		return nil
	}
	at := int64(binary.LittleEndian.Uint32(area[4+c.client:]))
	c.sigSize = int64(binary.LittleEndian.Uint32(area[8+c.client:]))
	if at >= c.size || c.sigSize > c.size-at {
		return formatError(reserveData+4+c.client, "signature", "%d bytes at 0x%x are outside the file of 0x%x bytes", c.sigSize, at, c.size)
	}
	return nil
}

// skipName passes over a name with its NUL.
func (c *Cabinet) skipName(at int64) (int64, error) {
	var b [64]byte
	for at < c.size {
		part := b[:min(int64(len(b)), c.size-at)]
		if err := c.readAt(part, at, "name"); err != nil {
			return 0, err
		}
		if i := bytes.IndexByte(part, 0); i >= 0 {
			return at + int64(i) + 1, nil
		}
		at += int64(len(part))
	}
	return 0, formatError(at, "name", "the file ends in it")
}
