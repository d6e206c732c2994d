package release

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestClean removes what a release wrote and nothing else.
func TestClean(t *testing.T) {
	p := newProject(t)
	p.must()
	p.write("dist/committed.txt", "mine")
	p.write("dist/release/mine.exe", "mine")
	p.write("dist/.gitignore", "*")
	p.out.Reset()
	if err := Clean(context.Background(), p.options()); err != nil {
		t.Fatal(err)
	}
	left := p.tree()
	if len(left) != 3 || left["dist/committed.txt"] != "mine" || left["dist/release/mine.exe"] != "mine" {
		t.Errorf("left: %v", left)
	}
	for _, want := range []string{"removed ", "dist/committed.txt stays", "dist/release/mine.exe stays"} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, p.out.String())
		}
	}
}

// TestCleanRefusesLinks: what a link leads to stays, whatever link it is.
func TestCleanRefusesLinks(t *testing.T) {
	for _, link := range []string{"dist", "dist/release", "dist/stage/sign"} {
		p := newProject(t)
		other := t.TempDir()
		if err := os.WriteFile(filepath.Join(other, "precious"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(p.path(link)), 0o755); err != nil {
			t.Fatal(err)
		}
		formatstest.Symlink(t, other, p.path(link))
		if err := Clean(context.Background(), p.options()); fault.Status(err) != fault.Usage || !strings.Contains(err.Error(), link+" is a link") {
			t.Errorf("%s: %v", link, err)
		}
		if _, err := os.Stat(filepath.Join(other, "precious")); err != nil {
			t.Errorf("%s: %v", link, err)
		}
	}
}
