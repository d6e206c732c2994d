package clue

import (
	"path"
	"regexp"
	"strings"
)

var (
	directive = regexp.MustCompile(`(?m)^//go:generate\s+(.*?)\r?$`)
	makesSyso = regexp.MustCompile(`go-winres|goversioninfo|windres|\brsrc\b|ResourceObject`)
)

// Generators returns the commands of the go:generate lines in a Go file that
// do not make Windows resources, which a release makes itself.
func Generators(source []byte) []string {
	var out []string
	for _, m := range directive.FindAllSubmatch(source, -1) {
		if c := string(m[1]); !makesSyso.MatchString(c) {
			out = append(out, c)
		}
	}
	return out
}

// IgnoredSources returns the Go files that a .gitignore names in full, such as
// commands/text_gen.go: they are made in every clone. Patterns with wildcards
// mean too much to be sure.
func IgnoredSources(gitignore []byte) []string {
	var out []string
	for _, l := range strings.Split(string(gitignore), "\n") {
		l = strings.TrimPrefix(strings.TrimSpace(l), "/")
		if strings.HasSuffix(l, ".go") && !strings.ContainsAny(l, "*?[!#") {
			out = append(out, path.Clean(l))
		}
	}
	return out
}
