// Package gomain finds the programs of a Go module and the string variables
// that the linker can set, by reading the source code; nothing is compiled and
// no go command is run.
package gomain

import (
	"errors"
	"fmt"
	"go/build"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// Main is a main package.
type Main struct {
	// Dir as release.yaml names it: . or ./cmd/app.
	Dir string
	// Doc is the package's comment.
	Doc string
	// Cgo is set if it builds for Windows only with cgo.
	Cgo bool
	// Secondary is set if it lies in a folder for the development of the
	// module, such as internal/ or tools/.
	Secondary bool
}

// secondary folders hold programs that serve the development of the module.
var secondary = regexp.MustCompile(`(^|/)(internal|_?examples?|tools?|tests?|t|scripts?|hack|contrib|misc|ci|build|extra|fuzz|bench(marks?)?|demos?|samples?)(/|$)`)

// forDevelopment judges the folder of a main package by those around it. Its own
// name counts only at the root: cmd/tool may well be the product.
func forDevelopment(rel string) bool {
	if around := path.Dir(rel); around != "." {
		return secondary.MatchString(around)
	}
	return secondary.MatchString(rel)
}

// maxFolders bounds the search in a tree that is not a module at all.
const maxFolders = 20_000

// ErrTooMany is a tree with more folders than any module has.
var ErrTooMany = fmt.Errorf("there are more than %d folders", maxFolders)

// Module is what the source code of a module says.
type Module struct {
	root string
	// Mains are sorted by folder.
	Mains []Main
	// Folders with Go files, relative to the module, with slashes; the root is
	// a dot.
	Folders []string

	imported map[string]map[string]bool // of sets of programs
}

// Read looks at every folder of the module in root, as the go command sees it
// with the build tags for Windows on amd64.
func Read(root string, tags []string) (*Module, error) {
	m := &Module{root: root, imported: map[string]map[string]bool{}}
	folders := 0
	err := filepath.WalkDir(root, func(full string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if folders++; folders > maxFolders {
			return ErrTooMany
		}
		if full != root && foreign(full, d.Name()) {
			return filepath.SkipDir
		}
		rel, err := filepath.Rel(root, full)
		if err != nil {
			return err
		}
		m.folder(full, filepath.ToSlash(rel), tags)
		return nil
	})
	return m, err
}

// foreign folders are not of this module, as the go command sees it.
func foreign(full, name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "vendor" || name == "node_modules" || name == "dist" {
		return true
	}
	_, err := os.Stat(filepath.Join(full, "go.mod"))
	return err == nil
}

func (m *Module) folder(full, rel string, tags []string) {
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled, ctx.BuildTags = "windows", "amd64", false, tags
	pkg, err := ctx.ImportDir(full, 0)
	cgo := false
	if none := (*build.NoGoError)(nil); errors.As(err, &none) {
		ctx.CgoEnabled, cgo = true, true
		pkg, err = ctx.ImportDir(full, 0)
	}
	if pkg != nil && len(pkg.GoFiles)+len(pkg.CgoFiles)+len(pkg.IgnoredGoFiles) > 0 {
		m.Folders = append(m.Folders, rel)
	}
	if err != nil || pkg.Name != "main" {
		return
	}
	dir := "."
	if rel != "." {
		dir = "./" + rel
	}
	m.Mains = append(m.Mains, Main{Dir: dir, Doc: pkg.Doc, Cgo: cgo || len(pkg.CgoFiles) > 0, Secondary: forDevelopment(rel)})
}

// Main returns the main package in dir.
func (m *Module) Main(dir string) (Main, bool) {
	for _, one := range m.Mains {
		if one.Dir == dir {
			return one, true
		}
	}
	return Main{}, false
}
