package scaffold

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/fault"
)

func TestMage(t *testing.T) {
	good := map[string]string{"go.mod": "module example.com/app/v2\n\ngo 1.20\n", "main.go": code}
	with := func(name, text string) map[string]string {
		return map[string]string{"go.mod": good["go.mod"], "main.go": code, name: text}
	}
	for name, c := range map[string]struct {
		files   map[string]string
		version string
		force   bool
		want    string // of the error
		mod     string
	}{
		"released":            {good, "v1.4.2", false, "", "module example.com/app/release\n\ngo 1.26.0\n\nrequire github.com/hallmark-dev/hallmark v1.4.2\n\ntool github.com/magefile/mage\n"},
		"from a folder":       {good, "v0.0.0-20261129+dirty", false, "", "module example.com/app/release\n\ngo 1.26.0\n\ntool github.com/magefile/mage\n"},
		"a go.mod is there":   {with("release/go.mod", "module x\n"), "", false, "release/go.mod exists already", ""},
		"replaced":            {with("release/go.mod", "module x\n"), "", true, "", "module example.com/app/release\n\ngo 1.26.0\n\ntool github.com/magefile/mage\n"},
		"the product's code":  {with("release/release.go", "package release\n"), "", true, "holds Go code", ""},
		"scripts stay":        {with("release/notes.md", "x\n"), "", false, "", "module example.com/app/release\n\ngo 1.26.0\n\ntool github.com/magefile/mage\n"},
		"not a module at all": {map[string]string{"main.go": code}, "", false, "reading the module", ""},
		"a magefile is there": {with("release/magefile.go", "package main\n"), "", false, "release/magefile.go exists already", ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := tree(t, c.files)
			_, err := Mage(root, c.version, c.force)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || fault.Status(err) != fault.Usage {
					t.Errorf("got %v, want %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := os.ReadFile(filepath.Join(root, "release", "go.mod")); string(got) != c.mod {
				t.Errorf("go.mod is\n%s", got)
			}
			if got, _ := os.ReadFile(filepath.Join(root, "go.mod")); string(got) != c.files["go.mod"] {
				t.Errorf("the product's go.mod was changed:\n%s", got)
			}
		})
	}
}
