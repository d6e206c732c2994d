package cms

import (
	"bytes"
	"encoding/binary"
)

// maxDepth bounds nesting while converting BER. A signature with a nested signature, its token
// and their certificates stays below 30, because OCTET STRINGs are not entered.
const maxDepth = 64

// toDER converts the first BER element of b to DER lengths: indefinite lengths become definite, lengths become
// minimal, constructed OCTET STRINGs become primitive. Other encoding rules are not touched, so what was signed
// stays recognisable. used is how many bytes of b the element took; ok is false where b needs no
// conversion or cannot be converted.
func toDER(b []byte) (der []byte, used int, ok bool) {
	c := &converter{}
	out, used, ok := c.element(b, 0)
	if !ok || !c.changed {
		return nil, 0, false
	}
	return out, used, true
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
	n := 1
	if len(b) < 2 {
		return header{}, false
	}
	if b[0]&0x1f == 0x1f { // high tag number: octets follow until bit 8 is clear (X.690 section 8.1.2.4)
		for n < len(b) && n < 6 && b[n]&0x80 != 0 {
			n++
		}
		n++
		if n >= len(b) {
			return header{}, false
		}
	}
	h := header{tag: b[:n:n], minimal: true}
	first := b[n]
	n++
	switch {
	case first < 0x80:
		h.length = int(first)
	case first == 0x80:
		h.indefinite = true
		h.size = n
		return h, h.constructed()
	default:
		k := int(first & 0x7f)
		if k > len(b)-n {
			return header{}, false
		}
		value := bytes.TrimLeft(b[n:n+k], "\x00")
		if len(value) > 4 {
			return header{}, false
		}
		var wide [8]byte
		copy(wide[8-len(value):], value)
		length := binary.BigEndian.Uint64(wide[:])
		n += k
		if length > uint64(len(b)-n) {
			return header{}, false
		}
		h.length = int(length)
		h.minimal = len(value) == k && length >= 0x80
	}
	h.size = n
	return h, h.length <= len(b)-n
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
