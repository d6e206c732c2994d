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

// A page hash table is a sequence of records, a 32-bit little endian file offset and a hash each, in the order of the file; the
// last record is an end mark, the end of the last section with a hash of zero bytes. A page is one of memory: it begins at the start of
// the file, at each section whose address is a multiple of 4096, and every 4096 bytes after that. A section that begins inside a page
// lies in it where its address says, with zero bytes before it; zero bytes fill the rest of a page. A gap in the file after the headers or after a
// section follows the bytes before it. CheckSum and the directory entry of the certificate table are left out of the page that holds
// them. All of it as measured on what Microsoft's signtool /ph writes.
const pageOffsetSize = 4

// pageSink hashes page by page into a table that has its final size from the start.
type pageSink struct {
	id    crypto.Hash
	hash  hash.Hash
	table []byte

	marks  []mark  // ascending
	only   bool    // stop after the first page
	gaps   []Range // what is left out, ascending
	page   page
	pos    int64 // up to which the file has been seen
	record int
}

// mark is a place in the file where memory does not simply go on: the start of
// a section, or the end of the last one.
type mark struct {
	offset  int64
	address int64 // in memory
	end     bool
}

// page is the current page: where it begins in the file, and how many bytes of it are known.
type page struct{ offset, filled int64 }

// enter moves the page to a mark; done is true where this page ends and next is another one. What next has filled beyond the bytes of
// the file are zeros. A section that would begin before the end of what the page has begins a new one.
func (p page) enter(m mark) (done bool, next page) {
	inPage := m.address % PageSize
	if m.end || inPage == 0 || inPage < p.filled {
		return p.filled > 0, page{offset: m.offset}
	}
	p.filled = inPage
	return false, p
}

// newPageSink makes a table of all pages, or, with only, of the first one.
func (im *Image) newPageSink(id crypto.Hash, only bool) (*pageSink, error) {
	marks, err := im.pageMarks()
	if err != nil {
		return nil, err
	}
	s := &pageSink{id: id, hash: id.New(), marks: marks, only: only, gaps: im.leftOut()}
	records := 2
	if !only {
		records = 1 + countPages(marks)
	}
	s.table = make([]byte, records*(pageOffsetSize+id.Size()))
	binary.LittleEndian.PutUint32(s.at(records-1), uint32(marks[len(marks)-1].offset))
	return s, nil
}

// countPages goes through the pages without the bytes.
func countPages(marks []mark) int {
	n, p, pos := 0, page{}, int64(0)
	for _, m := range marks {
		p.filled += m.offset - pos
		n += int(p.filled / PageSize)
		p.filled %= PageSize
		pos = m.offset
		done, next := p.enter(m)
		if done {
			n++
		}
		p = next
	}
	return n
}

// pageMarks returns the starts of all sections that have data, and the end of the one that starts last. Of sections that start at
// the same offset one counts. The last mark is an end and there is always one.
func (im *Image) pageMarks() ([]mark, error) {
	sections, err := im.sectionRanges()
	if err != nil {
		return nil, err
	}
	if len(sections) == 0 {
		return []mark{{offset: im.ContentSize(), end: true}}, nil
	}
	var marks []mark
	for _, s := range sections {
		if s.Offset > 0 && (len(marks) == 0 || marks[len(marks)-1].offset != s.Offset) {
			marks = append(marks, mark{offset: s.Offset, address: int64(s.address)})
		}
	}
	end := sections[len(sections)-1].End()
	for len(marks) > 0 && marks[len(marks)-1].offset >= end {
		marks = marks[:len(marks)-1]
	}
	return append(marks, mark{offset: end, end: true}), nil
}

// sectionRange is the data of a section in the file, and its address in memory.
type sectionRange struct {
	Range
	address uint32
}

// sectionRanges returns the sections' data by offset. Of sections that start at the same offset the first one in the table comes last, as
// signtool has it; that decides where the table of page hashes ends. A section that the file does not hold is an error.
func (im *Image) sectionRanges() ([]sectionRange, error) {
	var out []sectionRange
	for i, s := range slices.Backward(im.Sections) {
		if s.SizeOfRawData == 0 {
			continue
		}
		r := sectionRange{Range{int64(s.PointerToRawData), int64(s.SizeOfRawData)}, s.VirtualAddress}
		if r.End() > im.Size {
			return nil, formatError(im.sectionHeader(i)+16, "SizeOfRawData of section "+s.Name,
				"ends at 0x%x, the file ends at 0x%x: no page hashes possible", r.End(), im.Size)
		}
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b sectionRange) int { return cmp.Compare(a.Offset, b.Offset) })
	return out, nil
}

func (s *pageSink) at(record int) []byte {
	return s.table[record*(pageOffsetSize+s.id.Size()):]
}

func (s *pageSink) write(p []byte, off int64) {
	s.pos = off
	for len(p) > 0 && len(s.marks) > 0 {
		n := min(PageSize-s.page.filled, s.marks[0].offset-s.pos, int64(len(p)))
		s.add(p[:n])
		p = p[n:]
		s.pos += n
		s.page.filled += n
		if s.page.filled == PageSize {
			s.emit()
			s.page = page{offset: s.pos}
		}
		for len(s.marks) > 0 && s.marks[0].offset == s.pos {
			m := s.marks[0]
			s.marks = s.marks[1:]
			s.enter(m)
		}
	}
}

// enter begins what the mark begins.
func (s *pageSink) enter(m mark) {
	before := s.page.filled
	done, next := s.page.enter(m)
	if done {
		s.emit()
		before = 0
	}
	if !m.end {
		s.hash.Write(zeros[:max(0, next.filled-before)])
	}
	s.page = next
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

// emit finishes the current page.
func (s *pageSink) emit() {
	record := s.at(s.record)
	binary.LittleEndian.PutUint32(record, uint32(s.page.offset))
	s.hash.Write(zeros[s.page.filled:])
	s.hash.Sum(record[:pageOffsetSize])
	s.hash.Reset()
	s.record++
	if s.only {
		s.marks = nil
	}
}

// finish ends the last page of a file that is shorter than its signed form: the padding is zeros, as the rest of a page is.
func (s *pageSink) finish() {
	for len(s.marks) > 0 {
		m := s.marks[0]
		s.marks = s.marks[1:]
		s.enter(m)
	}
}
