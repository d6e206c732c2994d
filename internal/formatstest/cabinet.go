package formatstest

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Sizes in a cabinet ([MS-CAB] section 2).
const (
	cabHeader  = 36
	cabFolder  = 8
	cabFile    = 16
	cabInfo    = 16 // what a reserved area holds about a signature
	cabReserve = 4  // the flag
)

// CabinetShape says what a cabinet of a test has besides its contents.
type CabinetShape struct {
	Reserve       []byte // of the header; nil for no reserved areas
	FolderReserve int
	Names         [2]bool // of the cabinets before and after
	Folders       [][]int // sizes of the blocks of each
	Files         int
	Signature     []byte
}

// Bytes is the cabinet.
func (s CabinetShape) Bytes() []byte {
	le := binary.LittleEndian
	var flags uint16
	var extra []byte
	if s.Reserve != nil {
		flags |= cabReserve
		extra = append(le.AppendUint16(nil, uint16(len(s.Reserve))), byte(s.FolderReserve), 0)
		extra = append(extra, s.Reserve...)
	}
	for i, named := range s.Names {
		if named {
			flags |= 1 << i
			extra = fmt.Appendf(extra, "cab%d.cab\x00disk %d\x00", i, i)
		}
	}
	names := []byte{}
	for i := range s.Files {
		names = fmt.Appendf(append(names, make([]byte, cabFile)...), "file %d\x00", i)
	}
	files := cabHeader + len(extra) + len(s.Folders)*(cabFolder+s.FolderReserve)
	var folders, data []byte
	for _, blocks := range s.Folders {
		folders = le.AppendUint32(folders, uint32(files+len(names)+len(data)))
		folders = append(le.AppendUint16(le.AppendUint16(folders, uint16(len(blocks))), 0), make([]byte, s.FolderReserve)...)
		for i, n := range blocks {
			data = append(le.AppendUint16(le.AppendUint16(le.AppendUint32(data, 0), uint16(n)), uint16(n)), bytes.Repeat([]byte{byte('a' + i)}, n)...)
		}
	}
	b := le.AppendUint32([]byte("MSCF\x00\x00\x00\x00"), uint32(files+len(names)+len(data)))
	b = le.AppendUint32(le.AppendUint32(le.AppendUint32(b, 0), uint32(files)), 0)
	b = append(b, 3, 1)
	for _, v := range []uint16{uint16(len(s.Folders)), uint16(s.Files), flags, 0x1234, 0} {
		b = le.AppendUint16(b, v)
	}
	return bytes.Join([][]byte{b, extra, folders, names, data, s.Signature}, nil)
}

// CabinetArea is the reserved area of a header with so many bytes of others' and a signature.
func CabinetArea(client int, at, size uint32) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(le.AppendUint16(nil, uint16(client)), cabInfo)
	b = append(b, bytes.Repeat([]byte{7}, client)...)
	return append(le.AppendUint32(le.AppendUint32(b, at), size), "12345678"...)
}

// CabinetShapes are whole cabinets that Windows can hash.
var CabinetShapes = map[string]CabinetShape{
	"plain":           {Folders: [][]int{{10, 20}}, Files: 2},
	"two folders":     {Folders: [][]int{{10}, {20, 30, 0}}, Files: 1},
	"names":           {Names: [2]bool{true, true}, Folders: [][]int{{10}}, Files: 1},
	"name after":      {Names: [2]bool{false, true}, Folders: [][]int{{10}}, Files: 1},
	"no room":         {Reserve: []byte{}, Folders: [][]int{{10}}, Files: 1},
	"room":            {Reserve: CabinetArea(0, 0, 0), Folders: [][]int{{10}}, Files: 1},
	"other room":      {Reserve: make([]byte, 8), Folders: [][]int{{10}}, Files: 1},
	"others' bytes":   {Reserve: CabinetArea(5, 0, 0), Names: [2]bool{true, false}, Folders: [][]int{{10}}, Files: 1},
	"signature":       {Reserve: CabinetArea(0, 99, 3), Folders: [][]int{{10}}, Files: 1, Signature: []byte("sig")},
	"folders' areas":  {Reserve: CabinetArea(0, 0, 0), FolderReserve: 6, Folders: [][]int{{10}, {20}}, Files: 1},
	"more in reserve": {Reserve: append(CabinetArea(3, 0, 0), 1, 2, 3, 4), Folders: [][]int{{10}}, Files: 3},
}
