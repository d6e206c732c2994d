package cab

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestCheckRefuses names what is wrong.
func TestCheckRefuses(t *testing.T) {
	le := binary.LittleEndian
	set := func(b []byte, at int, v uint32) []byte { le.PutUint32(b[at:], v); return b }
	plain := func() []byte { return formatstest.CabinetShapes["plain"].Bytes() }
	room := func() []byte { return formatstest.CabinetShapes["room"].Bytes() }
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"no cabinet":       {bytes.Repeat([]byte("x"), 100), "signature at offset 0x0"},
		"size":             {set(plain(), sizeOffset, 1000), "cbCabinet at offset 0x8: 1000 bytes"},
		"bytes after":      {append(plain(), 0), "cbCabinet"},
		"size of nothing":  {set(plain(), sizeOffset, 3), "fewer than the header's"},
		"files elsewhere":  {set(plain(), filesOffset, 45), "coffFiles"},
		"folder outside":   {set(plain(), headerSize, 1000), "folder at offset 0x24"},
		"data elsewhere":   {set(plain(), headerSize, 50), "data at offset"},
		"name without end": {formatstest.CabinetShape{Names: [2]bool{true}}.Bytes()[:headerSize+3], "cbCabinet"},
		"small area":       {formatstest.CabinetShape{Reserve: make([]byte, 3), Folders: [][]int{{1}}}.Bytes(), "cbCFHeader"},
		"sizes too large":  {set(room(), reserveData, 0xffff), "65535 and"},
		"signature":        {set(room(), reserveData+8, 1000), "1000 bytes at 0x0 are outside"},
		"areas of blocks":  {func() []byte { b := room(); b[reserveOffset+3] = 1; return b }(), "cbCFData"},
		"areas of folders": {func() []byte {
			b := formatstest.CabinetShapes["folders' areas"].Bytes()
			b[reserveOffset+2] = 255
			return b
		}(), "cbCFFolder"},
		"blocks too large":  {func() []byte { b := plain(); b[len(b)-24] = 200; return b }(), "outside the cabinet"},
		"header cut off":    {plain()[:30], "header at offset 0x0"},
		"area cut off":      {room()[:45], "cbCabinet"},
		"no data":           {set(plain(), headerSize+4, 0), "they end here"},
		"too many in block": {set(plain(), headerSize+4, 9), "data at offset"},
	} {
		var format *FormatError
		cabinet, err := Parse(bytes.NewReader(c.b), int64(len(c.b)))
		if err == nil {
			err = cabinet.Check(t.Context())
		}
		if !errors.As(err, &format) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzCheck: no file makes the reader panic, or hash bytes outside it.
func FuzzCheck(f *testing.F) {
	for _, shape := range formatstest.CabinetShapes {
		f.Add(shape.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(bytes.NewReader(b), int64(len(b)))
		if err != nil || c.Check(t.Context()) != nil {
			return
		}
		for _, s := range c.Covered() {
			if s.Offset < 0 || s.Size < 0 || s.Offset+s.Size > int64(len(b)) {
				t.Fatalf("span %+v of %d bytes", s, len(b))
			}
		}
	})
}
