// Package ldflags reads and writes linker flags as the go command does: one
// text that is split at blanks, with '…' or "…" around words that hold blanks
// and no way to escape a quote.
package ldflags

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// quoted finds a quotation mark that counts: one at the beginning of a word.
var quoted = regexp.MustCompile(`(^|[ \t])['"]`)

// Split returns the words of one entry of build.ldflags. What follows -X up to
// the next word that begins with a dash is one word, blanks included, so that
// a text needs no quotes; quotes work as they do for the go command.
func Split(entry string) ([]string, error) {
	words, err := Words(entry)
	if err != nil || quoted.MatchString(entry) {
		return words, err
	}
	var out []string
	for _, w := range words {
		last := len(out) - 1
		switch {
		case last < 0 || strings.HasPrefix(w, "-") || isX(out[last]):
			out = append(out, w)
		case setsVariable(out, last):
			out[last] += " " + w
		default:
			out = append(out, w)
		}
	}
	return out, nil
}

// setsVariable reports whether the word at i is the assignment of a -X.
func setsVariable(words []string, i int) bool {
	return strings.HasPrefix(words[i], "-X=") || strings.HasPrefix(words[i], "--X=") || i > 0 && isX(words[i-1])
}

func isX(w string) bool { return w == "-X" || w == "--X" }

// Words splits a command line at blanks; '…' and "…" around a word keep them.
func Words(s string) ([]string, error) {
	var words []string
	for s = strings.TrimLeft(s, " \t"); s != ""; s = strings.TrimLeft(s, " \t") {
		end := strings.IndexAny(s, " \t")
		if quote := s[0]; quote == '"' || quote == '\'' {
			close := strings.IndexByte(s[1:], quote)
			if close < 0 {
				return nil, errors.New("a quotation mark is not closed")
			}
			words, s = append(words, s[1:1+close]), s[close+2:]
			continue
		}
		if end < 0 {
			end = len(s)
		}
		words, s = append(words, s[:end]), s[end:]
	}
	return words, nil
}

// Assignments are the texts package.name=value that the words' -X flags set.
func Assignments(words []string) []string {
	var out []string
	for i, w := range words {
		value, found := strings.CutPrefix(strings.TrimPrefix(w, "-"), "-X=")
		if !found {
			value, found = strings.CutPrefix(w, "-X=")
		}
		switch {
		case found:
			out = append(out, value)
		case isX(w) && i+1 < len(words):
			out = append(out, words[i+1])
		case isX(w):
			out = append(out, "")
		}
	}
	return out
}

// Join makes one text of words that the go command splits into them again. A
// word with both kinds of quotation marks cannot be written.
func Join(words []string) (string, error) {
	out := make([]string, len(words))
	for i, w := range words {
		switch {
		case w != "" && !strings.ContainsAny(w, " \t\r\n'\""):
			out[i] = w
		case !strings.Contains(w, "'"):
			out[i] = "'" + w + "'"
		case !strings.Contains(w, `"`):
			out[i] = `"` + w + `"`
		default:
			return "", fmt.Errorf("%s holds both kinds of quotation marks, which linker flags cannot", w)
		}
	}
	return strings.Join(out, " "), nil
}
