package file

import (
	"os"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

func TestLinksAreFollowedInPlace(t *testing.T) {
	b := newBench(t)
	formatstest.Symlink(t, "a.exe", b.path("link.exe"))
	b.sign(b.signing("link.exe"))
	b.accepted("a.exe", false)
	if st, err := os.Lstat(b.path("link.exe")); err != nil || st.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link has become %v, %v", st.Mode(), err)
	}
	s := b.signing("link.exe")
	s.In += "," + b.path("a.exe")
	usage(t, Sign(t.Context(), b.console(), s), "would both become")
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
}

func TestNothingReplacesAProgram(t *testing.T) {
	b := newBench(t)
	before := b.read("a.exe")
	j := args.Job{In: b.path("a.exe"), Out: b.path("a.exe")}
	if err := rewrite(j, func(*args.Source, *os.File) error { return nil }); err == nil || b.read("a.exe") != before {
		t.Errorf("a change that wrote nothing: %v, the file has %d bytes", err, len(b.read("a.exe")))
	}
}
