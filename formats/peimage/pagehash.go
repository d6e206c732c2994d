package peimage

import (
	"cmp"
	"crypto"
	"encoding/binary"
	"hash"
	"slices"
)

// PageSize is the page of page hashes. It is the processor's page, whatever SectionAlignment says: Microsoft's signtool splits the
// sections of an image aligned to 0x2000 into pages of 4096 too.
const PageSize = 4096

// A page hash table is a sequence of records, a 32-bit little endian file offset and a hash each: the headers, every page of every
// section, and as an end mark the end of the last section with a hash of zero bytes.
const pageOffsetSize = 4

// pageRun is one section's pages: their place in the file and the record of the first one.
type pageRun struct {
	Range
	record int
}

// pageSink hashes page by page into a table that has its final size from the start.
type pageSink struct {
	id     crypto.Hash
	hash   hash.Hash
	table  []byte
	runs   []pageRun // by offset
	header spanSink
	filled int // bytes of the current page that are hashed
	record int // of the current page
}

func (im *Image) newPageSink(id crypto.Hash) (*pageSink, error) {
	runs, records, end, err := im.pageRuns()
	if err != nil {
		return nil, err
	}
	spans, pad := im.headerSpans()
	s := &pageSink{id: id, hash: id.New(), runs: runs, header: spanSink{hash: id.New(), spans: spans, pad: pad}}
	s.table = make([]byte, records*(pageOffsetSize+id.Size()))
	binary.LittleEndian.PutUint32(s.at(records-1), uint32(end))
	return s, nil
}

// pageRuns lays out the table. Records follow the section table, the file is read by offset.
func (im *Image) pageRuns() (runs []pageRun, records int, end int64, err error) {
	records, end = 1, int64(im.SizeOfHeaders)
	for i, s := range im.Sections {
		if s.SizeOfRawData == 0 {
			continue
		}
		run := pageRun{Range{int64(s.PointerToRawData), int64(s.SizeOfRawData)}, records}
		if run.End() > im.Size {
			return nil, 0, 0, formatError(im.sectionHeader(i)+16, "SizeOfRawData of section "+s.Name,
				"ends at 0x%x, the file ends at 0x%x: no page hashes possible", run.End(), im.Size)
		}
		runs = append(runs, run)
		records += int(roundUp(run.Size, PageSize) / PageSize)
		end = run.End()
	}
	slices.SortFunc(runs, func(a, b pageRun) int { return cmp.Compare(a.Offset, b.Offset) })
	for i := 1; i < len(runs); i++ {
		if runs[i].Offset < runs[i-1].End() {
			return nil, 0, 0, formatError(runs[i].Offset, "section table", "sections overlap: no page hashes possible")
		}
	}
	return runs, records + 1, end, nil
}

func (s *pageSink) at(record int) []byte {
	return s.table[record*(pageOffsetSize+s.id.Size()):]
}

func (s *pageSink) write(p []byte, off int64) {
	if len(s.header.spans) > 0 {
		s.header.write(p, off)
		if len(s.header.spans) == 0 {
			copy(s.at(0)[pageOffsetSize:], s.header.sum())
		}
	}
	for len(p) > 0 && len(s.runs) > 0 {
		run := s.runs[0]
		if skip := run.Offset - off; skip > 0 && s.filled == 0 {
			n := min(skip, int64(len(p)))
			p, off = p[n:], off+n
			continue
		}
		n := int(min(int64(PageSize-s.filled), run.End()-off, int64(len(p))))
		if s.filled == 0 {
			binary.LittleEndian.PutUint32(s.at(run.record), uint32(off))
		}
		s.hash.Write(p[:n])
		s.filled += n
		p, off = p[n:], off+int64(n)
		if s.filled == PageSize || off == run.End() {
			s.emit(off)
		}
	}
}

// zeros fills pages up; read only.
var zeros [PageSize]byte

// emit finishes the current page, which ends at off.
func (s *pageSink) emit(off int64) {
	run := &s.runs[0]
	s.hash.Write(zeros[s.filled:])
	s.hash.Sum(s.at(run.record)[:pageOffsetSize])
	s.hash.Reset()
	s.filled = 0
	run.record++
	if off == run.End() {
		s.runs = s.runs[1:]
	}
}
