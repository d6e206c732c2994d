package rules

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// versionInfo is what App Control compares of a version resource
// (VS_VERSIONINFO, Microsoft Learn, "Version Information").
type versionInfo struct {
	version cipolicy.Version
	texts   map[string]string
}

const (
	// rtVersion is the resource type of version information (RT_VERSION).
	rtVersion = 16
	// maxVersionResource bounds what is read of a version resource. Its own
	// length field has 16 bits.
	maxVersionResource = 1 << 16
	// maxEntries bounds the entries that are looked at in a resource directory.
	maxEntries = 1 << 12
	// fixedSignature begins a VS_FIXEDFILEINFO.
	fixedSignature = 0xFEEF04BD
)

// readVersion returns nil without error for a file without version resource.
func readVersion(im *peimage.Image, r io.ReaderAt) (*versionInfo, error) {
	if len(im.Directories) <= peimage.DirectoryResource || im.Directories[peimage.DirectoryResource].Size == 0 {
		return nil, nil
	}
	t := resourceTree{r: r, image: im, base: im.Directories[peimage.DirectoryResource].Address}
	b, err := t.version()
	if err != nil || b == nil {
		return nil, err
	}
	return parseVersion(b)
}

// resourceTree walks the three levels of a resource directory: type, name,
// language (PE Format, "The .rsrc Section").
type resourceTree struct {
	r     io.ReaderAt
	image *peimage.Image
	base  uint32 // RVA of the root
}

func (t *resourceTree) version() ([]byte, error) {
	entry, err := t.find(0, func(id uint32) bool { return id == rtVersion })
	for level := 0; level < 2 && err == nil && entry != 0; level++ {
		if entry>>31 == 0 {
			return nil, errors.New("resource directory of less than three levels")
		}
		entry, err = t.find(entry&^(1<<31), func(uint32) bool { return true })
	}
	if err != nil || entry == 0 {
		return nil, err
	}
	if entry>>31 != 0 {
		return nil, errors.New("resource directory of more than three levels")
	}
	data, err := t.read(t.base+entry, 16)
	if err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(data[4:])
	if size > maxVersionResource {
		return nil, fmt.Errorf("version resource of %d bytes", size)
	}
	return t.read(binary.LittleEndian.Uint32(data), int(size))
}

// find returns the offset field of the first matching entry of a directory, 0 if
// there is none. Bit 31 of it marks a directory.
func (t *resourceTree) find(offset uint32, match func(id uint32) bool) (uint32, error) {
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

// read reads n bytes at a relative virtual address.
func (t *resourceTree) read(rva uint32, n int) ([]byte, error) {
	for _, s := range t.image.Sections {
		if rva < s.VirtualAddress || uint64(rva)+uint64(n) > uint64(s.VirtualAddress)+uint64(s.SizeOfRawData) {
			continue
		}
		b := make([]byte, n)
		if _, err := t.r.ReadAt(b, int64(s.PointerToRawData)+int64(rva-s.VirtualAddress)); err != nil {
			return nil, fmt.Errorf("reading resource at 0x%X: %w", rva, err)
		}
		return b, nil
	}
	return nil, fmt.Errorf("resource at 0x%X of %d bytes lies in no section", rva, n)
}

// block is one node of VS_VERSIONINFO.
type block struct {
	key      string
	value    []byte
	children []byte
}

// nextBlock splits the first node off b. Nodes begin at multiples of four bytes.
func nextBlock(b []byte) (block, []byte, error) {
	if len(b) < 6 {
		return block{}, nil, errors.New("version information is cut off")
	}
	length, valueLength := int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:]))
	isText := binary.LittleEndian.Uint16(b[4:]) == 1
	if length < 6 || length > len(b) {
		return block{}, nil, fmt.Errorf("version information with a block of %d bytes in %d", length, len(b))
	}
	key, at := readText(b[6:length])
	at = align4(6 + at)
	if isText {
		valueLength *= 2 // counted in UTF-16 units
	}
	out := block{key: key}
	if at < length {
		end := min(at+valueLength, length)
		out.value = b[at:end]
		if next := align4(end); next < length {
			out.children = b[next:length]
		}
	}
	return out, b[min(align4(length), len(b)):], nil
}

func align4(n int) int { return (n + 3) &^ 3 }

// readText reads UTF-16 up to a zero and returns the bytes taken.
func readText(b []byte) (string, int) {
	var units []uint16
	for i := 0; i+2 <= len(b); i += 2 {
		u := binary.LittleEndian.Uint16(b[i:])
		if u == 0 {
			return string(utf16.Decode(units)), i + 2
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units)), len(b)
}

func parseVersion(b []byte) (*versionInfo, error) {
	root, _, err := nextBlock(b)
	if err != nil {
		return nil, err
	}
	if root.key != "VS_VERSION_INFO" {
		return nil, fmt.Errorf("version information begins with %q", root.key)
	}
	info := &versionInfo{texts: map[string]string{}}
	if v := root.value; len(v) >= 16 && binary.LittleEndian.Uint32(v) == fixedSignature {
		high, low := binary.LittleEndian.Uint32(v[8:]), binary.LittleEndian.Uint32(v[12:])
		info.version = cipolicy.Version(high)<<32 | cipolicy.Version(low)
	}
	for rest := root.children; len(rest) > 0; {
		var child block
		if child, rest, err = nextBlock(rest); err != nil {
			return nil, err
		}
		if child.key == "StringFileInfo" && len(info.texts) == 0 {
			if err := info.strings(child.children); err != nil {
				return nil, err
			}
		}
	}
	return info, nil
}

// strings reads the first string table, that of the file's first language.
func (v *versionInfo) strings(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	table, _, err := nextBlock(b)
	if err != nil {
		return err
	}
	for rest := table.children; len(rest) > 0; {
		var entry block
		if entry, rest, err = nextBlock(rest); err != nil {
			return err
		}
		text, _ := readText(entry.value)
		v.texts[entry.key] = strings.TrimRight(text, "\x00")
	}
	return nil
}
