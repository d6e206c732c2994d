package cab

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
)

const (
	maxBlock = 32 << 10 // of uncompressed data (section 2.4, cbUncomp; MSZIP: [MS-MCI])
	maxName  = 256      // of a file, in bytes with its zero (section 2.3, szName)
)

// Kinds of compression (section 2.2, typeCompress, low four bits).
const (
	compressNone  = 0
	compressMSZIP = 1
)

// folder is a CFFOLDER: a run of blocks that are unpacked together.
type folder struct {
	data   int64 // offset of the first block
	blocks int
	kind   uint16
}

// file is a CFFILE.
type file struct {
	size, offset int64 // in the unpacked folder
	folder       int
}

// Extract unpacks the file with the given name, of at most limit bytes in an
// unpacked folder of at most limit bytes. Compression is none or MSZIP. Checksums
// of blocks are not compared: what matters in a cabinet is signed.
func (c *Cabinet) Extract(name string, limit int64) ([]byte, error) {
	if c.u16(flagsOffset)&(prevFlag|nextFlag) != 0 {
		return nil, formatError(flagsOffset, "flags", "it is one of several cabinets")
	}
	f, err := c.find(name)
	if err != nil {
		return nil, err
	}
	where, err := c.folder(f.folder)
	if err != nil {
		return nil, err
	}
	unpacked, err := c.unpack(where, limit)
	if err != nil {
		return nil, err
	}
	if f.offset+f.size > int64(len(unpacked)) {
		return nil, formatError(where.data, "data", "they end before the file %s does", name)
	}
	return unpacked[f.offset : f.offset+f.size], nil
}

// find looks for a file by its name (section 2.3).
func (c *Cabinet) find(name string) (file, error) {
	at := c.u32(filesOffset)
	for range c.u16(fileCount) {
		var b [fileSize]byte
		if err := c.readAt(b[:], at, "file"); err != nil {
			return file{}, err
		}
		end, err := c.skipName(at + fileSize)
		if err != nil {
			return file{}, err
		}
		n := end - at - fileSize
		if n > maxName {
			return file{}, formatError(at+fileSize, "szName", "%d bytes, more than %d", n, maxName)
		}
		have := make([]byte, n)
		if err := c.readAt(have, at+fileSize, "szName"); err != nil {
			return file{}, err
		}
		if string(have[:n-1]) == name {
			return file{int64(binary.LittleEndian.Uint32(b[:])), int64(binary.LittleEndian.Uint32(b[4:])), int(binary.LittleEndian.Uint16(b[8:]))}, nil
		}
		at = end
	}
	return file{}, fmt.Errorf("cabinet: there is no %s in it", name)
}

// folder reads a CFFOLDER (section 2.2).
func (c *Cabinet) folder(n int) (folder, error) {
	if int64(n) >= c.u16(foldersOffset) {
		return folder{}, formatError(filesOffset, "iFolder", "the file continues in another cabinet")
	}
	var b [folderSize]byte
	err := c.readAt(b[:], c.body+int64(n)*(folderSize+c.folderReserve()), "folder")
	return folder{int64(binary.LittleEndian.Uint32(b[:])), int(binary.LittleEndian.Uint16(b[4:])), binary.LittleEndian.Uint16(b[6:])}, err
}

// unpack joins the blocks of a folder (section 2.4).
func (c *Cabinet) unpack(f folder, limit int64) ([]byte, error) {
	var out []byte
	at := f.data
	for range f.blocks {
		var head [dataSize]byte
		if err := c.readAt(head[:], at, "data"); err != nil {
			return nil, err
		}
		packed, size := int(binary.LittleEndian.Uint16(head[4:])), int(binary.LittleEndian.Uint16(head[6:]))
		if size > maxBlock || int64(len(out)+size) > limit {
			return nil, formatError(at, "cbUncomp", "%d bytes: a block has at most %d, and a folder here %d", size, maxBlock, limit)
		}
		block := make([]byte, packed)
		if err := c.readAt(block, at+dataSize+c.dataReserve(), "data"); err != nil {
			return nil, err
		}
		data, problem := inflate(block, f.kind, size, out)
		if problem != "" {
			return nil, formatError(at, "data", "%s", problem)
		}
		out = append(out, data...)
		at += dataSize + c.dataReserve() + int64(packed)
	}
	return out, nil
}

// inflate unpacks one block, which may refer to the 32 KB before it ([MS-MCI]:
// MSZIP).
func inflate(block []byte, kind uint16, size int, before []byte) (data []byte, problem string) {
	switch kind & 0xf {
	case compressNone:
		if len(block) != size {
			return nil, fmt.Sprintf("a stored block of %d bytes says that it has %d", len(block), size)
		}
		return block, ""
	case compressMSZIP:
		if !bytes.HasPrefix(block, []byte("CK")) {
			return nil, "the block is not MSZIP"
		}
		z := flate.NewReaderDict(bytes.NewReader(block[2:]), before[max(0, len(before)-maxBlock):])
		out := make([]byte, size)
		if _, err := io.ReadFull(z, out); err != nil {
			return nil, fmt.Sprintf("unpacking: %v", err)
		}
		return out, ""
	}
	return nil, fmt.Sprintf("compression of kind %d is not supported", kind&0xf)
}
