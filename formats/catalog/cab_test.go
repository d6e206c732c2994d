package catalog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// cabinetShape says what a cabinet of a test has besides its contents.
type cabinetShape struct {
	reserve       []byte // of the header; nil for no reserved areas
	folderReserve int
	names         [2]bool // of the cabinets before and after
	folders       [][]int // sizes of the blocks of each
	files         int
	signature     []byte
}

func (s cabinetShape) bytes() []byte {
	le := binary.LittleEndian
	var flags uint16
	var extra []byte
	if s.reserve != nil {
		flags |= cabReserveFlag
		extra = append(le.AppendUint16(nil, uint16(len(s.reserve))), byte(s.folderReserve), 0)
		extra = append(extra, s.reserve...)
	}
	for i, named := range s.names {
		if named {
			flags |= 1 << i
			extra = fmt.Appendf(extra, "cab%d.cab\x00disk %d\x00", i, i)
		}
	}
	names := []byte{}
	for i := range s.files {
		names = fmt.Appendf(append(names, make([]byte, cabFileSize)...), "file %d\x00", i)
	}
	files := cabHeaderSize + len(extra) + len(s.folders)*(cabFolderSize+s.folderReserve)
	var folders, data []byte
	for _, blocks := range s.folders {
		folders = le.AppendUint32(folders, uint32(files+len(names)+len(data)))
		folders = append(le.AppendUint16(le.AppendUint16(folders, uint16(len(blocks))), 0), make([]byte, s.folderReserve)...)
		for i, n := range blocks {
			data = append(le.AppendUint16(le.AppendUint16(le.AppendUint32(data, 0), uint16(n)), uint16(n)), bytes.Repeat([]byte{byte('a' + i)}, n)...)
		}
	}
	b := le.AppendUint32([]byte("MSCF\x00\x00\x00\x00"), uint32(files+len(names)+len(data)))
	b = le.AppendUint32(le.AppendUint32(le.AppendUint32(b, 0), uint32(files)), 0)
	b = append(b, 3, 1)
	for _, v := range []uint16{uint16(len(s.folders)), uint16(s.files), flags, 0x1234, 0} {
		b = le.AppendUint16(b, v)
	}
	return bytes.Join([][]byte{b, extra, folders, names, data, s.signature}, nil)
}

// area is the reserved area of a header with so many bytes of others' and a signature.
func area(client int, at, size uint32) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(le.AppendUint16(nil, uint16(client)), cabSignatureInfo)
	b = append(b, bytes.Repeat([]byte{7}, client)...)
	return append(le.AppendUint32(le.AppendUint32(b, at), size), "12345678"...)
}

var cabinetShapes = map[string]cabinetShape{
	"plain":           {folders: [][]int{{10, 20}}, files: 2},
	"two folders":     {folders: [][]int{{10}, {20, 30, 0}}, files: 1},
	"names":           {names: [2]bool{true, true}, folders: [][]int{{10}}, files: 1},
	"name after":      {names: [2]bool{false, true}, folders: [][]int{{10}}, files: 1},
	"no room":         {reserve: []byte{}, folders: [][]int{{10}}, files: 1},
	"room":            {reserve: area(0, 0, 0), folders: [][]int{{10}}, files: 1},
	"other room":      {reserve: make([]byte, 8), folders: [][]int{{10}}, files: 1},
	"others' bytes":   {reserve: area(5, 0, 0), names: [2]bool{true, false}, folders: [][]int{{10}}, files: 1},
	"signature":       {reserve: area(0, 99, 3), folders: [][]int{{10}}, files: 1, signature: []byte("sig")},
	"folders' areas":  {reserve: area(0, 0, 0), folderReserve: 6, folders: [][]int{{10}, {20}}, files: 1},
	"more in reserve": {reserve: append(area(3, 0, 0), 1, 2, 3, 4), folders: [][]int{{10}}, files: 3},
}

// TestMakecatCabinets: cabinets of every shape are hashed as Microsoft's SIP hashes them.
func TestMakecatCabinets(t *testing.T) {
	rig := formatstest.NewRig(t)
	dir := t.TempDir()
	text := "[CatalogHeader]\nName=t.cat\nPageHashes=true\n" + v2Header + "[CatalogFiles]\n"
	for name, shape := range cabinetShapes {
		write(t, filepath.Join(dir, name), shape.bytes())
		text += "<HASH>" + name + "=" + name + "\n<HASH>" + name + cabSIP + "\n"
	}
	compareWithMakecat(t, rig, dir, text)
}

