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

// formats are the public libraries, which everything internal may use.
var formats = []string{"formats"}

// ground is the lowest floor of internal: packages without any knowledge of
// releases, which everything above may use.
var ground = []string{
	"internal/command", "internal/atomicfile", "internal/childproc", "internal/console", "internal/fault", "internal/gitinfo", "internal/interrupt", "internal/secret",
	"internal/fetch", "internal/proxy", "internal/regular", "internal/filelock", "internal/text", "internal/winstore", "internal/pinned",
}

// mayImport names which of our own folders a folder may import, besides those
// below itself. The longest matching key counts, so each parent below internal
// has its floor in this table; a new package needs a row.
var mayImport = map[string][]string{
	"cmd":                  {"formats/printable", "targets", "internal/command", "internal/console", "internal/fault"},
	"targets":              {"internal/command", "internal/release", "internal/tool", "internal/console", "internal/fault", "internal/interrupt"},
	"templates":            {},
	"winservice":           {},
	"examples":             {"winservice"},
	"formats/printable":    {},
	"formats/peimage":      {},
	"formats/cms":          {"formats/printable"},
	"formats/certchain":    {"formats/printable", "formats/cms"},
	"formats/cab":          {},
	"formats/rfc3161":      {"formats/printable", "formats/cms"},
	"formats/authenticode": {"formats/printable", "formats/peimage", "formats/cms", "formats/certchain", "formats/rfc3161"},
	"formats/catalog":      {"formats/printable", "formats/peimage", "formats/cab", "formats/cms", "formats/certchain", "formats/rfc3161", "formats/authenticode"},
	"formats/cipolicy":     {"formats/printable", "formats/peimage", "formats/cms", "formats/certchain", "formats/rfc3161", "formats/authenticode"},

	// How a release runs, from the top down.
	"internal/release":  rows(ground, formats, "internal/pipeline", "internal/step", "internal/builder", "internal/ledger", "internal/spec", "internal/identity", "internal/timeserver", "internal/trust", "templates"),
	"internal/pipeline": rows(ground, nil, "internal/step", "internal/ledger", "internal/spec"),
	"internal/step":     rows(ground, formats, "templates", "internal/builder", "internal/ledger", "internal/spec", "internal/identity", "internal/timeserver", "internal/trust", "internal/secondreader", "internal/inventory", "internal/winresource"),
	"internal/builder":  rows(ground, nil, "internal/spec", "internal/ledger"),

	// The commands without release.yaml: no ledger, no steps.
	"internal/tool": rows(ground, formats, "internal/identity", "internal/timeserver", "internal/trust", "internal/secondreader", "internal/inventory"),

	// What both stand on.
	"internal/timeserver":   rows(ground, formats, "internal/identity"),
	"internal/spec":         rows(ground, nil, "internal/identity", "internal/winresource", "formats/peimage/resource"),
	"internal/identity":     rows(ground, formats),
	"internal/trust":        rows(ground, formats),
	"internal/secondreader": rows(ground, formats),
	"internal/inventory":    rows(ground, formats),
	"internal/ledger":       rows(ground, nil, "formats/printable"),
	"internal/winresource":  rows(nil, formats),

	// The ground floor, from the top down.
	"internal/fetch":      {"internal/atomicfile", "internal/fault", "internal/proxy"},
	"internal/proxy":      {},
	"internal/secret":     {"internal/fault", "internal/text"},
	"internal/command":    {"formats/printable", "internal/childproc", "internal/fault"},
	"internal/atomicfile": {"internal/fault"},
	"internal/childproc":  {},
	"internal/console":    {"formats/printable"},
	"internal/fault":      {"formats/printable"},
	"internal/gitinfo":    {"internal/childproc"},
	"internal/interrupt":  {"internal/fault", "internal/atomicfile"},
	"internal/regular":    {},
	"internal/text":       {},
	"internal/winstore":   {},
	"internal/filelock":   {},
	"internal/pinned":     {"formats/printable", "internal/regular"},

	// What serves this repository alone.
	"internal/dev":         {"internal", "formats", "templates", "cmd", "targets"},
	"internal/formatstest": {"formats/cms"},

	// Stand-ins of signing services, for tests alone.
	"internal/identity/servicetest": rows(ground, formats, "internal/identity", "internal/formatstest"),
}

func rows(floor, more []string, names ...string) []string {
	return slices.Concat(floor, more, names)
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
		if strings.HasSuffix(file, "_test.go") && testOnly(local) {
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
	return strings.HasSuffix(file, "_test.go") || dir == "formats/rfc3161" || dir == "internal/formatstest"
}

func TestAllowed(t *testing.T) {
	for name, c := range map[string]struct {
		dir, imported string
		want          bool
	}{
		"targets to internal":         {"targets", "internal/release", true},
		"targets past their floor":    {"targets", "internal/spec", false},
		"a tool to the pipeline":      {"internal/tool/file", "internal/pipeline", false},
		"a parent to its own package": {"internal/step", "internal/step/build", true},
		"spec to release":             {"internal/spec", "internal/release", false},
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

// testOnly names the packages that tests of every floor may use.
func testOnly(local string) bool {
	return local == "internal/formatstest" || strings.HasPrefix(local, "internal/formatstest/") || strings.HasSuffix(local, "test")
}

func allowed(dir, imported string) bool {
	key := dir
	for key != "." {
		if list, ok := mayImport[key]; ok {
			return slices.ContainsFunc(append(list[:len(list):len(list)], key), func(p string) bool {
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
	root := filepath.Join("..", "..", "..")
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
