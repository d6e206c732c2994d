package catalog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// What makecat reads of a definition file at a time (wintrust 10.0.15063,
// CryptCATCDFOpen and the functions beside it): it looks for the end of a line in that
// many bytes, and converts them from UTF-8 to that many UTF-16 units with the NUL.
const (
	cdfReadBytes = 0x800
	cdfReadUnits = 0x400
)

// maxCDFSize bounds foreign definition files.
const maxCDFSize = 256 << 20

// cdfLine is what makecat takes for a line.
type cdfLine struct {
	number  int    // of the line in the file, from 1
	key     string // before the first '=', else the whole line
	value   string // after it
	pair    bool   // there is a '='
	folded  string // key, as keys are compared
	from    int    // the line at which makecat reads on when it comes back to this one
	used    bool   // something was read from it
	badUTF8 bool
	tooLong bool
}

// comment says that makecat skips the line; it wants '#' in the first column.
func (l cdfLine) comment() bool { return strings.HasPrefix(l.key, "#") }

// section says that a section starts here; its name is the key.
func (l cdfLine) section() bool { return strings.HasPrefix(l.key, "[") }

// readCDFLines splits a definition file as makecat does. A line that is too long for it
// is read as nothing; one of 2048 bytes and more ends the file, which cut reports.
func readCDFLines(r io.Reader) (lines []cdfLine, cut bool, err error) {
	text, err := io.ReadAll(io.LimitReader(r, maxCDFSize+1))
	if err != nil {
		return nil, false, err
	}
	if len(text) > maxCDFSize {
		return nil, false, fmt.Errorf("larger than %d bytes", maxCDFSize)
	}
	if len(text) > 1 && (text[0] == 0xff && text[1] == 0xfe || text[0] == 0xfe && text[1] == 0xff) {
		return nil, false, errors.New("line 1: the file is UTF-16; makecat reads UTF-8, without a byte order mark")
	}
	number, ended := 1, true
	for at := 0; at < len(text); {
		chunk := text[at:min(len(text), at+cdfReadBytes)]
		l := newCDFLine(chunk, number)
		if l.from = len(lines); !ended {
			l.from-- // makecat comes back to where the piece before began
		}
		lines = append(lines, l.cdfLine)
		if l.tooLong && !l.ended {
			return lines, true, nil
		}
		number += max(bytes.Count(chunk[:l.size], []byte("\n")), bytes.Count(chunk[:l.size], []byte("\r")))
		at, ended = at+l.size, l.ended
	}
	return lines, false, nil
}

// splitCDFLine finds the line that a chunk starts with, and how many bytes it takes
// with its end: CR, LF, CR LF, or LF LF, which makecat takes for one. An end in the
// last byte of what was read is not looked at; then ended is false.
func splitCDFLine(chunk []byte) (body []byte, size int, ended bool) {
	last := len(chunk) - 1
	i := bytes.IndexAny(chunk[:last], "\r\n")
	if i < 0 {
		body = chunk
		if chunk[last] == 0x1a { // the end of the file in CP/M's way
			body = chunk[:last]
		}
		return body, len(chunk), false
	}
	if chunk[i+1] == '\n' {
		return chunk[:i], i + 2, true
	}
	return chunk[:i], i + 1, true
}

// readLine is a line, how many bytes of the file it takes, and whether its end was found.
type readLine struct {
	cdfLine
	size  int
	ended bool
}

func newCDFLine(chunk []byte, number int) readLine {
	body, size, ended := splitCDFLine(chunk)
	l := readLine{cdfLine{number: number}, size, ended}
	if i := bytes.IndexByte(body, 0); i >= 0 {
		body = body[:i]
	}
	text, units, ok := decodeUTF8(body)
	l.badUTF8 = !ok
	if ended {
		units += size - len(body)
	}
	if units+1 > cdfReadUnits {
		_, n := utf8.DecodeRuneInString(text)
		l.tooLong, text = true, text[:n]
	}
	text = strings.TrimRight(text, "\r\n")
	l.key, l.value, l.pair = strings.Cut(text, "=")
	l.folded = foldKey(l.key)
	return l
}

// decodeUTF8 reads UTF-8 as MultiByteToWideChar does: U+FFFD stands for what is
// malformed, one for as much as could begin a character (Unicode, section 3.9, "U+FFFD
// substitution of maximal subparts"). It counts the UTF-16 units.
func decodeUTF8(b []byte) (s string, units int, ok bool) {
	if utf8.Valid(b) {
		return string(b), len(utf16.Encode([]rune(string(b)))), true
	}
	var out []rune
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		for r == utf8.RuneError && n < len(b) && !utf8.FullRune(b[:n+1]) {
			n++
		}
		out = append(out, r)
		b = b[n:]
	}
	return string(out), len(utf16.Encode(out)), false
}

// foldKey prepares a key for comparison: _memicmp takes the bytes of UTF-16 and holds A
// to Z for equal to a to z.
func foldKey(s string) string {
	b := make([]byte, 0, 2*len(s))
	for _, r := range s {
		if r < 0x10000 {
			b = binary.LittleEndian.AppendUint16(b, uint16(r))
			continue
		}
		hi, lo := utf16.EncodeRune(r)
		b = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(b, uint16(hi)), uint16(lo))
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