// TestMakecatDamagedCabinets: with one byte changed, or cut off, a cabinet is refused exactly when makecat refuses it, and hashes the same otherwise.
func TestMakecatDamagedCabinets(t *testing.T) {
	if testing.Short() {
		t.Skip("runs makecat for each")
	}
	rig := formatstest.NewRig(t)
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(5, 6))
	refusals := 0
	for name, shape := range cabinetShapes {
		for i := range 2 {
			b := shape.bytes()
			if n := random.IntN(len(b)); i == 0 {
				b = b[:n+1]
			} else {
				b[n%80%len(b)] ^= 1 << random.IntN(8)
			}
			write(t, filepath.Join(dir, "x.cab"), b)
			if agree(t, rig, dir, "t", "[CatalogHeader]\r\nName=t.cat\r\n[CatalogFiles]\r\n<HASH>1=x.cab\r\n<HASH>1"+cabSIP+"\r\n") {
				refusals++
			}
			if t.Failed() {
				t.Fatalf("%s: %x", name, b)
			}
		}
	}
	if refusals == 0 {
		t.Error("makecat refused none")
	}
}

// TestCabinetRefuses names what is wrong.
func TestCabinetRefuses(t *testing.T) {
	le := binary.LittleEndian
	set := func(b []byte, at int, v uint32) []byte { le.PutUint32(b[at:], v); return b }
	plain := func() []byte { return cabinetShapes["plain"].bytes() }
	room := func() []byte { return cabinetShapes["room"].bytes() }
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"no cabinet":        {bytes.Repeat([]byte("x"), 100), "signature at offset 0x0"},
		"size":              {set(plain(), cabSizeOffset, 1000), "cbCabinet at offset 0x8: 1000 bytes"},
		"bytes after":       {append(plain(), 0), "cbCabinet"},
		"size of nothing":   {set(plain(), cabSizeOffset, 3), "fewer than the header's"},
		"files elsewhere":   {set(plain(), cabFilesOffset, 45), "coffFiles"},
		"folder outside":    {set(plain(), cabHeaderSize, 1000), "folder at offset 0x24"},
		"data elsewhere":    {set(plain(), cabHeaderSize, 50), "data at offset"},
		"name without end":  {cabinetShape{names: [2]bool{true}}.bytes()[:cabHeaderSize+3], "cbCabinet"},
		"small area":        {cabinetShape{reserve: make([]byte, 3), folders: [][]int{{1}}}.bytes(), "cbCFHeader"},
		"sizes too large":   {set(room(), cabReserveData, 0xffff), "65535 and"},
		"signature":         {set(room(), cabReserveData+8, 1000), "1000 bytes at 0x0 are outside"},
		"areas of blocks":   {func() []byte { b := room(); b[cabReserveOffset+3] = 1; return b }(), "cbCFData"},
		"areas of folders":  {func() []byte { b := cabinetShapes["folders' areas"].bytes(); b[cabReserveOffset+2] = 255; return b }(), "cbCFFolder"},
		"blocks too large":  {func() []byte { b := plain(); b[len(b)-24] = 200; return b }(), "outside the cabinet"},
		"header cut off":    {plain()[:30], "header at offset 0x0"},
		"area cut off":      {room()[:45], "cbCabinet"},
		"no data":           {set(plain(), cabHeaderSize+4, 0), "they end here"},
		"too many in block": {set(plain(), cabHeaderSize+4, 9), "data at offset"},
	} {
		var cab *CabinetError
		_, err := Digest(context.Background(), bytes.NewReader(c.b), int64(len(c.b)), DigestOptions{Kind: KindCAB})
		if !errors.As(err, &cab) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzCabinet: no file makes the reader panic, or hash bytes outside it.
func FuzzCabinet(f *testing.F) {
	for _, shape := range cabinetShapes {
		f.Add(shape.bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := readCabinet(bytes.NewReader(b), int64(len(b)))
		if err != nil || c.walk(context.Background()) != nil {
			return
		}
		for _, s := range c.spans() {
			if s.offset < 0 || s.size < 0 || s.offset+s.size > int64(len(b)) {
				t.Fatalf("span %+v of %d bytes", s, len(b))
			}
		}
	})
}
