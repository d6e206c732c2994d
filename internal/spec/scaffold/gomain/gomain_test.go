package gomain

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
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

const code = "package main\n\nfunc main() {}\n"

func TestRead(t *testing.T) {
	root := tree(t, map[string]string{
		"main.go": "// Says hello.\npackage main\n\nfunc main() {}\n", "cmd/tool/m.go": code, "cmd/win/m_windows.go": code, "cmd/lin/m_linux.go": code,
		"cmd/tagged/m.go": "//go:build extra\n\n" + code, "cmd/c/m.go": "package main\n\nimport \"C\"\n\nfunc main() {}\n",
		"internal/gen/m.go": code, "tools/m.go": code, "lib/l.go": "package lib\n", "nested/go.mod": "module n\n", "nested/m.go": code,
		"vendor/v/m.go": code, "testdata/m.go": code, "dist/m.go": code, "_old/m.go": code, "x/two/a.go": code, "x/two/b.go": "package other\n",
	})
	m, err := Read(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Main{{Dir: ".", Doc: "Says hello."}, {Dir: "./cmd/c", Cgo: true}, {Dir: "./cmd/tool"}, {Dir: "./cmd/win"},
		{Dir: "./internal/gen", Secondary: true}, {Dir: "./tools", Secondary: true}}
	if !reflect.DeepEqual(m.Mains, want) {
		t.Errorf("got  %+v\nwant %+v", m.Mains, want)
	}
	if m, err = Read(root, []string{"extra"}); err != nil {
		t.Fatal(err)
	}
	if _, ok := m.Main("./cmd/tagged"); !ok {
		t.Errorf("with the tag: %+v", m.Mains)
	}
}

func TestReadEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 20,000 folders")
	}
	root := t.TempDir()
	for i := range maxFolders + 1 {
		if err := os.Mkdir(filepath.Join(root, fmt.Sprint(i)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Read(root, nil); !errors.Is(err, ErrTooMany) {
		t.Errorf("got %v", err)
	}
}

func TestVariables(t *testing.T) {
	root := tree(t, map[string]string{"main.go": `package main

import "fmt"

const c = "1.0"

var a string
var b, d = "x", "y"
var (
	e       string = "z"
	f              = 3
	g              = fmt.Sprint("x")
	h, i    string
	j       []byte
	k, l           = two()
	m       fmt.Stringer
	n              = "a" + "b"
)

func two() (string, string) { var inside string; return inside, "" }
`, "other_linux.go": "package main\n\nvar linux string\n", "broken.go": "package main\n\nvar (\n"}) // which is left out
	m, err := Read(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Variable{{"a", ""}, {"b", "x"}, {"d", "y"}, {"e", "z"}, {"h", ""}, {"i", ""}}
	if got := m.Variables(".", nil); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestMeaning(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"version", "", "version"}, {"Version", "dev", "version"}, {"appVersion", "v0.0.0", "version"}, {"BuildVersion", "(devel)", "version"},
		{"gitVersion", "unknown", "version"}, {"VERSION", "0.74", "version"}, {"commit", "none", "commit"}, {"GitCommit", "", "commit"},
		{"revision", "HEAD", "commit"}, {"ShortCommit", "", "short_commit"}, {"date", "unknown", "commit_date"}, {"BuildDate", "", "commit_date"},
		{"buildTime", "", "commit_date"}, {"version", "Prints the version", ""}, {"versionURL", "", ""}, {"versionTemplate", "x", ""},
		{"conversion", "", ""}, {"goVersion", "", ""}, {"dated", "", ""}, {"hash", "sha256", ""}, {"time", "", ""},
	} {
		if got := (Variable{c.name, c.value}).Meaning(); got != c.want {
			t.Errorf("%s = %q: got %q, want %q", c.name, c.value, got, c.want)
		}
	}
}

func TestGuessAndHas(t *testing.T) {
	root := tree(t, map[string]string{
		"cmd/a/m.go":            "package main\n\nimport _ \"example.com/m/internal/cli\"\n\nvar builtBy string\n\nfunc main() {}\n",
		"cmd/b/m.go":            "package main\n\nvar Commit string\n\nfunc main() {}\n",
		"internal/cli/c.go":     "package cli\n\nimport _ \"example.com/m/pkg/version\"\n",
		"pkg/version/v.go":      "package version\n\nvar Version, date = \"dev\", \"\"\n",
		"internal/version/v.go": "package version\n\nvar Version = \"dev\" // that nothing imports\n",
		"version.go":            "package m\n\nvar Release string\n",
	})
	m, err := Read(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Guess("example.com/m", []string{"./cmd/a"}, nil); !reflect.DeepEqual(got, map[string]string{"example.com/m/pkg/version.Version": "version", "example.com/m/pkg/version.date": "commit_date"}) {
		t.Errorf("a: %v", got)
	}
	if got := m.Guess("example.com/m", []string{"./cmd/b"}, nil); got != nil {
		t.Errorf("b: %v", got)
	}
	for name, want := range map[string][2]bool{
		"main.builtBy": {true, true}, "main.Commit": {false, true}, "example.com/m.Release": {false, true}, "example.com/m/pkg/version.Version": {true, true},
		"example.com/m/pkg/version.Versoin": {false, true}, "example.com/m/none.X": {false, true}, "example.com/mother/x.Y": {false, false}, "plain": {false, true},
	} {
		if has, known := m.Has(name, "example.com/m", []string{"./cmd/a"}, nil); has != want[0] || known != want[1] {
			t.Errorf("%s: %v, %v", name, has, known)
		}
	}
}
