package cipolicy

import (
	"encoding/binary"
	"fmt"
	"unicode/utf16"
)

// FormatError is a compiled policy that does not follow the format.
type FormatError struct {
	Offset  int    // in bytes from the start of the policy
	Field   string // what was being read
	Problem string
}

// Error names the field, its offset and the problem.
func (e *FormatError) Error() string {
	return fmt.Sprintf("%s at offset 0x%X: %s", e.Field, e.Offset, e.Problem)
}

// decoder reads the primitives of the format. After the first error it returns
// zero values, and every loop ends because counts come out as 0.
type decoder struct {
	buf []byte
	at  int
	err *FormatError
}

func (d *decoder) fail(field, format string, args ...any) {
	if d.err == nil {
		d.err = &FormatError{Offset: d.at, Field: field, Problem: fmt.Sprintf(format, args...)}
	}
}

func (d *decoder) take(field string, n int) []byte {
	if d.err == nil && n > len(d.buf)-d.at {
		d.fail(field, "%d bytes needed, %d left", n, len(d.buf)-d.at)
	}
	if d.err != nil {
		return nil
	}
	b := d.buf[d.at : d.at+n]
	d.at += n
	return b
}

func (d *decoder) u32(field string) uint32 {
	b := d.take(field, 4)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint32(b)
}

func (d *decoder) u64(field string) uint64 {
	b := d.take(field, 8)
	if b == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

func (d *decoder) guid(field string) GUID {
	var g GUID
	copy(g[:], d.take(field, len(g)))
	return g
}

func (d *decoder) version(field string) Version {
	return Version(d.u64(field))
}

// count reads a number of things that take at least size bytes each, so that a
// wrong number cannot make the reader allocate more than the file justifies.
func (d *decoder) count(field string, size int) int {
	n := d.u32(field)
	if d.err == nil && int64(n)*int64(size) > int64(len(d.buf)-d.at) {
		d.at -= 4
		d.fail(field, "%d entries do not fit into the %d bytes left", n, len(d.buf)-d.at-4)
	}
	if d.err != nil {
		return 0
	}
	return int(n)
}

func (d *decoder) blob(field string) []byte {
	n := d.count(field, 1)
	b := d.take(field, n)
	d.pad(field)
	if len(b) == 0 {
		return nil
	}
	return append([]byte(nil), b...)
}

func (d *decoder) pad(field string) {
	for d.err == nil && d.at%4 != 0 {
		if b := d.take(field, 1); b != nil && b[0] != 0 {
			d.at--
			d.fail(field, "padding byte 0x%02X, must be 0", b[0])
		}
	}
}

// text reads a string. Only text that XML can hold is accepted.
func (d *decoder) text(field string) string {
	start := d.at
	n := d.count(field, 1)
	if n%2 != 0 {
		d.fail(field, "UTF-16 text of %d bytes", n)
	}
	b := d.take(field, n)
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	d.pad(field)
	if end := d.u32(field); end != 0 {
		d.fail(field, "0x%X after the text, must be 0", end)
	}
	s := utf16.Decode(units)
	for i, r := range s {
		if !validXML(r) || r == '\uFFFD' && !isReplacement(units, i) {
			d.at = start
			d.fail(field, "the text holds a character that XML cannot")
			return ""
		}
	}
	return string(s)
}

// isReplacement reports whether the text itself holds U+FFFD, in contrast to
// half a surrogate pair, which decoding turns into U+FFFD.
func isReplacement(units []uint16, rune int) bool {
	for i, at := 0, 0; i < len(units); i, at = i+1, at+1 {
		if at == rune {
			return units[i] == 0xFFFD
		}
		if i+1 < len(units) && utf16.DecodeRune(int32(units[i]), int32(units[i+1])) != 0xFFFD {
			i++
		}
	}
	return false
}

// validXML is the production Char of XML 1.0, section 2.2.
func validXML(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000
}

// list reads positions that must be below limit.
func (d *decoder) list(field string, limit int) []uint32 {
	n := d.count(field, 4)
	if n == 0 {
		return nil
	}
	out := make([]uint32, n)
	for i := range out {
		out[i] = d.position(field, limit)
	}
	return out
}

func (d *decoder) position(field string, limit int) uint32 {
	v := d.u32(field)
	if d.err == nil && int64(v) >= int64(limit) {
		d.at -= 4
		d.fail(field, "position %d, but there are only %d", v, limit)
	}
	return v
}
