package generate

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

var update = flag.Bool("update", false, "write the generated files")

// TestGeneratedFilesAreCurrent: what is in the tree is what the targets say
// today.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	root := formatstest.Root(t)
	files, err := Files(root)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range files {
		full := filepath.Join(root, filepath.FromSlash(path))
		if *update {
			if err := os.WriteFile(full, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(full)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(bytes.ReplaceAll(got, []byte("\r\n"), []byte("\n")), want) {
			t.Errorf("%s is stale: go test ./internal/dev/generate -update", path)
		}
	}
}

func TestRefusedTargets(t *testing.T) {
	for name, source := range map[string]string{
		"positional argument": "package targets\nfunc A(x string) {}\n",
		"flag without help":   "package targets\nfunc A(x *string) {}\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "a.go"), []byte(source), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := targets(dir); err == nil {
				t.Error("accepted")
			}
		})
	}
}
