package layertest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// reserved are functions that one package wraps for all others, with the reason.
var reserved = map[string]struct{ home, why string }{
	"exec.Command":         {"internal/childproc", "a program must end with this process"},
	"exec.CommandContext":  {"internal/childproc", "a program must end with this process"},
	"os.StartProcess":      {"internal/childproc", "a program must end with this process"},
	"os.Rename":            {"internal/atomicfile", "a rename must be tried again on Windows"},
	"signal.Notify":        {"internal/interrupt", "all signals must end a run in the same way"},
	"signal.NotifyContext": {"internal/interrupt", "all signals must end a run in the same way"},
}

// TestReservedCalls holds everything that runs at a user's to the packages that
// know about crashes, signals and Windows.
func TestReservedCalls(t *testing.T) {
	seen := 0
	eachProductFile(t, func(rel string, f *ast.File) {
		seen++
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			p, ok := s.X.(*ast.Ident)
			if !ok {
				return true
			}
			name := p.Name + "." + s.Sel.Name
			if r, ok := reserved[name]; ok && !strings.HasPrefix(rel, r.home+"/") {
				t.Errorf("%s calls %s: use %s, since %s", rel, name, r.home, r.why)
			}
			return true
		})
	})
	if seen < 100 {
		t.Errorf("only %d files seen: is the test looking at the right folder?", seen)
	}
}

// eachProductFile visits the Go files below targets, internal and cmd that are
// part of the program, not of its tests or of this repository's own tools.
func eachProductFile(t *testing.T, visit func(rel string, f *ast.File)) {
	root := filepath.Join("..", "..", "..")
	for _, top := range []string{"targets", "internal"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, p)
			if err != nil {
				return err
			}
			rel = filepath.ToSlash(rel)
			if d.IsDir() && (d.Name() == "testdata" || rel == "internal/dev" || strings.HasSuffix(rel, "test")) {
				return fs.SkipDir
			}
			if filepath.Ext(p) != ".go" || strings.HasSuffix(p, "_test.go") {
				return nil
			}
			f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			visit(rel, f)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
