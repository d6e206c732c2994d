// Package spectest holds the cases of good and bad release.yaml files that
// the tests of the decoder and of the JSON Schema share.
package spectest

import (
	"embed"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"
)

//go:embed cases/*.txt
var cases embed.FS

// Verdict says who refuses a case.
type Verdict string

// The schema judges single values; Load judges everything.
const (
	Accepted    Verdict = "accepted"
	ByLoad      Verdict = "refused by load"
	ByBothSides Verdict = "refused by load and schema"
)

// Case is one release.yaml.
type Case struct {
	Name    string
	YAML    string // whole file: base with the sections of the case
	Verdict Verdict
	Error   string // what Load says, without the last line break

	file, sections string
}

// base is the smallest complete file; a case replaces its sections.
const base = `version: 1
project:
  name: app
  version: 1.4.2
  company: Example Ltd
build:
  binaries:
    - main: ./cmd/app
`

// Cases reads all cases in the order of their files.
func Cases(t testing.TB) []Case {
	t.Helper()
	names, err := fs.Glob(cases, "cases/*.txt")
	if err != nil || len(names) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	sort.Strings(names)
	var list []Case
	for _, name := range names {
		b, err := cases.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, parse(t, filepath.Base(name), string(b))...)
	}
	return list
}

// parse splits a file into its cases: a line «=== name», the sections, a line
// «--- verdict», the error.
func parse(t testing.TB, file, text string) []Case {
	t.Helper()
	var list []Case
	for _, block := range strings.Split("\n"+strings.ReplaceAll(text, "\r\n", "\n"), "\n=== ")[1:] {
		name, rest, _ := strings.Cut(block, "\n")
		sections, judged, found := strings.Cut("\n"+rest, "\n--- ")
		verdict, message, _ := strings.Cut(judged, "\n")
		if !found || verdict != string(Accepted) && verdict != string(ByLoad) && verdict != string(ByBothSides) {
			t.Fatalf("%s: case %q: no verdict, or %q", file, name, verdict)
		}
		sections = strings.TrimPrefix(sections, "\n")
		list = append(list, Case{
			Name: name, YAML: compose(sections), Verdict: Verdict(verdict), Error: strings.TrimRight(message, "\n"),
			file: file, sections: strings.TrimRight(sections, "\n"),
		})
	}
	return list
}

var topKey = regexp.MustCompile(`(?m)^[A-Za-z_]+:`)

// compose puts the sections of a case in place of those of base.
func compose(sections string) string {
	replaced := map[string]bool{}
	for _, key := range topKey.FindAllString(sections, -1) {
		replaced[key] = true
	}
	var b strings.Builder
	keep := true
	for _, line := range strings.SplitAfter(base, "\n") {
		if key := topKey.FindString(line); key != "" {
			keep = !replaced[key]
		}
		if keep {
			b.WriteString(line)
		}
	}
	return b.String() + sections + "\n"
}

// Update writes the errors of all cases back into dir, the folder cases.
func Update(t testing.TB, dir string, list []Case) {
	t.Helper()
	files := map[string]*strings.Builder{}
	for _, c := range list {
		b := files[c.file]
		if b == nil {
			b = &strings.Builder{}
			files[c.file] = b
		} else {
			b.WriteByte('\n')
		}
		b.WriteString("=== " + c.Name + "\n" + c.sections + "\n--- " + string(c.Verdict) + "\n")
		if c.Error != "" {
			b.WriteString(c.Error + "\n")
		}
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Project makes the folder that the cases speak of and returns its path.
func Project(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":                "module example.com/app\n\ngo 1.26\n",
		"cmd/app/main.go":       "package main\n\nfunc main() {}\n",
		"cmd/tool/main.go":      "package main\n\nfunc main() {}\n",
		"lib/lib.go":            "package lib\n",
		"cgo/main.go":           "package main\n\nimport \"C\"\n\nfunc main() {}\n",
		"nested/go.mod":         "module example.com/nested\n",
		"nested/cmd/app/m.go":   "package main\n\nfunc main() {}\n",
		"linuxonly/m_linux.go":  "package main\n\nfunc main() {}\n",
		"two/a.go":              "package a\n",
		"two/b.go":              "package b\n",
		"docs/readme.txt":       "text\n",
		".goreleaser.yaml":      "version: 2\n",
		"assets/app.ico":        "icon",
		"assets/app.bmp":        "icon",
		"docs/x.ico/readme.txt": "text\n",
		"assets/app.manifest":   "<assembly/>",
		"certs/chain.pem":       "certificate",
		"certs/root.pem":        "certificate",
		"certs/ca.crl":          "list",
		"policies/customer.xml": "<SiPolicy/>",
		"text.tmpl":             "text",
	} {
		full := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}
