package gosource

import (
	"go/build"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Fresh returns files that did not belong to a program when it was compiled
// from the recorded ones, and that would now: new files in its folders that Go
// compiles for the machine, and new files that it embeds.
func Fresh(root string, recorded map[string]string, goarch string, tags []string, cgo bool) []string {
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled, ctx.BuildTags = "windows", goarch, cgo, tags
	f := fresh{root: root, recorded: recorded, ctx: &ctx}
	dirs, assets := map[string]bool{}, false
	for name := range recorded {
		if compiled(name) {
			dirs[path.Dir(filepath.ToSlash(name))] = true
		} else if !isModuleFile(name) {
			assets = true
		}
	}
	for dir := range dirs {
		f.sources(dir)
		if assets {
			f.embedded(dir, recorded)
		}
	}
	slices.Sort(f.found)
	return slices.Compact(f.found)
}

type fresh struct {
	root     string
	recorded map[string]string
	ctx      *build.Context
	found    []string
}

// compiled reports whether the go command may compile or link a file by its name.
func compiled(name string) bool {
	switch path.Ext(filepath.ToSlash(name)) {
	case ".go":
		return !strings.HasSuffix(name, "_test.go")
	case ".s", ".S", ".h", ".syso":
		return true
	}
	return false
}

func isModuleFile(name string) bool {
	switch path.Base(filepath.ToSlash(name)) {
	case "go.mod", "go.sum", "modules.txt", "go.work", "go.work.sum", "default.pgo":
		return true
	}
	return false
}

func (f *fresh) abs(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(f.root, filepath.FromSlash(name))
}

func (f *fresh) add(name string) {
	if name = strings.TrimPrefix(name, "./"); !isRecorded(f.recorded, name) {
		f.found = append(f.found, name)
	}
}

func isRecorded(recorded map[string]string, name string) bool {
	_, ok := recorded[name]
	if !ok {
		_, ok = recorded[filepath.FromSlash(name)]
	}
	return ok
}

// sources looks only into files that are new: the others have been judged.
func (f *fresh) sources(dir string) {
	entries, err := os.ReadDir(f.abs(dir))
	if err != nil {
		return // a file that is gone is reported as such
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() || !compiled(e.Name()) || isRecorded(f.recorded, name) {
			continue
		}
		if fits, err := f.ctx.MatchFile(f.abs(dir), e.Name()); err == nil && fits {
			f.add(name)
		}
	}
}

// embedded looks for files that the package's go:embed patterns find now
// (https://pkg.go.dev/embed).
func (f *fresh) embedded(dir string, recorded map[string]string) {
	if !holdsAssets(dir, recorded) {
		return
	}
	pkg, err := f.ctx.ImportDir(f.abs(dir), 0)
	if err != nil {
		return
	}
	for _, pattern := range pkg.EmbedPatterns {
		pattern, all := strings.CutPrefix(pattern, "all:")
		matches, err := fs.Glob(os.DirFS(f.abs(dir)), pattern)
		if err != nil {
			continue
		}
		for _, m := range matches {
			f.walk(dir, m, all)
		}
	}
}

func holdsAssets(dir string, recorded map[string]string) bool {
	for name := range recorded {
		name = filepath.ToSlash(name)
		if !compiled(name) && !isModuleFile(name) && (dir == "." && !path.IsAbs(name) || strings.HasPrefix(name, dir+"/")) {
			return true
		}
	}
	return false
}

// walk adds a file, or the files below a folder but hidden ones and other
// modules, as the go command does.
func (f *fresh) walk(dir, match string, all bool) {
	top := f.abs(path.Join(dir, match))
	filepath.WalkDir(top, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		hidden := strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_")
		rel, err := filepath.Rel(f.abs(dir), full)
		if err != nil {
			return nil
		}
		switch {
		case d.IsDir() && full != top && (hidden && !all || isModule(full)):
			return fs.SkipDir
		case d.Type().IsRegular() && (full == top || all || !hidden):
			f.add(path.Join(dir, filepath.ToSlash(rel)))
		}
		return nil
	})
}

func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}
