package atomicfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDevice: a file that would be written to a device, or into a stream of
// another file, is refused before anything is written.
func TestDevice(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"NUL", "con.exe", "a.exe:stream"} {
		if err := Write(filepath.Join(dir, name), []byte("x"), 0o644); err == nil || !strings.Contains(err.Error(), "device or stream") {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if es, _ := os.ReadDir(dir); len(es) != 0 {
		t.Errorf("%d files in the folder, want none", len(es))
	}
}

// TestReplaceOpenFile: a program that keeps the file open is named in the hint,
// and nothing is lost or left.
func TestReplaceOpenFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.exe")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := Write(path, []byte("new"), 0o644); err == nil || !strings.Contains(err.Error(), "hint: close the program that has ") {
		t.Errorf("error is %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Errorf("the file holds %q", b)
	}
	if es, _ := os.ReadDir(dir); len(es) != 1 {
		t.Errorf("%d files in the folder, want 1", len(es))
	}
}
