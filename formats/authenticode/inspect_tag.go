package authenticode

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// TagFacts describes a tag: data beside the signature that it does not cover.
type TagFacts struct {
	OID  string `json:"oid"`
	Size int    `json:"size"` // bytes
	// Text is the tag if it is printable UTF-8, Data (base64 in JSON) if it is not.
	Text string `json:"text,omitempty"`
	Data []byte `json:"data,omitempty"`
}

func tagFacts(t Tag) TagFacts {
	f := TagFacts{OID: t.OID.String(), Size: len(t.Data)}
	if printableText(t.Data) {
		f.Text = string(t.Data)
	} else {
		f.Data = t.Data
	}
	return f
}

func printableText(b []byte) bool {
	return utf8.Valid(b) && strings.IndexFunc(string(b), func(r rune) bool {
		return !unicode.IsPrint(r) && r != '\n' && r != '\r' && r != '\t'
	}) < 0
}

// maxTagShown is how many characters of a tag the text form shows; JSON has all of it.
const maxTagShown = 200

func (t TagFacts) writeTo(w io.Writer) {
	fmt.Fprintf(w, "  tag:         %d bytes, not covered by the signature (%s)\n", t.Size, t.OID)
	if t.Text == "" {
		return
	}
	shown, rest := []rune(t.Text), ""
	if len(shown) > maxTagShown {
		shown, rest = shown[:maxTagShown], " …"
	}
	fmt.Fprintf(w, "    text:      %s%s\n", strconv.Quote(string(shown)), rest)
}
