package docstest

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// publicPackages are the folders below formats that hold a package.
func publicPackages(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(filepath.Join("..", "..", "..", "formats"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if d.Name() == "testdata" {
			return filepath.SkipDir
		}
		if files, err := filepath.Glob(filepath.Join(path, "*.go")); err != nil || len(files) > 0 {
			out = append(out, path)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 8 {
		t.Fatalf("only %d packages below formats", len(out))
	}
	return out
}

func parsePackage(t *testing.T, dir string) (*doc.Package, []*ast.File) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files, tests []*ast.File
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".go" {
			continue
		}
		f, err := parser.ParseFile(set, filepath.Join(dir, e.Name()), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(e.Name(), "_test.go") {
			tests = append(tests, f)
		} else {
			files = append(files, f)
		}
	}
	p, err := doc.NewFromFiles(set, files, "formats/"+filepath.Base(dir))
	if err != nil {
		t.Fatal(err)
	}
	return p, tests
}

// symbols are the names that a link in brackets can have.
func symbols(p *doc.Package) []string {
	var out []string
	values := func(vs []*doc.Value) {
		for _, v := range vs {
			out = append(out, v.Names...)
		}
	}
	values(p.Consts)
	values(p.Vars)
	for _, f := range p.Funcs {
		out = append(out, f.Name)
	}
	for _, t := range p.Types {
		out = append(out, t.Name)
		values(t.Consts)
		values(t.Vars)
		for _, f := range t.Funcs {
			out = append(out, f.Name)
		}
		for _, m := range t.Methods {
			out = append(out, t.Name+"."+m.Name)
		}
	}
	return out
}

var docLink = regexp.MustCompile(`\[\*?([A-Z]\w*(?:\.\w+)?)\]`)

// TestPublicPackages: each public package says in its comment where to begin and
// what compatibility it promises, its links lead to something, and it has an
// example that runs.
func TestPublicPackages(t *testing.T) {
	withoutExample := []string{"schema", "resource", "cab"} // parts of others
	for _, dir := range publicPackages(t) {
		p, tests := parsePackage(t, dir)
		names := symbols(p)
		links := docLink.FindAllStringSubmatch(p.Doc, -1)
		for _, l := range links {
			if !slices.Contains(names, l[1]) {
				t.Errorf("%s: the package comment links to %s, which is not there", dir, l[1])
			}
		}
		if slices.Contains(withoutExample, filepath.Base(dir)) {
			continue
		}
		if len(links) == 0 || !strings.Contains(p.Doc, "# Compatibility") {
			t.Errorf("%s: the package comment has %d links; it needs some, and a section on compatibility", dir, len(links))
		}
		runs := 0
		for _, e := range doc.Examples(tests...) {
			if e.Output == "" && !e.EmptyOutput {
				t.Errorf("%s: Example%s is compiled and not run: it has no output", dir, e.Name)
			}
			runs++
		}
		if runs == 0 {
			t.Errorf("%s: no example", dir)
		}
	}
}
