package resource

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"

	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// Version is version information (VS_VERSIONINFO, Microsoft Learn).
type Version struct {
	// File and Product are the binary versions, four parts of 16 bits; zero
	// where the structure has none (VS_FIXEDFILEINFO).
	File, Product [4]uint16
	// Tables hold the texts, in the order of the structure.
	Tables []StringTable
}

// StringTable holds the texts of one language.
type StringTable struct {
	Language uint16            // LANGID; 0 if the table's name is not one
	Strings  map[string]string // by name, such as CompanyName
}

// Strings returns the texts of a language, else those of the first table. It is
// nil where there is no table.
func (v *Version) Strings(language uint16) map[string]string {
	for _, t := range v.Tables {
		if t.Language == language {
			return t.Strings
		}
	}
	return v.First()
}

// First returns the texts of the first table, which is the file's main
// language; nil where there is none.
func (v *Version) First() map[string]string {
	if len(v.Tables) == 0 {
		return nil
	}
	return v.Tables[0].Strings
}

// maxVersion is the greatest size of version information: its own length field
// has 16 bits.
const maxVersion = 1 << 16

const (
	fixedSignature = 0xFEEF04BD // begins a VS_FIXEDFILEINFO
	fixedSize      = 52         // its bytes
)

// ReadVersion reads the version information of an image. It is nil without an
// error for a file that has none.
func ReadVersion(im *peimage.Image, r io.ReaderAt) (*Version, error) {
	b, err := Find(im, r, TypeVersion)
	if err != nil || b == nil {
		return nil, err
	}
	return ParseVersion(b)
}

// ParseVersion reads a VS_VERSIONINFO structure. Structures whose lengths do not
// fit into one another are errors; a text that says it is longer than its
// structure ends with it, since some compilers count bytes where the format
// counts UTF-16 units.
func ParseVersion(b []byte) (*Version, error) {
	if len(b) > maxVersion {
		return nil, fmt.Errorf("version information of %d bytes, more than %d", len(b), maxVersion)
	}
	root, _, err := readNode(b, false)
	if err != nil {
		return nil, err
	}
	if root.key != "VS_VERSION_INFO" {
		return nil, fmt.Errorf("version information begins with %q, not with VS_VERSION_INFO", root.key)
	}
	v := &Version{}
	if f := root.value; len(f) >= fixedSize && binary.LittleEndian.Uint32(f) == fixedSignature {
		v.File, v.Product = parts(f[8:16]), parts(f[16:24])
	}
	return v, each(root.children, false, func(info node) error {
		if info.key != "StringFileInfo" {
			return nil
		}
		return each(info.children, false, v.table)
	})
}

// parts takes a version apart: two 32-bit words, the more significant first.
func parts(b []byte) [4]uint16 {
	u := func(at int) uint16 { return binary.LittleEndian.Uint16(b[at:]) }
	return [4]uint16{u(2), u(0), u(6), u(4)}
}

// table reads a StringTable, whose key is eight hexadecimal digits: language
// and code page.
func (v *Version) table(n node) error {
	t := StringTable{Strings: map[string]string{}}
	if id, err := strconv.ParseUint(n.key[:min(4, len(n.key))], 16, 16); err == nil {
		t.Language = uint16(id)
	}
	v.Tables = append(v.Tables, t)
	return each(n.children, true, func(s node) error {
		t.Strings[s.key], _, _ = readText(s.value)
		return nil
	})
}

// node is one structure of the tree: wLength, wValueLength, wType, a key with a
// zero at its end, padding to 4 bytes, value, padding, children
// (VS_VERSIONINFO, StringFileInfo, StringTable, String; Microsoft Learn).
type node struct {
	key             string
	value, children []byte
}

var errDamaged = errors.New("version information is damaged: its lengths do not fit")

// readNode reads the node at the start of b and returns what follows it. text
// says that wValueLength counts UTF-16 units.
func readNode(b []byte, text bool) (n node, rest []byte, err error) {
	if len(b) < 6 {
		return n, nil, errDamaged
	}
	length, valueLength := int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:]))
	if length < 6 || length > len(b) {
		return n, nil, errDamaged
	}
	key, size, ok := readText(b[6:length])
	start := min(aligned(6+size), length)
	end := start + valueLength
	if text {
		end = min(end+valueLength, length)
	}
	if !ok || end > length {
		return n, nil, errDamaged
	}
	return node{key, b[start:end], b[min(aligned(end), length):length]}, b[min(aligned(length), len(b)):], nil
}

// aligned rounds up: nodes and their parts begin at multiples of four bytes.
func aligned(n int) int { return (n + 3) &^ 3 }

// readText reads UTF-16 up to a zero and returns the bytes taken; ok is false if
// there is no zero.
func readText(b []byte) (s string, size int, ok bool) {
	var units []uint16
	for ; size+2 <= len(b); size += 2 {
		u := binary.LittleEndian.Uint16(b[size:])
		if u == 0 {
			return string(utf16.Decode(units)), size + 2, true
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units)), len(b), false
}

// each visits the nodes that lie one after another in b.
func each(b []byte, text bool, visit func(node) error) error {
	for len(b) >= 6 {
		n, rest, err := readNode(b, text)
		if err != nil {
			return err
		}
		if err := visit(n); err != nil {
			return err
		}
		b = rest
	}
	return nil
}
