// Package printable makes text of others fit to be shown: names in certificates,
// names of files, answers of servers. Such text can hold escape sequences that
// drive a terminal, line breaks that forge lines of a report, and characters that
// turn the direction of writing round. What cannot be printed is shown as the
// escape sequence of a Go string, such as \x1b, \n or \u202e: [Text] for a part of
// a line, [Lines] for several, [Markdown] and [JSON] for files.
//
// # Compatibility
//
// Until version 1.0.0 names and signatures may change with a minor version; the
// changelog says so. Which characters are escaped follows Unicode's tables in
// package [unicode].
package printable

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text makes s fit for a part of one line.
func Text(s string) string { return escape(s, "") }

// Lines makes s fit for several lines: line breaks and tabs stay. It is for text
// of our own that has text of others in it.
func Lines(s string) string { return escape(s, "\n\t") }

// Short is Text of at most limit bytes of s, with … where it was cut.
func Short(s string, limit int) string {
	if len(s) <= limit {
		return Text(s)
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return Text(s[:limit]) + "…"
}

// OK reports whether Text would leave s as it is.
func OK(s string) bool { return Text(s) == s }

func escape(s, keep string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case unicode.IsPrint(r) || strings.ContainsRune(keep, r):
			b.WriteRune(r)
		default:
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		}
		s = s[size:]
	}
	return b.String()
}

// plain is the usual case.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Markdown makes s fit for a part of a line of Markdown, outside of code and not
// at its start: no links, no HTML, no new cells of a table.
func Markdown(s string) string {
	var b strings.Builder
	for _, r := range Text(s) {
		if strings.ContainsRune("\\`*[]<>|&", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// MarkdownCode makes s fit for the inside of `code` in a table of Markdown.
func MarkdownCode(s string) string {
	return strings.NewReplacer("`", "'", "|", `\|`).Replace(Text(s))
}

// JSON renders v, indented by two spaces, without a line break at the end. It is
// what package json makes, with everything escaped that a terminal or a browser
// could take for something else. A reader of JSON gets the text as it was.
func JSON(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, err
	}
	return ASCII(b), nil
}

// ASCII replaces what Text would escape by JSON's own escape sequences in JSON
// that is valid otherwise: it stands in strings only.
func ASCII(b []byte) []byte {
	if plainJSON(b) {
		return b
	}
	var out bytes.Buffer
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		switch {
		case r == '\n' || unicode.IsPrint(r) && r != utf8.RuneError:
			out.Write(b[:size])
		case r > 0xFFFF:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
		b = b[size:]
	}
	return out.Bytes()
}

func plainJSON(b []byte) bool {
	for _, c := range b {
		if c != '\n' && (c < ' ' || c > '~') {
			return false
		}
	}
	return true
}
