// Package gosource lists the files that decide what a Go program is compiled
// from, so that a later run can tell that nothing has changed without asking
// the compiler.
package gosource

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/childproc"
)

// Query says which programs are meant.
type Query struct {
	// Root is the absolute path of the module.
	Root string
	// Packages are the main packages, such as ./cmd/app, or ./... for all.
	Packages []string
	// GOOS, GOARCHs and Tags they are compiled for.
	GOOS    string
	GOARCHs []string
	Tags    []string
	// Env is the environment of the go command.
	Env []string
}

// listed is what go list says about a package (go help list).
type listed struct {
	Dir        string
	Standard   bool
	Module     *module
	GoFiles    []string
	CgoFiles   []string
	HFiles     []string
	SFiles     []string
	SysoFiles  []string
	EmbedFiles []string
}

type module struct {
	Version string
	Main    bool
	GoMod   string
	Replace *struct{ Version string }
}

// local tells whether the module lies in a folder that people edit. All
// others lie in the module cache, and go.sum stands for their content.
func (m *module) local() bool {
	if m == nil {
		return true // vendored or outside any module
	}
	if m.Replace != nil {
		return m.Replace.Version == ""
	}
	return m.Main || m.Version == ""
}

const fields = "-json=Dir,Standard,Module,GoFiles,CgoFiles,HFiles,SFiles,SysoFiles,EmbedFiles"

// List returns the files and folders behind the programs: the sources of
// every package that is not in the standard library or the module cache,
// embedded files, and the go.mod and go.sum files. A folder stands for the
// names in it, since a new file there would be compiled too. Paths inside
// Root are relative to it, with slashes; others are absolute.
func List(ctx context.Context, q Query) ([]string, error) {
	paths := map[string]bool{}
	for _, arch := range q.GOARCHs {
		if err := q.list(ctx, arch, paths); err != nil {
			return nil, err
		}
	}
	for _, name := range []string{"go.mod", "go.sum", "vendor/modules.txt"} {
		if _, err := os.Stat(filepath.Join(q.Root, name)); err == nil {
			paths[name] = true
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("listing source files: %w", err)
		}
	}
	out := make([]string, 0, len(paths))
	for p := range paths {
		out = append(out, p)
	}
	slices.Sort(out)
	return out, nil
}

func (q Query) list(ctx context.Context, arch string, paths map[string]bool) error {
	args := append([]string{"list", "-deps", fields, "-tags=" + strings.Join(q.Tags, ","), "--"}, q.Packages...)
	var out bytes.Buffer
	_, err := childproc.Run(ctx, childproc.Cmd{
		Path: "go", Args: args, Dir: q.Root, Env: append(slices.Clone(q.Env), "GOOS="+q.GOOS, "GOARCH="+arch, "CGO_ENABLED=0"),
		Stdout: &out,
	})
	if err != nil {
		return fmt.Errorf("listing source files: %w", err)
	}
	for dec := json.NewDecoder(&out); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("listing source files: reading the answer of go list: %v", err)
		}
		if !p.Standard && p.Module.local() {
			q.add(p, paths)
		}
	}
}

func (q Query) add(p listed, paths map[string]bool) {
	paths[q.name(p.Dir)] = true
	if p.Module != nil && p.Module.GoMod != "" {
		paths[q.name(p.Module.GoMod)] = true
	}
	for _, list := range [][]string{p.GoFiles, p.CgoFiles, p.HFiles, p.SFiles, p.SysoFiles, p.EmbedFiles} {
		for _, f := range list {
			paths[q.name(filepath.Join(p.Dir, f))] = true
		}
	}
	for _, f := range p.EmbedFiles {
		paths[q.name(filepath.Dir(filepath.Join(p.Dir, f)))] = true
	}
}

func (q Query) name(path string) string {
	rel, err := filepath.Rel(q.Root, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return path
	}
	return filepath.ToSlash(rel)
}
