package secondreader

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/edsrzf/mmap-go"
	"github.com/saferwall/pe"

	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// view shows the library a file as it wants one, as a slice of bytes as long as
// the file, without holding the file. Mapping the file, which the library does
// otherwise, would end the process when somebody shortens it. The slice is
// memory without a file, of which the system provides only what is touched: the
// headers and the certificate table. The rest, zero bytes here, is not looked at.
type view struct {
	r     io.ReaderAt
	size  int64
	bytes mmap.MMap
}

const (
	// minSize is what the library accepts as a PE file at least.
	minSize = pe.TinyPESize
	// maxSize is the limit of PE files: offsets have 32 bits.
	maxSize = 1<<32 - 1
	// headSize is read from the start of every file, and from its NT headers:
	// room for 1600 entries of the section table.
	headSize = 64 << 10
	// maxTable bounds the certificate table that is read; no reader here takes a
	// larger one.
	maxTable = 64<<20 + 4096
	// lfanew is the offset of the field that says where the NT headers lie (PE
	// Format, "MS-DOS Stub").
	lfanew = 0x3C
)

func newView(r io.ReaderAt, size int64) (*view, error) {
	if size < minSize || size > maxSize {
		return nil, fmt.Errorf("a file of %d bytes is not a PE file", size)
	}
	b, err := mmap.MapRegion(nil, int(size), mmap.RDWR, mmap.ANON, 0)
	if err != nil {
		return nil, fmt.Errorf("reserving memory: %w", err)
	}
	v := &view{r: r, size: size, bytes: b}
	if err := v.heads(); err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

func (v *view) close() { _ = v.bytes.Unmap() }

// heads reads the headers.
func (v *view) heads() error {
	if err := v.fill(0, headSize); err != nil {
		return err
	}
	return v.fill(int64(binary.LittleEndian.Uint32(v.bytes[lfanew:])), headSize)
}

// fill reads n bytes of the file, or what it has of them.
func (v *view) fill(offset, n int64) error {
	if offset >= v.size {
		return nil
	}
	n = min(n, v.size-offset)
	return v.readFull(v.bytes[offset:offset+n], offset)
}

func (v *view) readFull(b []byte, offset int64) error {
	n, err := v.r.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return fmt.Errorf("the file became shorter than %d bytes while it was read", v.size)
	}
	return err
}

// parse has the library read the headers, then the certificate table that it
// found in them.
func (v *view) parse() (*pe.File, error) {
	o := options()
	o.Fast = true
	f, err := v.open(o)
	if err != nil {
		return nil, err
	}
	table, err := certificates(f)
	if err != nil {
		return nil, err
	}
	if err := v.fill(int64(table.VirtualAddress), int64(min(table.Size, maxTable))); err != nil {
		return nil, err
	}
	return v.open(options())
}

// open parses. The library's own Close is not called: it would unmap the slice.
func (v *view) open(o *pe.Options) (*pe.File, error) {
	f, err := pe.NewBytes(v.bytes, o)
	if err != nil {
		return nil, err
	}
	// After a failed Parse nothing else may be called: it would panic.
	return f, f.Parse()
}

// certificates is the directory entry of the certificate table.
func certificates(f *pe.File) (pe.DataDirectory, error) {
	switch h := f.NtHeader.OptionalHeader.(type) {
	case pe.ImageOptionalHeader32:
		return h.DataDirectory[pe.ImageDirectoryEntryCertificate], nil
	case pe.ImageOptionalHeader64:
		return h.DataDirectory[pe.ImageDirectoryEntryCertificate], nil
	}
	return pe.DataDirectory{}, errors.New("the file has no optional header")
}

// copy writes a range of the file to w.
func (v *view) copy(w io.Writer, x peimage.Range) error {
	return v.pieces(x, func(b []byte, _ int64) error {
		_, err := w.Write(b)
		return err
	})
}

// pieceSize is how much of a file is held at a time; a multiple of 4, as
// checksum needs it.
const pieceSize = 256 << 10

func (v *view) pieces(x peimage.Range, use func(b []byte, offset int64) error) error {
	buf := make([]byte, min(x.Size, pieceSize))
	for offset := x.Offset; offset < x.End(); offset += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), x.End()-offset)]
		if err := v.readFull(buf, offset); err != nil {
			return err
		}
		if err := use(buf, offset); err != nil {
			return err
		}
	}
	return nil
}

// checksum has the library sum the file up piece by piece. The sum is one of
// 16-bit words with the carry added back, so that sums of pieces add up to that
// of the whole; what the library adds to it last is the size.
func checksum(f *pe.File, v *view) (uint32, error) {
	var sum uint32
	err := v.pieces(peimage.Range{Size: v.size}, func(b []byte, offset int64) error {
		piece, err := pe.NewBytes(b, options())
		if err != nil {
			return err
		}
		// The library leaves out the field CheckSum at a distance from the NT
		// headers; they lie elsewhere as seen from this piece.
		piece.DOSHeader.AddressOfNewEXEHeader = f.DOSHeader.AddressOfNewEXEHeader - uint32(offset)
		sum += piece.Checksum() - uint32(len(b))
		sum = sum&0xFFFF + sum>>16
		return nil
	})
	return sum + uint32(v.size), err
}
