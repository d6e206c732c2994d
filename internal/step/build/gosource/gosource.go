// Package gosource names the files that decide what a Go program is compiled
// from, so that a later run can tell that nothing has changed without asking
// the compiler.
package gosource

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/builder/golist"
)

// Files returns the source files of the program of the package main, or of all
// packages if main is empty: the sources of every package that is not in the
// standard library or the module cache, embedded files, profiles, and the
// go.mod and go.sum files. Paths inside root are relative to it, with slashes;
// others are absolute.
func Files(root string, packages []golist.Package, main string) []string {
	s := set{root, map[string]bool{}}
	needed := neededBy(packages, main)
	for _, p := range packages {
		if !p.Standard && (p.Module.Local() || s.vendored(p)) && (needed == nil || needed[p.ImportPath]) {
			s.add(p)
		}
	}
	for _, name := range []string{"go.mod", "go.sum", "vendor/modules.txt"} {
		s.ifThere(filepath.Join(root, filepath.FromSlash(name)))
	}
	return s.sorted()
}

// neededBy is main and what it imports, directly or not; nil means everything.
func neededBy(packages []golist.Package, main string) map[string]bool {
	if main == "" {
		return nil
	}
	needed := map[string]bool{}
	for _, p := range packages {
		if slices.Contains(p.Match, main) {
			needed[p.ImportPath] = true
			for _, d := range p.Deps {
				needed[d] = true
			}
		}
	}
	return needed
}

type set struct {
	root  string
	paths map[string]bool
}

// vendored packages name a version too, but their files can be edited.
func (s set) vendored(p golist.Package) bool { return strings.HasPrefix(s.name(p.Dir), "vendor/") }

func (s set) add(p golist.Package) {
	if p.Module != nil && p.Module.GoMod != "" {
		s.paths[s.name(p.Module.GoMod)] = true
	}
	for _, list := range [][]string{p.GoFiles, p.CgoFiles, p.HFiles, p.SFiles, p.SysoFiles, p.EmbedFiles} {
		for _, f := range list {
			s.paths[s.name(filepath.Join(p.Dir, f))] = true
		}
	}
	if p.Name == "main" {
		s.ifThere(filepath.Join(p.Dir, "default.pgo")) // go build takes it by itself
	}
}

func (s set) ifThere(file string) {
	if _, err := os.Stat(file); err == nil {
		s.paths[s.name(file)] = true
	}
}

func (s set) sorted() []string {
	out := make([]string, 0, len(s.paths))
	for p := range s.paths {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

func (s set) name(path string) string {
	rel, err := filepath.Rel(s.root, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return path
	}
	return filepath.ToSlash(rel)
}
