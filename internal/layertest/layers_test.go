package layertest

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/hallmark-dev/hallmark/"

// mayImport says which of our own folders a folder may import. The longest
// matching key counts.
var mayImport = map[string][]string{
	"targets":              {"internal", "formats", "templates"},
	"internal":             {"internal", "formats", "templates"},
	"templates":            {},
	"winservice":           {"winservice"},
	"examples":             {"winservice", "examples"},
	"formats/peimage":      {},
	"formats/cms":          {},
	"formats/rfc3161":      {"formats/cms"},
	"formats/authenticode": {"formats/peimage", "formats/cms", "formats/rfc3161"},
	"formats/catalog":      {"formats/peimage", "formats/cms", "formats/rfc3161", "formats/authenticode", "formats/catalog"},
	"formats/cipolicy":     {"formats/peimage", "formats/cms", "formats/rfc3161", "formats/authenticode", "formats/cipolicy"},
	"formats/formatstest":  {"formats/cms"},
}

// network packages that formats may not use, except rfc3161, whose client is
// its purpose, and formatstest.
var network = []string{"net", "net/http"}

func TestImportsPointDownwards(t *testing.T) {
	seen := 0
	eachImport(t, func(file, dir, imported string) {
		seen++
		if strings.HasPrefix(dir, "formats/") && slices.Contains(network, imported) && !networkAllowed(file, dir) {
			t.Errorf("%s imports %s: format libraries have no network", file, imported)
		}
		local, ours := strings.CutPrefix(imported, module)
		if !ours || local == dir {
			return
		}
		if strings.HasSuffix(file, "_test.go") && local == "formats/formatstest" {
			return
		}
		if !allowed(dir, local) {
			t.Errorf("%s imports %s, which does not point downwards", file, local)
		}
	})
	if seen < 100 {
		t.Errorf("only %d imports seen: is the test looking at the right folder?", seen)
	}
}

func networkAllowed(file, dir string) bool {
	return strings.HasSuffix(file, "_test.go") || dir == "formats/rfc3161" || dir == "formats/formatstest"
}

func TestAllowed(t *testing.T) {
	for name, c := range map[string]struct {
		dir, imported string
		want          bool
	}{
		"targets to internal":         {"targets", "internal/spec", true},
		"internal to targets":         {"internal/spec", "targets", false},
		"formats to internal":         {"formats/cms", "internal/console", false},
		"cms to authenticode":         {"formats/cms", "formats/authenticode", false},
		"catalog to authenticode":     {"formats/catalog", "formats/authenticode", true},
		"catalog to cipolicy":         {"formats/catalog", "formats/cipolicy", false},
		"winservice to internal":      {"winservice", "internal/fault", false},
		"a folder nobody has allowed": {"misc", "formats/cms", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := allowed(c.dir, c.imported); got != c.want {
				t.Errorf("allowed is %v, want %v", got, c.want)
			}
		})
	}
}

func allowed(dir, imported string) bool {
	key := dir
	for key != "." {
		if list, ok := mayImport[key]; ok {
			return slices.ContainsFunc(list, func(p string) bool {
				return imported == p || strings.HasPrefix(imported, p+"/")
			})
		}
		key = path.Dir(key)
	}
	return false
}

// eachImport visits every import of every Go file of the module, except the
// root's magefile and testdata.
func eachImport(t *testing.T, visit func(file, dir, imported string)) {
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || d.Name() == "dist" || strings.HasPrefix(d.Name(), ".h") || d.Name() == ".git") {
			return fs.SkipDir
		}
		rel, err := filepath.Rel(root, p)
		if err != nil || filepath.Ext(p) != ".go" || filepath.Dir(rel) == "." {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, s := range f.Imports {
			imported, err := strconv.Unquote(s.Path.Value)
			if err != nil {
				return err
			}
			visit(filepath.ToSlash(rel), filepath.ToSlash(filepath.Dir(rel)), imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
