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
var unbound = []string{"build", "stamp", "sign", "crosscert", "timestamp", "assemble"}

// readers open files by their paths.
var readers = map[string][]string{
	"os":         {"Open", "OpenFile", "ReadFile", "DirFS", "CopyFS", "OpenRoot", "OpenInRoot", "Link"},
	"atomicfile": {"Copy"},
	"rules":      {"InspectFile", "Scan"},
	"pinned":     {"Open"},
	"buildinfo":  {"ReadFile"},
	"pe":         {"Open"},
	"zip":        {"OpenReader"},
	"ioutil":     {"ReadFile"},
	"exec":       {"Command", "CommandContext"},
	"childproc":  {"Command", "Run"},
}

// TestStepsAfterVerifyReadBoundFiles finds every call by which such a step could
// read other bytes.
func TestStepsAfterVerifyReadBoundFiles(t *testing.T) {
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
		if !below || slices.Contains(unbound, name) {
			return nil
		}
		seen++
		for _, call := range opens(t, p) {
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

func opens(t *testing.T, path string) []string {
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
		if x, ok := s.X.(*ast.Ident); ok && slices.Contains(readers[x.Name], s.Sel.Name) {
			out = append(out, x.Name+"."+s.Sel.Name)
		}
		return true
	})
	return out
}
