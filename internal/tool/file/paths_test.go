package file

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLinksAreFollowedInPlace(t *testing.T) {
	b := newBench(t)
	if err := os.Symlink("a.exe", b.path("link.exe")); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	b.sign(b.signing("link.exe"))
	b.accepted("a.exe", false)
	if st, err := os.Lstat(b.path("link.exe")); err != nil || st.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link has become %v, %v", st.Mode(), err)
	}
	s := b.signing("link.exe")
	s.In += "," + b.path("a.exe")
	usage(t, Sign(t.Context(), b.console(), s), "would both become")
}

func TestOneFileByTwoNamesIsSignedOnce(t *testing.T) {
	b := newBench(t)
	in := b.path("a.exe") + "," + b.dir + string(filepath.Separator) + "." + string(filepath.Separator) + "a.exe"
	jobs, err := Files{In: in}.jobs("")
	if err != nil || len(jobs) != 1 {
		t.Errorf("%d jobs, %v, want 1", len(jobs), err)
	}
}

// What a failing change was about to write, and where, is no part of the error.
func TestErrorsNameTheFileOnce(t *testing.T) {
	b := newBench(t)
	if err := os.WriteFile(b.path("empty.exe"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := b.signing("empty.exe")
	err := Sign(t.Context(), b.console(), s)
	if err == nil || strings.Count(err.Error(), "empty.exe") != 1 || strings.Contains(err.Error(), "writing") {
		t.Errorf("error is %v", err)
	}
	if _, err = open(b.path("none.exe")); err == nil || strings.Contains(err.Error(), "none.exe") || !strings.Contains(err.Error(), "opening") {
		t.Errorf("error is %v", err)
	}
}

func TestNothingReplacesAProgram(t *testing.T) {
	b := newBench(t)
	before := b.read("a.exe")
	j := job{b.path("a.exe"), b.path("a.exe")}
	if err := rewrite(j, func(*source, *os.File) error { return nil }); err == nil || b.read("a.exe") != before {
		t.Errorf("a change that wrote nothing: %v, the file has %d bytes", err, len(b.read("a.exe")))
	}
}
