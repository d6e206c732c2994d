package cab

import (
	"context"
	"encoding/binary"
)

// Check tells why Windows' SIP (wintrust 10.0.15063) would refuse to hash the
// cabinet: parts that overlap, leave gaps or lie outside it. Errors are a
// *FormatError, those of reading, and that of the context.
func (c *Cabinet) Check(ctx context.Context) error {
	if err := c.checkSizes(); err != nil {
		return err
	}
	return c.walk(ctx)
}

// checkSizes holds the sizes against one another.
func (c *Cabinet) checkSizes() error {
	switch {
	case c.dataReserve() != 0:
		return formatError(reserveOffset+3, "cbCFData", "%d bytes are reserved in each block, which Windows does not hash", c.dataReserve())
	case c.folderReserve() != 0 && c.u16(foldersOffset) >= 2 && c.body+folderSize+c.folderReserve() >= c.cabinet:
		return formatError(reserveOffset+2, "cbCFFolder", "%d bytes are outside the cabinet", c.folderReserve())
	case c.cabinet != c.size-c.sigSize:
		return formatError(sizeOffset, "cbCabinet", "%d bytes, and the file has %d with a signature of %d", c.cabinet, c.size, c.sigSize)
	}
	return nil
}

// walk follows folders, files and blocks of data, which have to fill the cabinet without gaps.
func (c *Cabinet) walk(ctx context.Context) error {
	at := c.body
	folders := make([][2]int64, c.u16(foldersOffset)) // where its data are, and how many blocks
	for i := range folders {
		var f [folderSize]byte
		if err := c.readAt(f[:], at, "folder"); err != nil {
			return err
		}
		folders[i] = [2]int64{int64(binary.LittleEndian.Uint32(f[:])), int64(binary.LittleEndian.Uint16(f[4:]))}
		if folders[i][0] >= c.cabinet {
			return formatError(at, "folder", "its data at 0x%x are outside the cabinet", folders[i][0])
		}
		at += folderSize + c.folderReserve()
	}
	if at != c.u32(filesOffset) {
		return formatError(filesOffset, "coffFiles", "0x%x, and the folders end at 0x%x", c.u32(filesOffset), at)
	}
	at, err := c.skipFiles(at)
	for i := 0; err == nil && i < len(folders); i++ {
		if at != folders[i][0] {
			return formatError(at, "data", "those of folder %d are said to be at 0x%x", i, folders[i][0])
		}
		if err = ctx.Err(); err == nil {
			at, err = c.skipData(at, folders[i][1])
		}
	}
	if err == nil && at != c.cabinet {
		return formatError(at, "data", "they end here, the cabinet at 0x%x", c.cabinet)
	}
	return err
}

func (c *Cabinet) skipFiles(at int64) (end int64, err error) {
	for range c.u16(fileCount) {
		if at+fileSize > c.size {
			return 0, formatError(at, "file", "the file ends at 0x%x", c.size)
		}
		if at, err = c.skipName(at + fileSize); err != nil {
			return 0, err
		}
	}
	return at, nil
}

func (c *Cabinet) skipData(at, blocks int64) (int64, error) {
	sum := at // of the data alone, as the SIP has it
	for range blocks {
		var b [dataSize]byte
		if err := c.readAt(b[:], at, "data"); err != nil {
			return 0, err
		}
		n := int64(binary.LittleEndian.Uint16(b[4:])) + c.dataReserve()
		if sum += n; sum >= c.cabinet {
			return 0, formatError(at, "data", "%d bytes are outside the cabinet", n)
		}
		at += dataSize + n
	}
	return at, nil
}

// Covered lists the parts that Windows hashes, in this order: everything but
// reserved1 (offset 4), the sizes of the reserved areas, what the header's holds
// about a signature, and the signature.
func (c *Cabinet) Covered() []Range {
	s := []Range{{0, 4}, {sizeOffset, headerSize - sizeOffset}}
	if c.reserved() && c.u16(reserveOffset) >= 4 {
		s = append(s, Range{reserveData, 2}, Range{reserveData + 4, c.client})
	}
	return append(s, Range{c.body - c.names, c.cabinet - c.body + c.names})
}
