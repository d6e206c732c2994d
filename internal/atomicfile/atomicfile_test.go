package atomicfile

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestWriteReplacesAndKeepsNothingBehind(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	for _, text := range []string{"old", "new and longer", ""} {
		if err := Write(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil || string(b) != text {
			t.Fatalf("got %q, %v; want %q", b, err, text)
		}
	}
	if st, _ := os.Stat(path); runtime.GOOS != "windows" && st.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, want 0600", st.Mode())
	}
	if es, _ := os.ReadDir(dir); len(es) != 1 {
		t.Errorf("%d files left in the folder, want 1", len(es))
	}
}

func TestWriteFuncFailureLeavesOldFile(t *testing.T) {
	for name, write := range map[string]func(string, os.FileMode, func(*os.File) error) error{
		"written":             WriteFunc,
		"rewritten":           rewriteItself(Synced),
		"rewritten, unsynced": rewriteItself(Unsynced),
	} {
		t.Run(name, func(t *testing.T) { failureLeavesOldFile(t, write) })
	}
}

// rewriteItself rewrites a file in place, the source being open all the while.
func rewriteItself(d Durability) func(string, os.FileMode, func(*os.File) error) error {
	return func(path string, perm os.FileMode, fill func(*os.File) error) error {
		src, err := os.Open(path)
		if err != nil {
			return err
		}
		return Rewrite(path, src, perm, d, fill)
	}
}

func failureLeavesOldFile(t *testing.T, write func(string, os.FileMode, func(*os.File) error) error) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := Write(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	err := write(path, 0o644, func(f *os.File) error {
		f.WriteString("half")
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatalf("error is %v, want boom", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Errorf("file holds %q, want old", b)
	}
	if es, _ := os.ReadDir(dir); len(es) != 1 {
		t.Errorf("%d files left in the folder, want 1", len(es))
	}
	err = write(path, 0o600, func(f *os.File) error {
		_, err := f.WriteString("new")
		return err
	})
	if b, _ := os.ReadFile(path); err != nil || string(b) != "new" {
		t.Errorf("file holds %q, want new; error %v", b, err)
	}
}

func TestWriteIntoMissingFolder(t *testing.T) {
	if err := Write(filepath.Join(t.TempDir(), "no", "a"), nil, 0o644); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error is %v, want not exist", err)
	}
}

func TestSweep(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "sub")
	build := filepath.Join(sub, Prefix+"build-7", "out")
	if err := os.MkdirAll(build, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(sub, Prefix+"123"), filepath.Join(sub, "kept.exe"), filepath.Join(build, "x.exe")} {
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := Sweep(dir); err != nil {
		t.Fatal(err)
	}
	es, _ := os.ReadDir(sub)
	if len(es) != 1 || es[0].Name() != "kept.exe" {
		t.Errorf("left %v, want kept.exe alone", es)
	}
}

func TestRewriteInPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.exe")
	if err := os.WriteFile(path, []byte("program"), 0o644); err != nil {
		t.Fatal(err)
	}
	src, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	err = Rewrite(path, src, 0o644, Synced, func(dst *os.File) error {
		if _, err := io.Copy(dst, src); err != nil {
			return err
		}
		_, err := dst.WriteString(" signed")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "program signed" {
		t.Errorf("the file holds %q, %v", b, err)
	}
	if _, err := src.Read(make([]byte, 1)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the source is still open: %v", err)
	}
}

// TestReadOnly: what is marked read-only stays, on every system.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for _, p := range []string{path, other} {
		if err := os.WriteFile(p, []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(path, 0o644) })
	for name, err := range map[string]error{
		"write": Write(path, []byte("new"), 0o644),
		"copy":  Copy(path, other, 0o644),
		"move":  Move(other, path),
	} {
		if !errors.Is(err, ErrReadOnly) || !strings.Contains(err.Error(), "hint: ") {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Errorf("the file holds %q", b)
	}
	if es, _ := os.ReadDir(dir); len(es) != 2 {
		t.Errorf("%d files in the folder, want 2", len(es))
	}
}

func TestFolderInTheWay(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, nil, 0o644); err == nil || !strings.Contains(err.Error(), "there is a folder of this name") {
		t.Errorf("error is %v", err)
	}
}

// TestMoveWaits: a reader that goes away within two seconds, as a virus scanner
// does, hinders nothing.
func TestMoveWaits(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.exe")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(200*time.Millisecond, func() { reader.Close() })
	if err := Write(path, []byte("new"), 0o644); err != nil {
		t.Error(err)
	}
	if b, _ := os.ReadFile(path); string(b) != "new" {
		t.Errorf("the file holds %q", b)
	}
}

// TestLongPath: paths of more than 260 characters, which Windows programs have
// to ask for specially.
func TestLongPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("a", 120), strings.Repeat("b", 120), strings.Repeat("c", 120))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "x.exe")
	for _, text := range []string{"old", "new"} {
		if err := Write(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "new" {
		t.Errorf("the file holds %q, %v", b, err)
	}
	if err := os.WriteFile(filepath.Join(dir, Prefix+"1"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Sweep(dir); err != nil {
		t.Error(err)
	}
	if es, _ := os.ReadDir(dir); len(es) != 1 {
		t.Errorf("%d files in the folder, want 1", len(es))
	}
}
