// Package resource reads Windows resources out of PE files, above all the
// version information by which Explorer shows a program and App Control
// compares it.
//
// [ReadVersion] finds and reads it in an image, [ParseVersion] reads the
// structure alone, [Find] returns any resource by its type.
//
// # Compatibility
//
// The API follows the semantic version of the module: before 1.0 a minor version
// may change it, and the changelog says so.
package resource

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// TypeVersion is RT_VERSION ("Resource Types", Microsoft Learn).
const TypeVersion = 16

const (
	// maxResource bounds what is read of one resource, in bytes.
	maxResource = 16 << 20
	// maxEntries bounds the entries that are looked at in one directory.
	maxEntries = 1 << 12
	// isDirectory marks an entry that leads to another directory.
	isDirectory = 1 << 31
)

// Find returns the first resource of a type: that of the first number and the
// first language. It is nil without an error where there is none. Errors are a
// directory that does not hold together, and those of reading.
func Find(im *peimage.Image, r io.ReaderAt, kind uint16) ([]byte, error) {
	if len(im.Directories) <= peimage.DirectoryResource || im.Directories[peimage.DirectoryResource].Size == 0 {
		return nil, nil
	}
	t := tree{r: r, image: im, base: im.Directories[peimage.DirectoryResource].Address}
	return t.first(kind)
}

// tree walks the three levels of a resource directory: type, name or number,
// language (PE Format, "The .rsrc Section").
type tree struct {
	r     io.ReaderAt
	image *peimage.Image
	base  uint32 // RVA of the root
}

func (t *tree) first(kind uint16) ([]byte, error) {
	entry, err := t.entry(0, func(id uint32) bool { return id == uint32(kind) })
	for level := 0; level < 2 && err == nil && entry != 0; level++ {
		if entry&isDirectory == 0 {
			return nil, errors.New("resource directory with less than three levels")
		}
		entry, err = t.entry(entry&^isDirectory, func(uint32) bool { return true })
	}
	if err != nil || entry == 0 {
		return nil, err
	}
	if entry&isDirectory != 0 {
		return nil, errors.New("resource directory with more than three levels")
	}
	return t.data(entry)
}

// entry returns the offset field of the first matching entry of a directory, 0
// if there is none.
func (t *tree) entry(offset uint32, match func(id uint32) bool) (uint32, error) {
	head, err := t.read(t.base+offset, 16)
	if err != nil {
		return 0, err
	}
	n := int(binary.LittleEndian.Uint16(head[12:])) + int(binary.LittleEndian.Uint16(head[14:]))
	entries, err := t.read(t.base+offset+16, 8*min(n, maxEntries))
	if err != nil {
		return 0, err
	}
	for ; len(entries) >= 8; entries = entries[8:] {
		if match(binary.LittleEndian.Uint32(entries)) {
			return binary.LittleEndian.Uint32(entries[4:]), nil
		}
	}
	return 0, nil
}

// data reads what a data entry leads to: its address and size.
func (t *tree) data(offset uint32) ([]byte, error) {
	b, err := t.read(t.base+offset, 16)
	if err != nil {
		return nil, err
	}
	address, size := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	if size > maxResource {
		return nil, fmt.Errorf("resource of %d bytes, more than %d", size, maxResource)
	}
	return t.read(address, int(size))
}

// read reads n bytes at a relative virtual address.
func (t *tree) read(rva uint32, n int) ([]byte, error) {
	for _, s := range t.image.Sections {
		if rva < s.VirtualAddress || uint64(rva)+uint64(n) > uint64(s.VirtualAddress)+uint64(s.SizeOfRawData) {
			continue
		}
		at := int64(s.PointerToRawData) + int64(rva-s.VirtualAddress)
		if at+int64(n) > t.image.Size {
			break
		}
		b := make([]byte, n)
		if _, err := t.r.ReadAt(b, at); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("reading resource at 0x%X: %w", rva, err)
		}
		return b, nil
	}
	return nil, fmt.Errorf("resource at 0x%X of %d bytes is outside all sections", rva, n)
}
