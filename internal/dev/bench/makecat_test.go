package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRigScriptSaysWhyNot(t *testing.T) {
	dir, home := t.TempDir(), t.TempDir()
	env := map[string]string{"HALLMARK_RIG": dir, "RIG": home}
	getenv := func(k string) string { return env[k] }
	expect := func(want string) {
		t.Helper()
		script, why := rigScript(getenv)
		if script != "" || !strings.Contains(why, want) {
			t.Errorf("got %q, %q; want no script and %q", script, why, want)
		}
	}
	expect("there is no Windows rig")
	touch := func(path string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	touch(filepath.Join(dir, "rig.sh"))
	expect("not set up")
	touch(filepath.Join(home, "prefix8", "drive_c", "rig", "makecat.exe"))
	if script, why := rigScript(getenv); script != filepath.Join(dir, "rig.sh") || why != "" {
		t.Errorf("got %q, %q; want the script", script, why)
	}
}

func TestWriteDefinition(t *testing.T) {
	dir := t.TempDir()
	if err := writeDefinition(dir); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "t.cdf"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), "<HASH>"); n != cdfMembers {
		t.Errorf("the definition lists %d files, want %d", n, cdfMembers)
	}
}
