// Package golist asks the go command what programs consist of: packages, their
// files, what it leaves out, and what is wrong with them.
package golist

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/build"
	"io"
	"path/filepath"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/childproc"
)

// Query names which programs are meant.
type Query struct {
	// Root is the absolute path of the module.
	Root string
	// Packages are the main packages, such as ./cmd/app, or ./... for all.
	Packages []string
	// GOARCH and Tags they are compiled for; the system is Windows.
	GOARCH string
	Tags   []string
	// Flags of go build that list understands too, such as -mod=vendor.
	Flags []string
	// Env is the environment of the compilation.
	Env []string
}

// Package is what go list says about a package (go help list).
type Package struct {
	Dir            string
	ImportPath     string
	Name           string
	Match          []string
	Standard       bool
	DepOnly        bool
	Module         *Module
	GoFiles        []string
	CgoFiles       []string
	IgnoredGoFiles []string
	HFiles         []string
	SFiles         []string
	SysoFiles      []string
	EmbedFiles     []string
	// Deps are the import paths of everything the package needs.
	Deps  []string
	Error *PackageError
}

// PackageError is why a package cannot be used.
type PackageError struct {
	ImportStack []string
	Pos         string
	Err         string
}

// Module is the module of a package.
type Module struct {
	Path    string
	Version string
	Main    bool
	GoMod   string
	Replace *struct{ Version string }
}

// Local reports whether the module lies in a folder that people edit. All
// others lie in the module cache, and go.sum stands for their content.
func (m *Module) Local() bool {
	if m == nil {
		return true // vendored or outside any module
	}
	if m.Replace != nil {
		return m.Replace.Version == ""
	}
	return m.Main || m.Version == ""
}

const fields = "-json=Dir,ImportPath,Name,Match,Standard,DepOnly,Module,GoFiles,CgoFiles,IgnoredGoFiles,HFiles,SFiles,SysoFiles,EmbedFiles,Deps,Error"

// List returns the packages of the programs and all that they need. A package
// that cannot be used is in the list with its Error.
func List(ctx context.Context, q Query) ([]Package, error) {
	args := append([]string{"list", "-e", "-deps", fields, "-tags=" + strings.Join(q.Tags, ",")}, listFlags(q.Flags)...)
	args = append(append(args, "--"), q.Packages...)
	var out bytes.Buffer
	_, err := childproc.Run(ctx, childproc.Cmd{
		Path: "go", Args: args, Dir: q.Root, Env: append(q.Env[:len(q.Env):len(q.Env)], "GOOS=windows", "GOARCH="+q.GOARCH),
		Stdout: &out,
	})
	if err != nil {
		return nil, fmt.Errorf("listing packages: %w", err)
	}
	var list []Package
	for dec := json.NewDecoder(&out); ; {
		var p Package
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("listing packages: reading the answer of go list: %v", err)
		}
		list = append(list, p)
	}
}

// listFlags are those that decide which files belong to a package.
func listFlags(flags []string) []string {
	var out []string
	for _, f := range flags {
		if strings.HasPrefix(strings.TrimPrefix(f, "-"), "-mod=") {
			out = append(out, f)
		}
	}
	return out
}

// CgoLeftOut are the Go files of a package that would be compiled if cgo were
// on.
func (p *Package) CgoLeftOut(goarch string, tags []string) []string {
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled, ctx.BuildTags = "windows", goarch, true, tags
	var out []string
	for _, name := range p.IgnoredGoFiles {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		if fits, err := ctx.MatchFile(p.Dir, name); err == nil && fits {
			out = append(out, filepath.Join(p.Dir, name))
		}
	}
	return out
}
