package dev

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFormatted(t *testing.T) {
	const good, bad = "package p\n\nvar a = 1\n", "package p\nvar   a = 1\n"
	for name, c := range map[string]struct {
		file, text string
		want       string // in the error; "" for none
	}{
		"good":           {"a.go", good, ""},
		"bad":            {"sub/a.go", bad, "gofmt -w"},
		"not Go at all":  {"a.go", "package p\nfunc {", "a.go"},
		"testdata":       {"testdata/a.go", bad, ""},
		"dist":           {"dist/a.go", bad, ""},
		"hidden folder":  {".hallmark/a.go", bad, ""},
		"no Go file":     {"a.txt", bad, ""},
		"folder of test": {"x/testdata/y/a.go", bad, ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			path := filepath.Join(root, filepath.FromSlash(c.file))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			err := Formatted(root)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error is %v, want %q", err, c.want)
			}
		})
	}
}

// TestRun: a check describes what it runs, and a failing one is an error with its output shown.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := (check{nil, []string{"version"}}).run(context.Background(), &out); err != nil || !strings.Contains(out.String(), "go version go1") {
		t.Errorf("error %v, output %s", err, out.String())
	}
	out.Reset()
	err := (check{[]string{"GOOS=plan9"}, []string{"vet", "./nowhere"}}).run(context.Background(), &out)
	if err == nil || !strings.HasPrefix(out.String(), "GOOS=plan9 go vet ./nowhere\n") || !strings.Contains(out.String(), "nowhere") {
		t.Errorf("error %v, output %s", err, out.String())
	}
}
