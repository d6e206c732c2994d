// Package text reads text files as Windows and Unix programs write them.
package text

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// Byte order marks.
var (
	utf8Mark   = []byte("\xEF\xBB\xBF")
	utf16Mark  = []byte("\xFF\xFE")
	utf16BMark = []byte("\xFE\xFF")
)

// ErrNotText is a file that is neither UTF-8 nor UTF-16 with a byte order mark.
var ErrNotText = errors.New("not text in UTF-8 or UTF-16")

// Marked tells whether b begins with a byte order mark.
func Marked(b []byte) bool {
	return bytes.HasPrefix(b, utf8Mark) || bytes.HasPrefix(b, utf16Mark) || bytes.HasPrefix(b, utf16BMark)
}

// Decode returns the text of a file: UTF-8 with or without a byte order mark, or
// UTF-16 with one, which is what PowerShell 5 makes of "> list.txt". Line breaks
// stay as they are.
func Decode(b []byte) (string, error) {
	switch {
	case bytes.HasPrefix(b, utf8Mark):
		b = b[len(utf8Mark):]
	case bytes.HasPrefix(b, utf16Mark):
		return decode16(b[2:], binary.LittleEndian)
	case bytes.HasPrefix(b, utf16BMark):
		return decode16(b[2:], binary.BigEndian)
	}
	if bytes.IndexByte(b, 0) >= 0 || !utf8.Valid(b) {
		return "", ErrNotText
	}
	return string(b), nil
}

func decode16(b []byte, order binary.ByteOrder) (string, error) {
	if len(b)%2 != 0 {
		return "", errors.New("UTF-16 text with half a character at the end")
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units)), nil
}
