package catalog

import (
	"bytes"
	"encoding/asn1"
	"slices"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
)

// Tags (X.690). Lists of 100,000 members are written by appending to one slice, which
// costs a fraction of a builder's memory.
const (
	tagInteger   = 0x02
	tagBitString = 0x03
	tagOctets    = 0x04
	tagNull      = 0x05
	tagOID       = 0x06
	tagUTCTime   = 0x17
	tagTime      = 0x18 // GeneralizedTime
	tagBMP       = 0x1e
	tagSequence  = 0x30
	tagSet       = 0x31

	tagContext     = 0x80 // primitive [0]; add the number
	tagConstructed = 0x20
)

// tlv writes one element around the given contents.
func tlv(tag byte, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	out := make([]byte, 0, headerSize(n)+n)
	out = appendHeader(out, tag, n)
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// appendHeader writes tag and length.
func appendHeader(b []byte, tag byte, n int) []byte {
	if n < 0x80 {
		return append(b, tag, byte(n))
	}
	size := headerSize(n) - 2
	b = append(b, tag, 0x80|byte(size))
	for i := size - 1; i >= 0; i-- {
		b = append(b, byte(n>>(8*i)))
	}
	return b
}

// headerSize is the number of bytes of tag and length before n bytes of contents.
func headerSize(n int) int {
	size := 2
	if n >= 0x80 {
		for ; n > 0; n >>= 8 {
			size++
		}
	}
	return size
}

// sortedDER puts the elements of a SET OF in the order of their encodings (X.690 11.6).
func sortedDER(elements [][]byte) [][]byte {
	sorted := slices.Clone(elements)
	slices.SortStableFunc(sorted, bytes.Compare)
	return sorted
}

// oidTLV writes an OBJECT IDENTIFIER. All that are written here are well-formed.
func oidTLV(oid asn1.ObjectIdentifier) []byte {
	var b cryptobyte.Builder
	b.AddASN1ObjectIdentifier(oid)
	return b.BytesOrPanic()
}

// uintTLV writes a non-negative INTEGER.
func uintTLV(n uint32) []byte {
	var b cryptobyte.Builder
	b.AddASN1Uint64(uint64(n))
	return b.BytesOrPanic()
}

// flagsTLV writes the flags of an attribute, which are a signed INTEGER in wintrust.
func flagsTLV(f Flags) []byte {
	var b cryptobyte.Builder
	b.AddASN1Int64(int64(int32(f)))
	return b.BytesOrPanic()
}

// utf16BE is the contents of a BMPString.
func utf16BE(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u>>8), byte(u))
	}
	return out
}

// utf16LE is text in attribute values and in the tags of version 1: with a NUL at the end.
func utf16LE(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return append(out, 0, 0)
}

// textLE reads what utf16LE wrote; ok is false if b is not of that form.
func textLE(b []byte) (s string, ok bool) {
	if len(b) < 2 || len(b)%2 != 0 || b[len(b)-1] != 0 || b[len(b)-2] != 0 {
		return "", false
	}
	units := make([]uint16, 0, len(b)/2)
	for i := 0; i+3 < len(b); i += 2 {
		u := uint16(b[i]) | uint16(b[i+1])<<8
		if u == 0 {
			return "", false
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units)), true
}

func textBE(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
	}
	return string(utf16.Decode(units))
}
