package catalog

import (
	"bytes"
	"context"
	"crypto"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Sizes and offsets, in bytes, of a cabinet's CFHEADER, CFFOLDER, CFFILE and CFDATA (Microsoft, "Microsoft Cabinet Format").
const (
	cabHeaderSize    = 36
	cabFolderSize    = 8
	cabFileSize      = 16 // and a name
	cabDataSize      = 8
	cabSizeOffset    = 8  // cbCabinet, uint32
	cabFilesOffset   = 16 // coffFiles, uint32
	cabFoldersOffset = 26 // cFolders, uint16
	cabFileCount     = 28 // cFiles, uint16
	cabFlagsOffset   = 30 // uint16
	cabReserveOffset = 36 // cbCFHeader, uint16, cbCFFolder, cbCFData, one byte each; present with the flag below
	cabReserveData   = 40
	cabPrevFlag      = 0x0001 // two names follow the header
	cabNextFlag      = 0x0002 // two names
	cabReserveFlag   = 0x0004
	// The reserved area begins with two uint16: the number of bytes that belong to others, and of those of a signature, which come
	// after them: its offset and size, and eight bytes more.
	cabSignatureInfo = 16
	cabSignatureRoom = 4 + cabSignatureInfo
)

// CabinetError says what is wrong with a cabinet.
type CabinetError struct {
	Offset  int64
	Field   string
	Problem string
}

func (e *CabinetError) Error() string {
	return fmt.Sprintf("cabinet: %s at offset 0x%x: %s", e.Field, e.Offset, e.Problem)
}

func cabError(offset int64, field, format string, args ...any) error {
	return &CabinetError{offset, field, fmt.Sprintf(format, args...)}
}

// digestCAB hashes a cabinet as Microsoft's SIP does (wintrust 10.0.15063): everything but reserved1 (offset 4), the sizes of the
// reserved areas, what the header's holds about a signature, and the signature. Cabinets that the SIP refuses are errors.
func digestCAB(ctx context.Context, r io.ReaderAt, size int64, hashes []crypto.Hash) (*Digests, error) {
	c, err := readCabinet(r, size)
	if err == nil {
		err = c.walk(ctx)
	}
	if err != nil {
		return nil, unlistable(err)
	}
	d := &Digests{Kind: KindCAB}
	if d.Hash, err = hashSpans(ctx, r, c.spans(), hashes); err != nil {
		return nil, err
	}
	d.Enhanced, err = hashSpans(ctx, r, []span{{cabSizeOffset, 4}}, hashes)
	return d, err
}

// cab is what is known of a cabinet from its header.
type cab struct {
	r       io.ReaderAt
	size    int64 // of the file
	cabinet int64 // of the cabinet in it
	head    [cabReserveData]byte
	client  int64 // bytes in the reserved area that are others'
	sigSize int64
	names   int64 // bytes of the names of the cabinets before and after
	body    int64 // offset of what follows the header, reserved area and names
}

func (c *cab) u16(offset int) int64 { return int64(binary.LittleEndian.Uint16(c.head[offset:])) }
func (c *cab) u32(offset int) int64 { return int64(binary.LittleEndian.Uint32(c.head[offset:])) }
func (c *cab) reserved() bool       { return c.u16(cabFlagsOffset)&cabReserveFlag != 0 }
func (c *cab) folderReserve() int64 { return int64(c.head[cabReserveOffset+2]) }
func (c *cab) dataReserve() int64   { return int64(c.head[cabReserveOffset+3]) }
func (c *cab) headerSizes() (n int64) {
	if c.reserved() {
		return cabReserveData
	}
	return cabHeaderSize
}

// readAt fills b, or says that the file ends.
func (c *cab) readAt(b []byte, at int64, field string) error {
	if at+int64(len(b)) > c.size {
		return cabError(at, field, "the file ends at 0x%x", c.size)
	}
	if _, err := c.r.ReadAt(b, at); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("reading cabinet: %w", err)
	}
	return nil
}

