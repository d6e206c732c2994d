package docstest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

var typed = regexp.MustCompile(`\b(?:mage|hallmark) ([a-z]+(?::[a-zA-Z]+)?)`)

// TestMessagesNameTheCommandThatWasTyped: a message that names a command asks
// command.Line for it, since the same code runs below hallmark, mage and
// go tool mage.
func TestMessagesNameTheCommandThatWasTyped(t *testing.T) {
	root, seen := formatstest.Root(t), 0
	for _, top := range []string{"internal", "targets"} {
		err := filepath.WalkDir(filepath.Join(root, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			rel, _ := filepath.Rel(root, path)
			switch rel = filepath.ToSlash(rel); {
			case d.IsDir() && (rel == "internal/dev" || rel == "internal/spec/schema" || rel == "internal/command" || d.Name() == "testdata"):
				return fs.SkipDir
			case d.IsDir() || !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go"):
				return nil
			}
			for _, text := range literals(t, path) {
				seen++
				if m := typed.FindStringSubmatch(text); m != nil {
					if _, ok := command.Find(command.Targets(), m[1]); ok {
						t.Errorf("%s: %q names a command: use command.Line(%q)", rel, text, m[1])
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 1000 {
		t.Errorf("only %d texts seen", seen)
	}
}

func literals(t *testing.T, path string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if s, err := strconv.Unquote(lit.Value); err == nil {
				out = append(out, s)
			}
		}
		return true
	})
	return out
}
