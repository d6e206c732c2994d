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

// The house's ceilings: what is longer has more than one idea in it.
const (
	longestFunction = 70
	longestFile     = 450
)

// TestShape holds functions and files below the ceilings. Tests and generated
// tables may be long.
func TestShape(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (d.Name() == "testdata" || d.Name() == "dist" || strings.HasPrefix(d.Name(), ".")) {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		if ast.IsGenerated(f) {
			return nil
		}
		seen++
		if n := fset.File(f.Pos()).LineCount(); n > longestFile {
			t.Errorf("%s has %d lines, more than %d", path, n, longestFile)
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
				if n := fset.Position(fn.End()).Line - fset.Position(fn.Body.Pos()).Line; n > longestFunction {
					t.Errorf("%s: %s has %d lines, more than %d", path, fn.Name.Name, n, longestFunction)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 100 {
		t.Errorf("only %d files seen", seen)
	}
}
