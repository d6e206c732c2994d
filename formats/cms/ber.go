package cms

import (
	"bytes"
	"encoding/binary"
	"math"
)

// maxDepth bounds nesting while converting BER. A signature with a nested signature, its token
// and their certificates stays below 30, because OCTET STRINGs are not entered.
const maxDepth = 64

// toDER converts the first BER element of b to DER lengths: indefinite lengths become definite, lengths become
// minimal, constructed OCTET STRINGs become primitive. Other encoding rules are not touched, so what was signed
// stays recognisable. used is how many bytes of b the element took; ok is false where b needs no
// conversion or cannot be converted.
func toDER(b []byte) (der []byte, used int, ok bool) {
	if len(b) > maxBERSize {
		return nil, 0, false
	}
	c := &converter{}
	out, used, ok := c.element(b, 0)
	if !ok || !c.changed {
		return nil, 0, false
	}
	return out, used, true
}

// ToDER returns the BER element that b is, with DER lengths and primitive OCTET
// STRINGs: b itself where nothing has to change. It refuses what cannot be read,
// is nested deeper than 64 levels, or has bytes after its end.
func ToDER(b []byte) ([]byte, error) {
	out, rest, err := CutDER(b)
	if err == nil && len(rest) > 0 {
		return nil, &ParseError{Offset: len(b) - len(rest), Field: "BER element", Problem: "bytes after its end"}
	}
	return out, err
}

// CutDER is ToDER for the first element of b; rest is what follows it.
func CutDER(b []byte) (der, rest []byte, err error) {
	c := &converter{}
	out, used, ok := c.element(b, 0)
	switch {
	case !ok:
		return nil, nil, &ParseError{Field: "BER element", Problem: "it cannot be read"}
	case !c.changed:
		out = b[:used]
	}
	return out, b[used:], nil
}

type converter struct{ changed bool }

// header is the start of a BER element.
type header struct {
	tag        []byte
	length     int // octets of content, if not indefinite
	size       int // octets of tag and length
	indefinite bool
	minimal    bool
}

func (h header) constructed() bool { return h.tag[0]&0x20 != 0 }

// element converts one element and returns it with the number of input bytes it took.
func (c *converter) element(b []byte, depth int) ([]byte, int, bool) {
	h, ok := readHeader(b)
	if !ok || depth > maxDepth {
		return nil, 0, false
	}
	if h.indefinite {
		body, n, ok := c.children(b[h.size:], depth, true)
		if !ok {
			return nil, 0, false
		}
		c.changed = true
		return c.build(h, body), h.size + n, true
	}
	total := h.size + h.length
	body := b[h.size:total]
	if h.constructed() {
		// What does not parse inside a definite length is left alone: it may be a broken certificate among good ones.
		before := c.changed
		if inner, n, ok := c.children(body, depth, false); ok && n == len(body) {
			body = inner
		} else {
			c.changed = before
		}
	}
	c.changed = c.changed || !h.minimal
	return c.build(h, body), total, true
}

// children converts a run of elements, up to the end of b or to the end-of-contents octets.
func (c *converter) children(b []byte, depth int, indefinite bool) ([]byte, int, bool) {
	var out []byte
	pos := 0
	for {
		rest := b[pos:]
		if indefinite && bytes.HasPrefix(rest, []byte{0, 0}) {
			return out, pos + 2, true
		}
		if len(rest) == 0 {
			return out, pos, !indefinite
		}
		el, n, ok := c.element(rest, depth+1)
		if !ok {
			return nil, 0, false
		}
		out = append(out, el...)
		pos += n
	}
}

// build writes an element with a minimal length; the pieces of a constructed OCTET STRING are joined.
func (c *converter) build(h header, body []byte) []byte {
	tag := h.tag
	if tag[0] == 0x24 {
		if joined, ok := joinOctets(body); ok {
			c.changed = true
			tag, body = []byte{0x04}, joined
		}
	}
	out := make([]byte, 0, len(tag)+9+len(body))
	out = append(out, tag...)
	return append(appendLength(out, len(body)), body...)
}

func joinOctets(body []byte) ([]byte, bool) {
	var out []byte
	for len(body) > 0 {
		h, ok := readHeader(body)
		if !ok || h.indefinite || h.tag[0] != 0x04 {
			return nil, false
		}
		out = append(out, body[h.size:h.size+h.length]...)
		body = body[h.size+h.length:]
	}
	return out, true
}

// readHeader reads tag and length. It refuses lengths that reach past b.
func readHeader(b []byte) (header, bool) {
	n := tagSize(b)
	if n == 0 || n >= len(b) {
		return header{}, false
	}
	h := header{tag: b[:n:n], size: n + 1, minimal: true}
	switch first := b[n]; {
	case first < 0x80:
		h.length = int(first)
	case first == 0x80:
		h.indefinite = true
		return h, h.constructed()
	default:
		h.size += int(first & 0x7f)
		if h.size > len(b) {
			return header{}, false
		}
		var ok bool
		if h.length, h.minimal, ok = longLength(b[n+1 : h.size]); !ok {
			return header{}, false
		}
	}
	return h, h.length <= len(b)-h.size
}

// tagSize is the number of identifier octets, 0 where they do not end. A high tag number continues while bit 8 is set
// (X.690 section 8.1.2.4); more than 32 bits of it are refused.
func tagSize(b []byte) int {
	if len(b) == 0 || b[0]&0x1f != 0x1f {
		return min(len(b), 1)
	}
	for n := 1; n < len(b) && n < 6; n++ {
		if b[n]&0x80 == 0 {
			return n + 1
		}
	}
	return 0
}

// longLength reads the octets of the long form (X.690 section 8.1.3.5) and says whether DER would have written the
// same; lengths of more than 31 bits are refused.
func longLength(octets []byte) (length int, minimal, ok bool) {
	value := bytes.TrimLeft(octets, "\x00")
	if len(value) > 4 {
		return 0, false, false
	}
	var wide [4]byte
	copy(wide[4-len(value):], value)
	n := binary.BigEndian.Uint32(wide[:])
	if n > math.MaxInt32 {
		return 0, false, false
	}
	return int(n), len(value) == len(octets) && n >= 0x80, true
}

// appendLength writes a DER length (X.690 section 10.1).
func appendLength(b []byte, n int) []byte {
	if n < 0x80 {
		return append(b, byte(n))
	}
	var wide [8]byte
	binary.BigEndian.PutUint64(wide[:], uint64(n))
	value := bytes.TrimLeft(wide[:], "\x00")
	return append(append(b, 0x80|byte(len(value))), value...)
}
