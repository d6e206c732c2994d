package mutate

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// Offsets of the program that Program makes. Headers are followed by a hole that a longer section table can grow into.
const (
	peOffset       = 0x80
	optionalOffset = peOffset + 24
	sectionsOffset = optionalOffset + 240
	headersSize    = 0x400
	sectionSize    = 0x200
	sectionCount   = 4
)

// Program is a small 64-bit program of four sections whose layout is sound: what is done to it here does not depend on a linker.
func Program() []byte {
	b := make([]byte, headersSize+sectionCount*sectionSize)
	le := binary.LittleEndian
	copy(b, "MZ")
	le.PutUint32(b[0x3c:], peOffset)
	copy(b[peOffset:], "PE\x00\x00")
	le.PutUint16(b[peOffset+4:], 0x8664)
	le.PutUint16(b[peOffset+6:], sectionCount)
	le.PutUint16(b[peOffset+20:], 240)
	le.PutUint16(b[peOffset+22:], 0x22)
	o := b[optionalOffset:]
	le.PutUint16(o, 0x20b)
	le.PutUint32(o[16:], 0x1000) // AddressOfEntryPoint
	le.PutUint32(o[20:], 0x1000) // BaseOfCode
	le.PutUint64(o[24:], 0x140000000)
	le.PutUint32(o[32:], 0x1000)
	le.PutUint32(o[36:], 0x200)
	le.PutUint16(o[40:], 6)
	le.PutUint16(o[48:], 6)
	le.PutUint32(o[56:], (sectionCount+1)*0x1000)
	le.PutUint32(o[60:], headersSize)
	le.PutUint16(o[68:], 3)
	le.PutUint64(o[72:], 0x100000)
	le.PutUint64(o[80:], 0x1000)
	le.PutUint64(o[88:], 0x100000)
	le.PutUint64(o[96:], 0x1000)
	le.PutUint32(o[108:], 16)
	for i := range sectionCount {
		s := b[sectionsOffset+40*i:]
		copy(s, fmt.Sprintf(".s%d", i))
		le.PutUint32(s[8:], sectionSize)
		le.PutUint32(s[12:], uint32(i+1)*0x1000)
		le.PutUint32(s[16:], sectionSize)
		le.PutUint32(s[20:], uint32(headersSize+i*sectionSize))
		le.PutUint32(s[36:], 0x60000020)
		for j := range sectionSize {
			b[headersSize+i*sectionSize+j] = byte(i*31 + j*7)
		}
	}
	return b
}

// field is a number in the headers.
type field struct {
	name   string
	offset int
	size   int
}

func peFields() []field {
	out := []field{{"e_lfanew", 0x3c, 4}, {"e_cblp", 2, 2}, {"Signature", peOffset, 4}}
	for _, f := range []field{{"Machine", 4, 2}, {"NumberOfSections", 6, 2}, {"TimeDateStamp", 8, 4}, {"PointerToSymbolTable", 12, 4},
		{"NumberOfSymbols", 16, 4}, {"SizeOfOptionalHeader", 20, 2}, {"Characteristics", 22, 2}} {
		out = append(out, field{f.name, peOffset + f.offset, f.size})
	}
	for _, f := range []field{{"Magic", 0, 2}, {"SizeOfCode", 4, 4}, {"AddressOfEntryPoint", 16, 4}, {"BaseOfCode", 20, 4}, {"ImageBase", 24, 4},
		{"SectionAlignment", 32, 4}, {"FileAlignment", 36, 4}, {"SizeOfImage", 56, 4}, {"SizeOfHeaders", 60, 4}, {"Subsystem", 68, 2},
		{"DllCharacteristics", 70, 2}, {"LoaderFlags", 104, 4}, {"NumberOfRvaAndSizes", 108, 4}} {
		out = append(out, field{f.name, optionalOffset + f.offset, f.size})
	}
	for d := range 16 {
		if d != 4 { // the certificate table, which is written anew when the file is signed
			out = append(out, field{"DataDirectory.Address", optionalOffset + 112 + 8*d, 4}, field{"DataDirectory.Size", optionalOffset + 116 + 8*d, 4})
		}
	}
	for s := range sectionCount {
		for _, f := range []field{{"VirtualSize", 8, 4}, {"VirtualAddress", 12, 4}, {"SizeOfRawData", 16, 4}, {"PointerToRawData", 20, 4},
			{"PointerToRelocations", 24, 4}, {"PointerToLinenumbers", 28, 4}, {"Section.Characteristics", 36, 4}} {
			out = append(out, field{f.name, sectionsOffset + 40*s + f.offset, f.size})
		}
	}
	return out
}

// values are what a field is set to: borders of what readers check, and a few at random.
func values(rng *rand.Rand, have uint32, size int) []uint32 {
	end := uint32(headersSize + sectionCount*sectionSize)
	v := []uint32{0, 1, 2, 3, 4, 7, 8, 0x0f, 0x10, 0x1f, 0x20, 0x3f, 0x40, 0x7f, 0x80, 0xff, 0x100, 0x180, 0x1ff, 0x200, 0x201, 0x300, 0x3ff, 0x400, 0x401, 0x600, 0x800,
		0xfff, 0x1000, 0x1001, 0x2000, 0x8000, 0xffff, 0x10000, 0x20000, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff,
		have - 1, have + 1, have - 8, have + 8, have * 2, have / 2, end - 1, end, end + 1, end + 8, end + 0x200, end + 0x400, rng.Uint32N(0x2000), rng.Uint32()}
	if size == 2 {
		for i := range v {
			v[i] &= 0xffff
		}
	}
	return v
}

