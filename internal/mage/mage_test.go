package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestSimple(t *testing.T) {
	for line, want := range map[string]bool{"": true, "release": true, "file:sign -in=x": true, "-v release": false, "-l": false, "-compile x": false} {
		if got := simple(strings.Fields(line), []string{"HOME=/"}); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
	if simple([]string{"release"}, []string{"MAGEFILE_VERBOSE=1"}) {
		t.Error("a setting of mage is ignored")
	}
	if !simple([]string{"release"}, []string{"MAGEFILE_VERBOSE=0", "MAGEFILE_GOCMD="}) {
		t.Error("settings that are off count")
	}
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestFingerprint: what is compiled or steers the compiler changes it, nothing else does.
func TestFingerprint(t *testing.T) {
	root := t.TempDir()
	write(t, root, "go.mod", "module example.com/m\n\ngo 1.26.0\n")
	write(t, root, "a/a.go", "package a\n")
	env := []string{"HOME=/h", "GOFLAGS="}
	before, err := fingerprint(root, env)
	if err != nil {
		t.Fatal(err)
	}
	differs := func(what string, want bool, env []string) {
		t.Helper()
		now, err := fingerprint(root, env)
		if err != nil || (now != before) != want {
			t.Errorf("%s: changed %v, %v", what, now != before, err)
		}
		before = now
	}
	for name, want := range map[string]bool{
		"a/a.go": true, "b/new.go": true, "templates/x.txt": true, "go.sum": true, "magefile.go": true,
		"a/a_test.go": false, "a/testdata/x": false, "dist/x": false, "docs/x.md": false, ".git/HEAD": false, ".hallmark/x": false,
	} {
		write(t, root, name, "package "+filepath.Base(filepath.Dir(name))+" // changed")
		differs(name, want, env)
	}
	differs("another variable", false, []string{"HOME=/i", "GOFLAGS="})
	differs("GOFLAGS", true, []string{"HOME=/h", "GOFLAGS=-tags=x"})
	if err := os.Remove(filepath.Join(root, "b", "new.go")); err != nil {
		t.Fatal(err)
	}
	differs("a file is gone", true, []string{"GOFLAGS=-tags=x"})

	write(t, root, "go.mod", "module example.com/m\n\ngo 1.26.0\n\nreplace example.com/x => ../x\n")
	if _, err := fingerprint(root, env); !errors.Is(err, errElsewhere) {
		t.Errorf("a replaced module: %v", err)
	}
	write(t, root, "go.mod", "module example.com/m\n\ngo 1.26.0\n")
	sub := filepath.Join(root, "sub")
	write(t, sub, "go.mod", "module example.com/sub\n\ngo 1.26.0\n")
	write(t, root, "go.work", "go 1.26.0\n")
	if _, err := fingerprint(sub, env); !errors.Is(err, errElsewhere) {
		t.Errorf("a workspace: %v", err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	if err := os.Remove(filepath.Join(root, "go.work")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := fingerprint(root, env); err == nil {
		t.Error("a link that leads elsewhere is ignored")
	}
}

const magefile = `//go:build mage

package main

import "os"

// Say says it.
func Say() { println("VERSION"); os.Exit(7) }
`

// TestNeverStale runs the program as go tool mage does: an edit is seen at once, an error is shown and nothing older runs in its place.
func TestNeverStale(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "mage.exe")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	root := filepath.Join(dir, "module")
	write(t, root, "go.mod", "module example.com/m\n\ngo 1.26.0\n")
	say := func(code int, want string) {
		t.Helper()
		cmd := exec.Command(bin, "say")
		cmd.Dir = root
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != code || strings.Count(string(out), want) != 1 {
			t.Errorf("exit status %d, want %d and once %q in\n%s", got, code, want, out)
		}
	}
	kept := func(want int) {
		t.Helper()
		got, err := os.ReadDir(filepath.Join(root, filepath.FromSlash(folder)))
		if err != nil || len(got) != want {
			t.Errorf("%d compiled magefiles are kept, want %d, %v", len(got), want, err)
		}
	}
	write(t, root, "magefile.go", strings.Replace(magefile, "VERSION", "one", 1))
	say(7, "one")
	say(7, "one")
	kept(1)
	write(t, root, "magefile.go", strings.Replace(magefile, "VERSION", "two", 1))
	say(7, "two")
	kept(1)
	write(t, root, "magefile.go", strings.Replace(magefile, `println("VERSION")`, "undefinedName()", 1))
	say(1, "undefined: undefinedName")
	write(t, root, "magefile.go", strings.Replace(magefile, "VERSION", "two", 1))
	say(7, "two")
}