func readCabinet(r io.ReaderAt, size int64) (*cab, error) {
	c := &cab{r: r, size: size}
	if size > math.MaxInt32 {
		return nil, cabError(0, "file", "%d bytes are more than a cabinet may have", size)
	}
	if err := c.readAt(c.head[:cabHeaderSize], 0, "header"); err != nil {
		return nil, err
	}
	if string(c.head[:4]) != "MSCF" {
		return nil, cabError(0, "signature", "%q is not MSCF", c.head[:4])
	}
	if c.cabinet = c.u32(cabSizeOffset); c.cabinet > size {
		return nil, cabError(cabSizeOffset, "cbCabinet", "%d bytes, and the file has %d", c.cabinet, size)
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
	return c, c.check()
}

// namesAfter is how many names follow the header: of a cabinet and of its disk, before and after.
func (c *cab) namesAfter() int64 {
	flags := c.u16(cabFlagsOffset)
	return 2 * (flags&cabPrevFlag + flags&cabNextFlag/cabNextFlag)
}

// readReserve reads the sizes of the reserved areas and what the header's says of a signature.
func (c *cab) readReserve() error {
	c.body = c.headerSizes()
	if !c.reserved() {
		return nil
	}
	if err := c.readAt(c.head[cabReserveOffset:], cabReserveOffset, "reserved area"); err != nil {
		return err
	}
	n := c.u16(cabReserveOffset)
	if n == 0 {
		return nil
	}
	area := make([]byte, n)
	if err := c.readAt(area, cabReserveData, "reserved area"); err != nil {
		return err
	}
	c.body += n
	if n < 4 {
		return cabError(cabReserveOffset, "cbCFHeader", "%d bytes are reserved, fewer than their own sizes need", n)
	}
	info := int64(binary.LittleEndian.Uint16(area[2:]))
	if c.client = int64(binary.LittleEndian.Uint16(area)); c.client+info+4 > n {
		return cabError(cabReserveData, "reserved area", "%d and %d bytes in an area of %d", c.client, info, n)
	}
	if info != cabSignatureInfo {
		return nil
	}
	at := int64(binary.LittleEndian.Uint32(area[4+c.client:]))
	c.sigSize = int64(binary.LittleEndian.Uint32(area[8+c.client:]))
	if at >= c.size || c.sigSize > c.size-at {
		return cabError(cabReserveData+4+c.client, "signature", "%d bytes at 0x%x are outside the file of 0x%x bytes", c.sigSize, at, c.size)
	}
	return nil
}

// check holds the sizes against one another.
func (c *cab) check() error {
	switch {
	case c.body > c.cabinet:
		return cabError(cabSizeOffset, "cbCabinet", "%d bytes, fewer than the header's", c.cabinet)
	case c.dataReserve() != 0:
		return cabError(cabReserveOffset+3, "cbCFData", "%d bytes are reserved in each block, which Windows does not hash", c.dataReserve())
	case c.folderReserve() != 0 && c.u16(cabFoldersOffset) >= 2 && c.body+cabFolderSize+c.folderReserve() >= c.cabinet:
		return cabError(cabReserveOffset+2, "cbCFFolder", "%d bytes are outside the cabinet", c.folderReserve())
	case c.cabinet != c.size-c.sigSize:
		return cabError(cabSizeOffset, "cbCabinet", "%d bytes, and the file has %d with a signature of %d", c.cabinet, c.size, c.sigSize)
	}
	return nil
}

// walk follows folders, files and blocks of data, which have to fill the cabinet without gaps.
func (c *cab) walk(ctx context.Context) error {
	at := c.body
	folders := make([][2]int64, c.u16(cabFoldersOffset)) // where its data are, and how many blocks
	for i := range folders {
		var f [cabFolderSize]byte
		if err := c.readAt(f[:], at, "folder"); err != nil {
			return err
		}
		folders[i] = [2]int64{int64(binary.LittleEndian.Uint32(f[:])), int64(binary.LittleEndian.Uint16(f[4:]))}
		if folders[i][0] >= c.cabinet {
			return cabError(at, "folder", "its data at 0x%x are outside the cabinet", folders[i][0])
		}
		at += cabFolderSize + c.folderReserve()
	}
	if at != c.u32(cabFilesOffset) {
		return cabError(cabFilesOffset, "coffFiles", "0x%x, and the folders end at 0x%x", c.u32(cabFilesOffset), at)
	}
	at, err := c.skipFiles(at)
	for i := 0; err == nil && i < len(folders); i++ {
		if at != folders[i][0] {
			return cabError(at, "data", "those of folder %d are said to be at 0x%x", i, folders[i][0])
		}
		if err = ctx.Err(); err == nil {
			at, err = c.skipData(at, folders[i][1])
		}
	}
	if err == nil && at != c.cabinet {
		return cabError(at, "data", "they end here, the cabinet at 0x%x", c.cabinet)
	}
	return err
}

func (c *cab) skipFiles(at int64) (end int64, err error) {
	for range c.u16(cabFileCount) {
		if at+cabFileSize > c.size {
			return 0, cabError(at, "file", "the file ends at 0x%x", c.size)
		}
		if at, err = c.skipName(at + cabFileSize); err != nil {
			return 0, err
		}
	}
	return at, nil
}

func (c *cab) skipData(at, blocks int64) (int64, error) {
	sum := at // of the data alone, as the SIP has it
	for range blocks {
		var b [cabDataSize]byte
		if err := c.readAt(b[:], at, "data"); err != nil {
			return 0, err
		}
		n := int64(binary.LittleEndian.Uint16(b[4:])) + c.dataReserve()
		if sum += n; sum >= c.cabinet {
			return 0, cabError(at, "data", "%d bytes are outside the cabinet", n)
		}
		at += cabDataSize + n
	}
	return at, nil
}

// skipName passes over a name with its NUL.
func (c *cab) skipName(at int64) (int64, error) {
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
	return 0, cabError(at, "name", "the file ends in it")
}

// spans are the parts that are hashed, in order.
func (c *cab) spans() []span {
	s := []span{{0, 4}, {cabSizeOffset, cabHeaderSize - cabSizeOffset}}
	if c.reserved() && c.u16(cabReserveOffset) >= 4 {
		s = append(s, span{cabReserveData, 2}, span{cabReserveData + 4, c.client})
	}
	return append(s, span{c.body - c.names, c.cabinet - c.body + c.names})
}