// Programs returns unsigned variants of Program: every field of its headers with many values, and pairs of those fields that
// readers look at together.
func Programs(seed uint64) []Variant {
	rng := rand.New(rand.NewPCG(seed, 1))
	base := Program()
	var out []Variant
	for _, f := range peFields() {
		have := uint32(binary.LittleEndian.Uint16(base[f.offset:]))
		if f.size == 4 {
			have = binary.LittleEndian.Uint32(base[f.offset:])
		}
		for _, v := range values(rng, have, f.size) {
			if v != have {
				out = append(out, Variant{"PE " + f.name, fmt.Sprintf("offset 0x%x: 0x%x to 0x%x", f.offset, have, v), put(base, f, v)})
			}
		}
	}
	out = append(out, alignments(base)...)
	out = append(out, moved(base)...)
	out = append(out, lengths(base)...)
	out = append(out, longerHeaders(base)...)
	out = append(out, emptySections(base)...)
	return append(out, pairs(rng, base)...)
}

func put(base []byte, f field, v uint32) []byte {
	b := bytes.Clone(base)
	if f.size == 2 {
		binary.LittleEndian.PutUint16(b[f.offset:], uint16(v))
	} else {
		binary.LittleEndian.PutUint32(b[f.offset:], v)
	}
	return b
}

// alignments is the grid of both alignments.
func alignments(base []byte) []Variant {
	var out []Variant
	grid := []uint32{0, 1, 3, 0x10, 0x20, 0x80, 0x100, 0x1ff, 0x200, 0x300, 0x400, 0x800, 0x1000, 0x1800, 0x2000, 0x10000, 0x20000, 0x80000000}
	for _, section := range grid {
		for _, file := range grid {
			b := put(base, field{offset: optionalOffset + 32, size: 4}, section)
			out = append(out, Variant{"PE alignments", fmt.Sprintf("SectionAlignment 0x%x, FileAlignment 0x%x", section, file),
				put(b, field{offset: optionalOffset + 36, size: 4}, file)})
		}
	}
	return out
}

// moved has the PE header at other places, whole.
func moved(base []byte) []Variant {
	var out []Variant
	header := base[peOffset : sectionsOffset+40*sectionCount]
	for _, at := range []int{2, 4, 8, 0x10, 0x3c, 0x3e, 0x40, 0x41, 0x42, 0x44, 0x48, 0x7c, 0x81, 0x84, 0x88, 0x100, 0x1fc} {
		if at+len(header) > headersSize {
			continue
		}
		b := bytes.Clone(base)
		clear(b[2:headersSize])
		copy(b[at:], header)
		binary.LittleEndian.PutUint32(b[0x3c:], uint32(at))
		out = append(out, Variant{"PE header moved", fmt.Sprintf("to 0x%x", at), b})
	}
	return out
}

// longerHeaders has the section table further behind, where SizeOfOptionalHeader says; fewer directories before it or more.
func longerHeaders(base []byte) []Variant {
	var out []Variant
	table := base[sectionsOffset : sectionsOffset+40*sectionCount]
	for k := -96; k <= 24; k++ {
		if k < 0 && k%4 != 0 {
			continue
		}
		b := bytes.Clone(base)
		clear(b[sectionsOffset : sectionsOffset+len(table)])
		copy(b[sectionsOffset+k:], table)
		binary.LittleEndian.PutUint16(b[peOffset+20:], uint16(240+k))
		binary.LittleEndian.PutUint32(b[optionalOffset+108:], uint32(min(16, (240+k-112)/8)))
		out = append(out, Variant{"PE section table moved", fmt.Sprintf("by %d", k), b})
	}
	return out
}

// emptySections have no data, and begin somewhere.
func emptySections(base []byte) []Variant {
	var out []Variant
	for s := range sectionCount {
		b := put(base, field{offset: sectionsOffset + 40*s + 16, size: 4}, 0)
		for _, at := range []uint32{0, 1, 0x100, 0x200, 0x228, 0x400, 0xbff, 0xc00, 0xc01, 0xe00, 0x1000, 0x2000, 0x80000000, 0xffffffff} {
			out = append(out, Variant{"PE section without data", fmt.Sprintf("section %d at 0x%x", s, at), put(b, field{offset: sectionsOffset + 40*s + 20, size: 4}, at)})
		}
	}
	return out
}

// lengths are files that are cut off, or longer than their sections.
func lengths(base []byte) []Variant {
	var out []Variant
	for _, n := range []int{1, 2, 7, 8, 9, 64, 0x200, 0x400, 0x7ff, 0x800} {
		out = append(out, Variant{"PE overlay", fmt.Sprintf("%d bytes more", n), append(bytes.Clone(base), bytes.Repeat([]byte{0x5a}, n)...)},
			Variant{"PE cut off", fmt.Sprintf("%d bytes less", n), bytes.Clone(base[:len(base)-n])})
	}
	return out
}

// pairs changes two or three fields at once.
func pairs(rng *rand.Rand, base []byte) []Variant {
	fields := peFields()
	var out []Variant
	for range 4000 {
		b, detail := base, ""
		for range 2 + rng.IntN(2) {
			f := fields[rng.IntN(len(fields))]
			if f.name == "Signature" || f.name == "Magic" {
				continue
			}
			have := uint32(binary.LittleEndian.Uint16(base[f.offset:]))
			all := values(rng, have, f.size)
			v := all[rng.IntN(len(all))]
			b = put(b, f, v)
			detail += fmt.Sprintf("%s at 0x%x to 0x%x; ", f.name, f.offset, v)
		}
		out = append(out, Variant{"PE several fields", detail, b})
	}
	return out
}
