package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
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
	for name, write := range map[string]func(string, os.FileMode, func(*os.File) error) error{"synced": WriteFunc, "unsynced": WriteUnsynced} {
		t.Run(name, func(t *testing.T) { failureLeavesOldFile(t, write) })
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
	os.Mkdir(sub, 0o755)
	for _, name := range []string{Prefix + "123", "kept.exe"} {
		os.WriteFile(filepath.Join(sub, name), nil, 0o644)
	}
	if err := Sweep(dir); err != nil {
		t.Fatal(err)
	}
	es, _ := os.ReadDir(sub)
	if len(es) != 1 || es[0].Name() != "kept.exe" {
		t.Errorf("left %v, want kept.exe alone", es)
	}
}
