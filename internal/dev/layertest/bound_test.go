package layertest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// unbound are the steps before a program is judged. All others, also those to
// come, read files through Run.Open and its like in internal/step/bound.go: what
// they work on is then what was verified.
var unbound = []string{"before", "build", "resources", "sign", "crosscert", "timestamp", "attach"}

// readers open files by their paths.
var readers = map[string][]string{
	"os":        {"Open", "OpenFile", "ReadFile", "DirFS", "CopyFS", "OpenRoot", "OpenInRoot", "Link"},
	"rules":     {"InspectFile", "Scan"},
	"pinned":    {"Open"},
	"buildinfo": {"ReadFile"},
	"pe":        {"Open"},
	"zip":       {"OpenReader"},
	"ioutil":    {"ReadFile"},
	"exec":      {"Command", "CommandContext"},
	"childproc": {"Command", "Run"},
}

// writers write files without noting what they wrote.
var writers = map[string][]string{
	"os":         {"WriteFile", "Create", "Rename"},
	"atomicfile": {"Write", "WriteFunc", "WriteUnsynced", "Rewrite", "Copy", "Move"},
}

// TestStepsReadAndWriteThroughRun finds every call by which a step could write an
// output, or, from verify on, read a file of the release, past the checks.
func TestStepsReadAndWriteThroughRun(t *testing.T) {
	root := filepath.Join("..", "..", "step")
	seen := 0
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(p) != ".go" || strings.HasSuffix(p, "_test.go") {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		name, _, below := strings.Cut(filepath.ToSlash(rel), "/")
		if !below {
			return nil
		}
		seen++
		for _, call := range calls(t, p, writers) {
			t.Errorf("%s calls %s: write outputs with Run.Write and its like", filepath.ToSlash(rel), call)
		}
		if slices.Contains(unbound, name) {
			return nil
		}
		for _, call := range calls(t, p, readers) {
			t.Errorf("%s calls %s: open files of the release with Run.Open, others with Run.Admit or Run.ReadUnbound", filepath.ToSlash(rel), call)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 10 {
		t.Errorf("only %d files seen: is the test looking at the right folder?", seen)
	}
}

// calls are those of the named functions, by package, in a file.
func calls(t *testing.T, path string, named map[string][]string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := s.X.(*ast.Ident); ok && slices.Contains(named[x.Name], s.Sel.Name) {
			out = append(out, x.Name+"."+s.Sel.Name)
		}
		return true
	})
	return out
}
