package trust

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Limits on what a cabinet may make us do. Microsoft's have one file of less than 300 KB.
const (
	maxUnpacked    = 16 << 20
	maxCabinetFile = 64
	maxBlock       = 32 << 10 // of uncompressed data (Microsoft, [MS-CAB] section 2.4, cbUncomp; MSZIP: [MS-MCI])
)

// Kinds of compression ([MS-CAB] section 2.2, typeCompress, low four bits).
const (
	compressNone  = 0
	compressMSZIP = 1
)

// isCabinet tells a cabinet by its signature.
func isCabinet(b []byte) bool { return bytes.HasPrefix(b, []byte("MSCF")) }

// fromCabinet returns the one file of a cabinet with the given name (Microsoft, [MS-CAB]: Cabinet File Format). Checksums of
// blocks are passed over: what is in Microsoft's cabinets is signed.
func fromCabinet(b []byte, name string) ([]byte, error) {
	c, err := readCabinet(b)
	if err != nil {
		return nil, fmt.Errorf("reading cabinet: %v", err)
	}
	for _, f := range c.files {
		if f.name != name {
			continue
		}
		if int(f.folder) >= len(c.folders) {
			return nil, errors.New("reading cabinet: it goes on in another one")
		}
		folder, err := c.unpack(c.folders[f.folder])
		if err != nil {
			return nil, fmt.Errorf("reading cabinet: %v", err)
		}
		if uint64(f.offset)+uint64(f.size) > uint64(len(folder)) {
			return nil, errors.New("reading cabinet: it is cut off")
		}
		return folder[f.offset : f.offset+f.size], nil
	}
	return nil, fmt.Errorf("reading cabinet: there is no %s in it", name)
}

type cabinet struct {
	b             []byte
	folderReserve int // bytes that an application has kept for itself in each CFFOLDER
	dataReserve   int // and in each CFDATA
	folders       []cabFolder
	files         []cabFile
}

type cabFolder struct {
	start  uint32 // of the first block
	blocks uint16
	kind   uint16
}

type cabFile struct {
	size, offset uint32 // in the unpacked folder
	folder       uint16
	name         string
}

// readCabinet reads CFHEADER, CFFOLDERs and CFFILEs ([MS-CAB] sections 2.1 to 2.3).
func readCabinet(b []byte) (*cabinet, error) {
	r := &cabReader{b: b}
	r.skip(16)
	firstFile := r.u32()
	r.skip(6)
	folders, files, flags := r.u16(), r.u16(), r.u16()
	r.skip(4)
	if r.bad || !isCabinet(b) {
		return nil, errors.New("malformed header")
	}
	const previous, next, reserve = 1, 2, 4
	if flags&(previous|next) != 0 || files > maxCabinetFile {
		return nil, errors.New("it is one of several, or has too many files")
	}
	c := &cabinet{b: b}
	if flags&reserve != 0 {
		header := r.u16()
		c.folderReserve, c.dataReserve = int(r.u8()), int(r.u8())
		r.skip(int(header))
	}
	for range folders {
		c.folders = append(c.folders, cabFolder{r.u32(), r.u16(), r.u16()})
		r.skip(c.folderReserve)
	}
	r.seek(firstFile)
	for range files {
		f := cabFile{size: r.u32(), offset: r.u32(), folder: r.u16()}
		r.skip(6)
		f.name = r.text()
		c.files = append(c.files, f)
	}
	if r.bad {
		return nil, errors.New("it is cut off")
	}
	return c, nil
}

// unpack joins the blocks of a folder ([MS-CAB] section 2.4).
func (c *cabinet) unpack(f cabFolder) ([]byte, error) {
	r := &cabReader{b: c.b}
	r.seek(f.start)
	var out []byte
	for range f.blocks {
		r.skip(4)
		packed, size := int(r.u16()), int(r.u16())
		r.skip(c.dataReserve)
		block := r.bytes(packed)
		if r.bad || size > maxBlock || len(out)+size > maxUnpacked {
			return nil, errors.New("malformed block of data")
		}
		data, err := inflate(block, f.kind, size, out)
		if err != nil {
			return nil, err
		}
		out = append(out, data...)
	}
	return out, nil
}

// inflate unpacks one block, which may refer to the 32 KB before it (Microsoft, [MS-MCI]: MSZIP).
func inflate(block []byte, kind uint16, size int, before []byte) ([]byte, error) {
	switch kind & 0xf {
	case compressNone:
		if len(block) != size {
			return nil, errors.New("stored block of another length than it says")
		}
		return block, nil
	case compressMSZIP:
		if !bytes.HasPrefix(block, []byte("CK")) {
			return nil, errors.New("block is not MSZIP")
		}
		z := flate.NewReaderDict(bytes.NewReader(block[2:]), before[max(0, len(before)-maxBlock):])
		out := make([]byte, size)
		if _, err := io.ReadFull(z, out); err != nil {
			return nil, fmt.Errorf("unpacking: %v", err)
		}
		return out, nil
	}
	return nil, fmt.Errorf("compression of kind %d is not supported", kind&0xf)
}

// cabReader reads little-endian numbers; once something is missing, bad stays set and all else is zero.
type cabReader struct {
	b   []byte
	at  int
	bad bool
}

func (r *cabReader) bytes(n int) []byte {
	if r.bad || n < 0 || n > len(r.b)-r.at {
		r.bad = true
		return nil
	}
	r.at += n
	return r.b[r.at-n : r.at]
}

func (r *cabReader) skip(n int) { r.bytes(n) }

func (r *cabReader) seek(at uint32) {
	if int64(at) > int64(len(r.b)) {
		r.bad = true
		return
	}
	r.at = int(at)
}

func (r *cabReader) u8() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *cabReader) u16() uint16 {
	if b := r.bytes(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (r *cabReader) u32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// text reads up to the next NUL.
func (r *cabReader) text() string {
	if r.bad {
		return ""
	}
	n := bytes.IndexByte(r.b[r.at:], 0)
	if n < 0 {
		r.bad = true
		return ""
	}
	return string(r.bytes(n + 1)[:n])
}
