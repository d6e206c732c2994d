package peimage_test

import (
	"encoding/binary"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest/mutate"
)

// TestLayoutRules has, for each rule, programs that keep it by a hair and such that
// break it. What Windows answers was measured; TestDifferential of package authenticode
// asks again about all values.
func TestLayoutRules(t *testing.T) {
	const optional, sections = 0x98, 0x188
	u16 := func(at int, v uint16) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint16(b[at:], v); return b }
	}
	u32 := func(at int, v uint32) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint32(b[at:], v); return b }
	}
	alignments := func(section, file uint32) func([]byte) []byte {
		return func(b []byte) []byte { return u32(optional+32, section)(u32(optional+36, file)(b)) }
	}
	// header moves everything before the sections' data.
	header := func(at int) func([]byte) []byte {
		return func(b []byte) []byte {
			h := append([]byte(nil), b[0x80:0x80+408]...)
			clear(b[2:0x400])
			copy(b[at:], h)
			return u32(0x3c, uint32(at))(b)
		}
	}
	cases := map[string]struct {
		edit func([]byte) []byte
		rule string
	}{
		"sound":                           {func(b []byte) []byte { return b }, ""},
		"header at 64":                    {header(64), ""},
		"header at 16":                    {header(16), "e_lfanew"},
		"section right after the table":   {u32(sections+20, 0x228), ""},
		"section in the table":            {u32(sections+20, 0x227), "section-start"},
		"section at 0":                    {u32(sections+20, 0), ""},
		"section without data in headers": {func(b []byte) []byte { return u32(sections+16, 0)(u32(sections+20, 1)(b)) }, "section-start"},
		"section up to the end":           {u32(sections+16, 0x800), ""},
		"section beyond the end":          {u32(sections+16, 0x801), "section-end"},
		"optional header 248":             {u16(0x94, 248), ""},
		"no headers":                      {u32(optional+60, 0), "headers"},
		"one byte of headers":             {u32(optional+60, 1), ""},
		"headers up to the last byte":     {u32(optional+60, 0xbff), ""},
		"headers up to the end":           {u32(optional+60, 0xc00), "headers"},
		"equal alignments 1":              {alignments(1, 1), ""},
		"equal alignments 32":             {alignments(32, 32), ""},
		"equal alignments 3":              {alignments(3, 3), "alignment"},
		"alignments 0":                    {alignments(0, 0), "alignment"},
		"alignments 4096 and 32":          {alignments(4096, 32), "alignment"},
		"alignments 4096 and 256":         {alignments(4096, 256), "alignment"},
		"alignments 4096 and 512":         {alignments(4096, 512), ""},
		"alignments 4096 and 768":         {alignments(4096, 768), "alignment"},
		"alignments 512 and 4096":         {alignments(512, 4096), "alignment"},
		"alignments 6144 and 512":         {alignments(6144, 512), "alignment"},
		"section of nearly 4 GiB":         {func(b []byte) []byte { return u32(sections+16, 0xfffff001)(b) }, "section-end"},
	}
	seen := map[string]bool{}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			im := parse(t, c.edit(mutate.Program()))
			err, _ := im.CheckLayout().(*peimage.FormatError)
			switch {
			case c.rule == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.rule != "" && (err == nil || err.Rule != c.rule):
				t.Errorf("check: %v, want rule %s", err, c.rule)
			case err != nil && err.Advice() == "":
				t.Error("nothing says what Windows wants")
			}
		})
		seen[c.rule] = true
	}
	for _, r := range peimage.LayoutRules() {
		if elsewhere := r.Name == "file-size" || r.Name == peimage.RuleTableAlignment || r.Name == "optional-header"; !seen[r.Name] && !elsewhere {
			t.Errorf("no case breaks rule %s", r.Name)
		}
	}
}

// TestOptionalHeaderSize: the section table lies where SizeOfOptionalHeader says, at
// any place; Windows hashes the file only where that is a multiple of 8.
func TestOptionalHeaderSize(t *testing.T) {
	for k := range 17 {
		b := mutate.Program()
		table := append([]byte(nil), b[0x188:0x188+160]...)
		clear(b[0x188:0x228])
		copy(b[0x188+k:], table)
		binary.LittleEndian.PutUint16(b[0x94:], uint16(240+k))
		err, _ := parse(t, b).CheckLayout().(*peimage.FormatError)
		if got, want := err == nil, k%8 == 0; got != want || err != nil && err.Rule != "optional-header" {
			t.Errorf("%d bytes: %v", 240+k, err)
		}
	}
}
