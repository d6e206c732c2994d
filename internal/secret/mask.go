package secret

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

// Mask is written in place of every secret.
const Mask = "***"

// minMasked is the length in bytes below which a secret is not masked: one
// or two characters occur everywhere, and masking them would give away their
// places in every line.
const minMasked = 3

// MaskText returns text with every secret of at least three bytes replaced, also
// where it is encoded: in JSON, URLs, base64 and hexadecimal digits, as a program
// that shows what it was given would print it. The longest comes first where one
// is the beginning of another.
func MaskText(text string, secrets ...[]byte) string {
	var sorted [][]byte
	for _, s := range secrets {
		if len(s) >= minMasked {
			sorted = append(append(sorted, s), encodings(s)...)
		}
	}
	slices.SortFunc(sorted, func(a, b []byte) int { return len(b) - len(a) })
	var pairs []string
	for _, s := range sorted {
		if len(s) >= minMasked {
			pairs = append(pairs, string(s), Mask)
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// encodings are the forms of a secret.
func encodings(secret []byte) [][]byte {
	s := string(secret)
	out := [][]byte{inJSON(s, true), inJSON(s, false), []byte(url.QueryEscape(s)), []byte(url.PathEscape(s)),
		[]byte(hex.EncodeToString(secret)), []byte(strings.ToUpper(hex.EncodeToString(secret)))}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		out = append(out, []byte(e.EncodeToString(secret)))
		// As a later part of something, such as user:password, it is encoded with
		// other bytes before it: what depends on the secret alone stays.
		for lead := 1; lead <= 2; lead++ {
			all := e.EncodeToString(append(make([]byte, lead), secret...))
			from := (lead*8 + 5) / 6
			if to := (lead + len(secret)) * 8 / 6; to-from >= 2*minMasked {
				out = append(out, []byte(all[from:to]))
			}
		}
	}
	return out
}

func inJSON(s string, html bool) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(html)
	_ = enc.Encode(s) // a string can always be encoded
	quoted := bytes.TrimSpace(b.Bytes())
	return quoted[1 : len(quoted)-1]
}
