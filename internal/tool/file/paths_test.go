package file

import (
	"os"
	"path/filepath"
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
// TestDeepFolder: a path of more than 260 characters, which Windows programs
// have to ask for specially, and a name with a blank.
func TestDeepFolder(t *testing.T) {
	b := newBench(t)
	deep := filepath.Join(b.dir, strings.Repeat("d", 100), strings.Repeat("e", 100), "a folder "+strings.Repeat("f", 100)+"x")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(b.path("a.exe"), filepath.Join(deep, "the app.exe")); err != nil {
		t.Fatal(err)
	}
	b.dir = deep
	b.sign(b.signing("*.exe"))
	b.accepted("the app.exe", false)
	if es, err := os.ReadDir(deep); err != nil || len(es) != 1 {
		t.Errorf("%d files in the folder, %v", len(es), err)
	}
}

// TestReadOnlyProgram: it is not changed, on any system; a copy is writable.
func TestReadOnlyProgram(t *testing.T) {
	b := newBench(t)
	before := b.read("a.exe")
	if err := os.Chmod(b.path("a.exe"), 0o444); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(b.path("a.exe"), 0o644) })
	err := Sign(t.Context(), b.console(), b.signing("a.exe"))
	if err == nil || !strings.Contains(err.Error(), "the file is read-only\nhint: ") || b.read("a.exe") != before {
		t.Errorf("in place: %v", err)
	}
	s := b.signing("a.exe")
	s.Out = b.path("signed.exe")
	b.sign(s)
	b.accepted("signed.exe", false)
	if st, err := os.Stat(s.Out); err != nil || st.Mode().Perm()&0o200 == 0 {
		t.Errorf("the copy: %v, %v", st.Mode(), err)
	}
}

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
