package peimage_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

var le = binary.LittleEndian

// header is where the parts of a PE file's headers are.
type header struct {
	b                                   []byte
	coff, optional, directories, tables int
}

func headerOf(b []byte) header {
	h := header{b: b, coff: int(le.Uint32(b[60:])) + 4}
	h.optional = h.coff + 20
	h.directories = h.optional + 96
	if le.Uint16(b[h.optional:]) == 0x20b {
		h.directories += 16
	}
	h.tables = h.optional + int(le.Uint16(b[h.coff+16:]))
	return h
}

func (h header) sections() int        { return int(le.Uint16(h.b[h.coff+2:])) }
func (h header) section(i int) []byte { return h.b[h.tables+40*i:][:40] }

// shift inserts n bytes of fill at offset at and moves the sections behind.
func shift(b []byte, at, n int, fill byte) []byte {
	out := slices.Concat(b[:at], bytes.Repeat([]byte{fill}, n), b[at:])
	h := headerOf(out)
	for i := range h.sections() {
		if p := le.Uint32(h.section(i)[20:]); p >= uint32(at) {
			le.PutUint32(h.section(i)[20:], p+uint32(n))
		}
	}
	return out
}

// variants are layouts that a Go program does not have, by name.
func variants(t testing.TB) map[string][]byte {
	t.Helper()
	program := read(t, formatstest.GoProgram(t, "amd64"))
	clone := func() []byte { return bytes.Clone(program) }
	headers := int(parse(t, program).SizeOfHeaders)

	bigHeaders := shift(clone(), headers, 0x2000, 0x5a)
	le.PutUint32(bigHeaders[headerOf(bigHeaders).optional+60:], uint32(headers+0x2000))

	swapped := clone()
	h := headerOf(swapped)
	first, third := bytes.Clone(h.section(0)), bytes.Clone(h.section(2))
	copy(h.section(0), third)
	copy(h.section(2), first)

	last := headerOf(program).section(headerOf(program).sections() - 1)
	end := int(le.Uint32(last[20:]) + le.Uint32(last[16:]))
	unpadded := clone()[:end-131]
	lh := headerOf(unpadded)
	le.PutUint32(lh.section(lh.sections() - 1)[16:], le.Uint32(last[16:])-131)

	aligned := clone()
	le.PutUint32(aligned[headerOf(aligned).optional+32:], 0x2000)

	largeSize := clone()
	le.PutUint32(largeSize[headerOf(largeSize).optional+60:], uint32(headers+0x200))
	smallSize := clone()
	le.PutUint32(smallSize[headerOf(smallSize).optional+60:], uint32(headers-0x10))
	emptySection := clone()
	eh := headerOf(emptySection)
	le.PutUint32(eh.section(eh.sections() - 1)[16:], 0)

	edit := func(change func(h header)) []byte { b := clone(); change(headerOf(b)); return b }
	start := func(h header, i int, offset uint32) { le.PutUint32(h.section(i)[20:], offset) }
	startOf := func(h header, i int) uint32 { return le.Uint32(h.section(i)[20:]) }

	second := int(le.Uint32(headerOf(program).section(1)[20:]))
	return map[string][]byte{
		"as linked":                  program,
		"386":                        read(t, formatstest.GoProgram(t, "386")),
		"arm64":                      read(t, formatstest.GoProgram(t, "arm64")),
		"gap after headers":          shift(clone(), headers, 0x600, 0x77),
		"gap between sections":       shift(clone(), second, 0x400, 0x66),
		"headers of many pages":      bigHeaders,
		"sections out of order":      swapped,
		"unpadded last section":      unpadded,
		"SizeOfHeaders too large":    largeSize,
		"SizeOfHeaders odd":          smallSize,
		"empty section":              emptySection,
		"sections overlap":           edit(func(h header) { start(h, 1, startOf(h, 1)-0x200) }),
		"section inside another":     edit(func(h header) { start(h, 7, startOf(h, 6)+0x200) }),
		"sections at the same place": edit(func(h header) { start(h, 7, startOf(h, 6)) }),
		"sections at the same place, long one last": edit(func(h header) {
			copy(h.section(7)[16:24], h.section(6)[16:24])
			le.PutUint32(h.section(6)[16:], 0x200)
		}),
		"overlay":           append(clone(), "overlay of 24 bytes long"...),
		"odd overlay":       append(clone(), "odd"...),
		"section alignment": aligned,
		"five directories":  fewerDirectories(clone(), 5),
	}
}

// fewerDirectories shortens the optional header; what comes free after the section
// table stays as it is.
func fewerDirectories(b []byte, n int) []byte {
	h := headerOf(b)
	le.PutUint32(b[h.directories-4:], uint32(n))
	size := h.directories - h.optional + 8*n
	copy(b[h.optional+size:], bytes.Clone(b[h.tables:h.tables+40*h.sections()]))
	le.PutUint16(b[h.coff+16:], uint16(size))
	return b
}

func TestVariantsParse(t *testing.T) {
	for name, b := range variants(t) {
		t.Run(name, func(t *testing.T) {
			im := parse(t, b)
			if err := im.Check(); err != nil {
				t.Error(err)
			}
			signed := sign(t, b, peimage.CertificateTable([]byte("one"), []byte("two")))
			checkSigned(t, b, signed, peimage.CertificateTable([]byte("one"), []byte("two")))
		})
	}
}
