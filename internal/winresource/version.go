package winresource

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf16"
)

// node is one structure of VS_VERSIONINFO: wLength, wValueLength, wType, a
// zero-terminated key, padding to 4 bytes, value, padding, children
// (VS_VERSIONINFO, StringFileInfo, StringTable, String; Microsoft Learn).
type node struct {
	key      string
	value    []byte
	children []byte
	next     []byte // what follows this node
}

var errDamaged = errors.New("its structure is damaged")

// readNode reads the node at the start of b. text says whether wValueLength
// counts UTF-16 units instead of bytes.
func readNode(b []byte, text bool) (*node, error) {
	if len(b) < 6 {
		return nil, errDamaged
	}
	length, valueLength := int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:]))
	if length < 6 || length > len(b) {
		return nil, errDamaged
	}
	if text {
		valueLength *= 2
	}
	key, end, ok := readText(b[:length], 6)
	if !ok {
		return nil, errDamaged
	}
	start := min(aligned(end), length)
	valueEnd := start + valueLength
	if valueEnd > length {
		// Some compilers count bytes for text too.
		if valueEnd = start + valueLength/2; !text || valueEnd > length {
			return nil, errDamaged
		}
	}
	return &node{key, b[start:valueEnd], b[min(aligned(valueEnd), length):length], b[min(aligned(length), len(b)):]}, nil
}

func aligned(n int) int { return (n + 3) &^ 3 }

// readText reads UTF-16 up to a zero and returns the offset behind it.
func readText(b []byte, at int) (string, int, bool) {
	var u []uint16
	for ; at+2 <= len(b); at += 2 {
		c := binary.LittleEndian.Uint16(b[at:])
		if c == 0 {
			return string(utf16.Decode(u)), at + 2, true
		}
		u = append(u, c)
	}
	return string(utf16.Decode(u)), len(b), false
}

// VersionStrings returns the strings of version information (VS_VERSIONINFO)
// by their names, such as CompanyName: those of the table for the language,
// else of the first table. It never returns nil without an error.
func VersionStrings(data []byte, language uint16) (map[string]string, error) {
	root, err := readNode(data, false)
	if err != nil {
		return nil, err
	}
	if root.key != "VS_VERSION_INFO" {
		return nil, fmt.Errorf("it begins with %q, not with VS_VERSION_INFO", root.key)
	}
	var first, own map[string]string
	err = each(root.children, false, func(info *node) error {
		if info.key != "StringFileInfo" {
			return nil
		}
		return each(info.children, false, func(table *node) error {
			strings, err := readTable(table)
			if first == nil {
				first = strings
			}
			if id, e := strconv.ParseUint(table.key[:min(4, len(table.key))], 16, 16); e == nil && uint16(id) == language {
				own = strings
			}
			return err
		})
	})
	if own == nil {
		own = first
	}
	if own == nil {
		own = map[string]string{}
	}
	return own, err
}

func readTable(table *node) (map[string]string, error) {
	strings := map[string]string{}
	err := each(table.children, true, func(s *node) error {
		value, _, _ := readText(s.value, 0)
		strings[s.key] = value
		return nil
	})
	return strings, err
}

// each visits the nodes that lie one after another in b.
func each(b []byte, text bool, visit func(*node) error) error {
	for len(b) >= 6 {
		n, err := readNode(b, text)
		if err != nil {
			return err
		}
		if err := visit(n); err != nil {
			return err
		}
		b = n.next
	}
	return nil
}
