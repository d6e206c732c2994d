package docstest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// pages returns the text of every document by its path relative to root. What
// releases write and hidden folders are left out.
func pages(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (d.Name() == "dist" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(root, path)
		out[filepath.ToSlash(rel)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var (
	fenced = regexp.MustCompile("(?ms)^```.*?^```")
	span   = regexp.MustCompile("`[^`\n]+`")
	link   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	head   = regexp.MustCompile(`(?m)^#+ +(.+)$`)
)

func TestLinksLeadSomewhere(t *testing.T) {
	root := formatstest.Root(t)
	all := pages(t, root)
	if len(all) < 10 {
		t.Fatalf("only %d documents found", len(all))
	}
	for page, text := range all {
		for _, problem := range badLinks(root, page, text) {
			t.Errorf("%s: %s", page, problem)
		}
	}
}

// badLinks checks links to files and headings; those to other hosts are
// somebody else's.
func badLinks(root, page, text string) []string {
	var bad []string
	for _, m := range link.FindAllStringSubmatch(span.ReplaceAllString(fenced.ReplaceAllString(text, ""), ""), -1) {
		if strings.Contains(m[1], "://") {
			continue
		}
		file, anchor, _ := strings.Cut(m[1], "#")
		target := filepath.Join(root, filepath.FromSlash(page))
		if file != "" {
			target = filepath.Join(filepath.Dir(target), filepath.FromSlash(file))
		}
		b, err := os.ReadFile(target)
		if st, statErr := os.Stat(target); statErr == nil && st.IsDir() {
			b, err = nil, nil
		}
		switch {
		case err != nil:
			bad = append(bad, m[1]+": there is no such file")
		case anchor != "" && !slices.Contains(anchors(string(b)), anchor):
			bad = append(bad, m[1]+": there is no such heading")
		}
	}
	return bad
}

// anchors are the names that GitHub gives headings.
func anchors(text string) []string {
	var out []string
	for _, m := range head.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		out = append(out, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, m[1]))
	}
	return out
}

func TestBadLinks(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{"a.md": "# One thing\n", "docs/b.md": "## `x` and Y\n"} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for text, want := range map[string]int{
		"[x](a.md)": 0, "[x](docs/b.md#x-and-y)": 0, "[x](docs)": 0, "[x](https://example.com/none)": 0, "`[x](none)`": 0, "```\n[x](none)\n```": 0,
		"[x](none.md)": 1, "[x](a.md#two)": 1, "[x](#one-thing)": 0, "[x](docs/a.md) [y](b.md)": 2,
	} {
		if got := badLinks(root, "a.md", text); len(got) != want {
			t.Errorf("%q: %v, want %d bad links", text, got, want)
		}
	}
}
