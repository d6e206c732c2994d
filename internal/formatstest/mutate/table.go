package mutate

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Tables returns variants of a signed file that differ in the certificate table and in the directory entry for it. dir is the offset of
// the entry, table that of the table, which ends the file.
func Tables(signed []byte, dir, table int) []Variant {
	var out []Variant
	le := binary.LittleEndian
	add := func(class, detail string, b []byte) { out = append(out, Variant{"table " + class, detail, b}) }
	size := len(signed) - table
	edit := func(change func(b []byte)) []byte { b := bytes.Clone(signed); change(b); return b }
	// with has another table, and the entry says so.
	with := func(parts ...[]byte) []byte {
		b := append(bytes.Clone(signed[:table]), bytes.Join(parts, nil)...)
		le.PutUint32(b[dir+4:], uint32(len(b)-table))
		return b
	}
	entry := signed[table:]
	other := func(kind uint16, n int) []byte {
		b := make([]byte, n)
		le.PutUint32(b, uint32(n))
		le.PutUint16(b[4:], 0x200)
		le.PutUint16(b[6:], kind)
		return b
	}
	for _, d := range []int{-16, -9, -8, -7, -4, -1, 1, 2, 4, 7, 8, 9, 16, 0x100} {
		add("directory size", fmt.Sprintf("%+d", d), edit(func(b []byte) { le.PutUint32(b[dir+4:], uint32(size+d)) }))
		add("directory address", fmt.Sprintf("%+d", d), edit(func(b []byte) { le.PutUint32(b[dir:], uint32(table+d)) }))
		add("dwLength", fmt.Sprintf("%+d", d), edit(func(b []byte) { le.PutUint32(b[table:], uint32(size+d)) }))
	}
	for _, v := range []uint32{0, 1, 7, 8, 9, 0x80, 0x200, 0x7fffffff, 0xffffffff} {
		add("directory size", fmt.Sprint(v), edit(func(b []byte) { le.PutUint32(b[dir+4:], v) }))
		add("directory address", fmt.Sprint(v), edit(func(b []byte) { le.PutUint32(b[dir:], v) }))
		add("dwLength", fmt.Sprint(v), edit(func(b []byte) { le.PutUint32(b[table:], v) }))
	}
	for _, v := range []uint16{0, 1, 2, 3, 4, 9, 0x0ef0, 0x0ef1, 0xffff} {
		add("wCertificateType", fmt.Sprint(v), edit(func(b []byte) { le.PutUint16(b[table+6:], v) }))
	}
	for _, v := range []uint16{0, 1, 0x100, 0x200, 0x201, 0x300, 0xffff} {
		add("wRevision", fmt.Sprint(v), edit(func(b []byte) { le.PutUint16(b[table+4:], v) }))
	}
	for n := range 17 {
		add("bytes after it", fmt.Sprint(n+1), append(bytes.Clone(signed), make([]byte, n+1)...))
		add("bytes after it, counted", fmt.Sprint(n+1), with(entry, make([]byte, n+1)))
		longer := append(bytes.Clone(entry), make([]byte, n+1)...)
		le.PutUint32(longer, uint32(len(longer)))
		add("entry padded", fmt.Sprint(n+1), with(longer))
		filled := append(bytes.Clone(entry), bytes.Repeat([]byte{0x41}, n+1)...)
		le.PutUint32(filled, uint32(len(filled)))
		add("entry filled", fmt.Sprint(n+1), with(filled))
		add("cut off", fmt.Sprint(n+1), bytes.Clone(signed[:len(signed)-n-1]))
	}
	for _, kind := range []uint16{0, 1, 2, 3, 0x0ef1} {
		for _, n := range []int{8, 9, 15, 16, 64} {
			detail := fmt.Sprintf("type %d, %d bytes", kind, n)
			add("entry before it", detail, with(other(kind, n), make([]byte, (8-n%8)%8), entry))
			add("entry after it", detail, with(entry, other(kind, n), make([]byte, (8-n%8)%8)))
			add("entry after it, unpadded", detail, with(entry, other(kind, n)))
		}
	}
	add("entry twice", "", with(entry, entry))
	return out
}
