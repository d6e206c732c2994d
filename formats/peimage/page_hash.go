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

// A page hash table is a sequence of records, a 32-bit little endian file offset and a hash each, in the order of the file; the last
// record is an end mark, the end of the last section with a hash of zero bytes. Pages start at the beginning of the file and at the start of
// each section, and go on every 4096 bytes up to the next section; the rest of a page counts as zero bytes. A gap after the headers
// or after a section is thus part of its pages, as measured on what Microsoft's signtool /ph writes. CheckSum and the directory entry of the certificate
// table are left out of the page that holds them.
const pageOffsetSize = 4

// pageSink hashes page by page into a table that has its final size from the start.
type pageSink struct {
	id    crypto.Hash
	hash  hash.Hash
	table []byte

	cuts   []int64 // where pages end for another reason than their size: starts of sections, end of the last one; ascending
	gaps   []Range // what is left out, ascending
	start  int64   // of the current page
	pos    int64   // up to which the file has been seen
	record int
}

func (im *Image) newPageSink(id crypto.Hash) (*pageSink, error) {
	cuts, err := im.pageCuts()
	if err != nil {
		return nil, err
	}
	records, from := 1, int64(0)
	for _, cut := range cuts {
		records += int(roundUp(cut-from, PageSize) / PageSize)
		from = cut
	}
	s := &pageSink{id: id, hash: id.New(), cuts: cuts, gaps: im.leftOut()}
	s.table = make([]byte, records*(pageOffsetSize+id.Size()))
	binary.LittleEndian.PutUint32(s.at(records-1), uint32(from))
	return s, nil
}

// pageCuts returns the starts of all sections that have data, and the end of the one that starts last; ascending and
// without repetition.
func (im *Image) pageCuts() ([]int64, error) {
	sections, err := im.sectionRanges()
	if err != nil {
		return nil, err
	}
	if len(sections) == 0 {
		return []int64{min(int64(im.SizeOfHeaders), im.Size)}, nil
	}
	var cuts []int64
	for _, s := range sections {
		if s.Offset > 0 {
			cuts = append(cuts, s.Offset)
		}
	}
	return slices.Compact(append(cuts, sections[len(sections)-1].End())), nil
}

// sectionRanges returns the sections' data by offset. Of sections that start at the same offset the first one in the table comes last, as
// signtool has it; that decides where the table of page hashes ends. A section that the file does not hold is an error.
func (im *Image) sectionRanges() ([]Range, error) {
	var out []Range
	for i, s := range slices.Backward(im.Sections) {
		if s.SizeOfRawData == 0 {
			continue
		}
		r := Range{int64(s.PointerToRawData), int64(s.SizeOfRawData)}
		if r.End() > im.Size {
			return nil, formatError(im.sectionHeader(i)+16, "SizeOfRawData of section "+s.Name,
				"ends at 0x%x, the file ends at 0x%x: no page hashes possible", r.End(), im.Size)
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b Range) int { return cmp.Compare(a.Offset, b.Offset) })
	return out, nil
}

func (s *pageSink) at(record int) []byte {
	return s.table[record*(pageOffsetSize+s.id.Size()):]
}

func (s *pageSink) write(p []byte, off int64) {
	s.pos = off
	for len(p) > 0 && len(s.cuts) > 0 {
		end := min(s.start+PageSize, s.cuts[0]) // of the page
		n := min(end-s.pos, int64(len(p)))
		s.add(p[:n])
		p = p[n:]
		s.pos += n
		if s.pos == end {
			s.emit()
		}
	}
}

// add hashes the bytes at pos, without what is left out.
func (s *pageSink) add(p []byte) {
	off, end := s.pos, s.pos+int64(len(p))
	for len(s.gaps) > 0 && s.gaps[0].Offset < end {
		gap := s.gaps[0]
		if gap.Offset > off {
			s.hash.Write(p[off-s.pos : gap.Offset-s.pos])
		}
		off = min(gap.End(), end)
		if gap.End() > end {
			return
		}
		s.gaps = s.gaps[1:]
	}
	s.hash.Write(p[off-s.pos:])
}

// zeros fills pages up; read only.
var zeros [PageSize]byte

// emit finishes the page that ends at pos.
func (s *pageSink) emit() {
	record := s.at(s.record)
	binary.LittleEndian.PutUint32(record, uint32(s.start))
	s.hash.Write(zeros[s.pos-s.start:])
	s.hash.Sum(record[:pageOffsetSize])
	s.hash.Reset()
	s.record++
	s.start = s.pos
	for len(s.cuts) > 0 && s.cuts[0] <= s.pos {
		s.cuts = s.cuts[1:]
	}
}
