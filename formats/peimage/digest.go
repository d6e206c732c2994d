package peimage

import (
	"bytes"
	"context"
	"crypto"
	_ "crypto/md5"    // hashes that signatures in the wild use
	_ "crypto/sha1"   //
	_ "crypto/sha256" //
	_ "crypto/sha512" //
	"fmt"
	"io"
	"slices"
)

// Request says what Digest computes. The zero value asks for nothing.
type Request struct {
	Authentihash []crypto.Hash // hash of the file without CheckSum, certificate table and its directory entry
	Flat         []crypto.Hash // hash of the file as it is
	PageHashes   []crypto.Hash // table of page hashes as stored in SpcPeImageData; needs sections that the file holds
	FirstPage    []crypto.Hash // hash of the first page as in PageHashes, which is what App Control policies list; same needs
	Checksum     bool          // PE checksum; also needed to write a signed file
}

// Digests is what one pass over a file gives. Maps have an entry for each hash asked for.
type Digests struct {
	Authentihash map[crypto.Hash][]byte
	Flat         map[crypto.Hash][]byte
	PageHashes   map[crypto.Hash][]byte
	FirstPage    map[crypto.Hash][]byte

	// Checksum is what the CheckSum field of the file as it is should hold.
	Checksum uint32

	content     onesSum // of the bytes before the certificate table, with CheckSum and the table's directory entry taken as 0
	hasChecksum bool
}

// Digest reads the file once from start to end and computes all that q asks for, each hash in a goroutine of its own. Memory does
// not depend on the size of the file, except for page hash tables (36 bytes for 4096 with SHA-256).
//
// A file without certificate table is hashed as it will be once signed: with zero bytes up to a multiple of 8.
// Bytes after a certificate table, which Check refuses, are part of the Authentihash.
func (im *Image) Digest(ctx context.Context, r io.ReaderAt, q Request) (*Digests, error) {
	p, err := im.plan(q)
	if err != nil {
		return nil, err
	}
	if err := pump(ctx, r, im.Size, p.sinks); err != nil {
		return nil, err
	}
	return p.collect(), nil
}

// plan holds the sinks of one pass and knows which result each of them gives.
type plan struct {
	im      *Image
	sinks   []sink
	spans   []namedSpan
	pages   []*pageSink
	firsts  []*pageSink // of which the first page counts
	sum     *sumSink
	wantSum bool
}

type namedSpan struct {
	*spanSink
	id   crypto.Hash
	into func(*Digests) map[crypto.Hash][]byte
}

func (im *Image) plan(q Request) (*plan, error) {
	for _, h := range slices.Concat(q.Authentihash, q.Flat, q.PageHashes, q.FirstPage) {
		if !h.Available() {
			return nil, fmt.Errorf("hashing PE file: hash %d is not available", h)
		}
	}
	p := &plan{im: im, wantSum: q.Checksum}
	for _, h := range unique(q.Authentihash) {
		p.span(h, im.signedSpans(), im.padding(), func(d *Digests) map[crypto.Hash][]byte { return d.Authentihash })
	}
	for _, h := range unique(q.PageHashes) {
		s, err := im.newPageSink(h, false)
		if err != nil {
			return nil, err
		}
		p.pages = append(p.pages, s)
		p.sinks = append(p.sinks, s)
	}
	for _, h := range unique(q.Flat) {
		p.span(h, []Range{{0, im.Size}}, 0, func(d *Digests) map[crypto.Hash][]byte { return d.Flat })
	}
	if q.Checksum {
		p.sum = &sumSink{split: min(im.ContentSize(), im.Size)}
		p.sinks = append(p.sinks, p.sum)
	}
	for _, h := range unique(q.FirstPage) {
		s, err := im.newPageSink(h, true)
		if err != nil {
			return nil, err
		}
		p.firsts = append(p.firsts, s)
		p.sinks = append(p.sinks, s)
	}
	return p, nil
}

func unique(hs []crypto.Hash) []crypto.Hash {
	hs = slices.Clone(hs)
	slices.Sort(hs)
	return slices.Compact(hs)
}

func (p *plan) span(id crypto.Hash, spans []Range, pad int64, into func(*Digests) map[crypto.Hash][]byte) {
	s := &spanSink{hash: id.New(), spans: spans, pad: pad}
	p.spans = append(p.spans, namedSpan{s, id, into})
	p.sinks = append(p.sinks, s)
}

func (p *plan) collect() *Digests {
	d := &Digests{
		Authentihash: map[crypto.Hash][]byte{}, Flat: map[crypto.Hash][]byte{},
		PageHashes: map[crypto.Hash][]byte{}, FirstPage: map[crypto.Hash][]byte{},
	}
	for _, s := range p.spans {
		s.into(d)[s.id] = s.sum()
	}
	for _, s := range p.pages {
		s.finish()
		d.PageHashes[s.id] = s.table
	}
	for _, s := range p.firsts {
		s.finish()
		d.FirstPage[s.id] = bytes.Clone(s.at(0)[pageOffsetSize:][:s.id.Size()])
	}
	if p.wantSum {
		d.hasChecksum = true
		whole := p.sum.head.add(p.sum.tail).subtract(p.im.checksumField())
		d.Checksum = whole.checksum(p.im.Size)
		d.content = p.sum.head.subtract(p.im.checksumField()).subtract(p.im.directoryField())
	}
	return d
}

// padding is the number of zero bytes that signing adds to a file without certificate table.
func (im *Image) padding() int64 {
	if im.HasSignature() {
		return 0
	}
	return im.ContentSize() - im.Size
}

// signedSpans returns the parts of the file that the Authentihash covers ("Calculating the PE Image Hash", Authenticode
// specification). The specification hashes section by section; Windows covers gaps and overlay too, so this is everything but
// the three exceptions.
func (im *Image) signedSpans() []Range {
	spans := im.withoutFields(im.Size)
	t := im.CertTable
	if !im.HasSignature() || t.Offset <= spans[len(spans)-1].Offset {
		return spans
	}
	last := &spans[len(spans)-1]
	last.Size = min(t.Offset, im.Size) - last.Offset
	if t.End() < im.Size {
		spans = append(spans, Range{t.End(), im.Size - t.End()})
	}
	return spans
}

// SignedRanges returns the bytes of the file that the Authentihash covers, ascending, without empty ranges. What Digest hashes in
// addition are the zero bytes after a file without certificate table.
func (im *Image) SignedRanges() []Range {
	return slices.DeleteFunc(im.signedSpans(), func(r Range) bool { return r.Size <= 0 })
}

// leftOut returns the CheckSum field and the certificate table's directory entry.
func (im *Image) leftOut() []Range {
	out := []Range{{im.ChecksumOffset, 4}}
	if im.SecurityDirOffset > 0 {
		out = append(out, Range{im.SecurityDirOffset, directoryEntrySize})
	}
	return out
}

// withoutFields returns [0, end) without leftOut.
func (im *Image) withoutFields(end int64) []Range {
	var spans []Range
	from := int64(0)
	for _, gap := range im.leftOut() {
		spans = append(spans, Range{from, max(0, min(gap.Offset, end)-from)})
		from = gap.End()
	}
	return append(spans, Range{from, max(0, end-from)})
}
