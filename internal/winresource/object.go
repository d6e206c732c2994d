// Package winresource reads Windows resources before they are in a program:
// what an application manifest asks for, and the resources in an object file
// (.syso) that the Go linker takes over. All of it is foreign bytes.
package winresource

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
	"errors"
	"fmt"
)

// Numbers of resource types ("Resource Types", Microsoft Learn).
const (
	TypeGroupIcon = 14
	TypeVersion   = 16
	TypeManifest  = 24
)

// Resource is one resource. Those with names instead of numbers have 0 there.
type Resource struct {
	Type, ID uint16
	Language uint16
	Data     []byte
}

// Bounds of an object file: its size in bytes, and resources in it.
const (
	MaxObject    = 32 << 20
	maxResources = 4096
)

// ReadObject returns the resources of a COFF object file, in the order of its
// directory; an object without any gives none. Data of resources is part of b.
//
// The layout: a directory table (PE format, "The .rsrc Section") at the start
// of the section .rsrc or .rsrc$01, whose data entries hold an address that a
// relocation completes: the offset in the section of the relocation's symbol.
func ReadObject(b []byte) ([]Resource, error) {
	if len(b) > MaxObject {
		return nil, fmt.Errorf("the object file has %d bytes, more than %d", len(b), MaxObject)
	}
	f, err := pe.NewFile(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("reading the object file: %v", err)
	}
	defer f.Close()
	o := object{file: f, whole: b}
	for i, s := range f.Sections {
		if s.Name == ".rsrc" || s.Name == ".rsrc$01" {
			if o.directory, err = o.section(i); err != nil {
				return nil, err
			}
			o.relocations = s.Relocs
			if err := o.table(0, 0, [3]uint16{}); err != nil {
				return nil, fmt.Errorf("reading the resources of the object file: %w", err)
			}
			return o.found, nil
		}
	}
	return nil, nil
}

type object struct {
	file        *pe.File
	whole       []byte
	directory   []byte // the section that holds the tables
	relocations []pe.Reloc
	found       []Resource
	seen        int // entries, so that tables that refer to themselves end
}

var errCut = errors.New("its structure is damaged")

// section is the raw data of section i, as part of the file.
func (o *object) section(i int) ([]byte, error) {
	if i < 0 || i >= len(o.file.Sections) {
		return nil, errCut
	}
	s := o.file.Sections[i]
	start, end := uint64(s.Offset), uint64(s.Offset)+uint64(s.Size)
	if end > uint64(len(o.whole)) {
		return nil, errCut
	}
	return o.whole[start:end], nil
}

// table reads a directory table: 16 bytes, the last four of which count the
// entries with names and with numbers, then 8 bytes an entry. There are three
// levels: type, number, language.
func (o *object) table(at uint32, level int, ids [3]uint16) error {
	if level > 2 || uint64(at)+16 > uint64(len(o.directory)) {
		return errCut
	}
	count := int(binary.LittleEndian.Uint16(o.directory[at+12:])) + int(binary.LittleEndian.Uint16(o.directory[at+14:]))
	for i := range count {
		pos := uint64(at) + 16 + 8*uint64(i)
		if o.seen++; o.seen > maxResources || pos+8 > uint64(len(o.directory)) {
			return errCut
		}
		name, offset := binary.LittleEndian.Uint32(o.directory[pos:]), binary.LittleEndian.Uint32(o.directory[pos+4:])
		ids[level] = 0
		if name < 1<<16 {
			ids[level] = uint16(name)
		}
		const isTable = 1 << 31
		var err error
		if offset&isTable != 0 {
			err = o.table(offset&^isTable, level+1, ids)
		} else {
			err = o.entry(offset, ids)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entry reads a data entry: address, size, code page, reserved.
func (o *object) entry(at uint32, ids [3]uint16) error {
	if uint64(at)+16 > uint64(len(o.directory)) {
		return errCut
	}
	address, size := binary.LittleEndian.Uint32(o.directory[at:]), binary.LittleEndian.Uint32(o.directory[at+4:])
	from, start, err := o.target(at, address)
	if err != nil || start+uint64(size) > uint64(len(from)) {
		return errCut
	}
	o.found = append(o.found, Resource{Type: ids[0], ID: ids[1], Language: ids[2], Data: from[start : start+uint64(size)]})
	return nil
}

// target is the section and the offset in it that the relocation at a data
// entry points to.
func (o *object) target(at, addend uint32) ([]byte, uint64, error) {
	for _, r := range o.relocations {
		if r.VirtualAddress != at {
			continue
		}
		if uint64(r.SymbolTableIndex) >= uint64(len(o.file.COFFSymbols)) {
			return nil, 0, errCut
		}
		symbol := o.file.COFFSymbols[r.SymbolTableIndex]
		data, err := o.section(int(symbol.SectionNumber) - 1)
		return data, uint64(symbol.Value) + uint64(addend), err
	}
	return nil, 0, errCut
}
