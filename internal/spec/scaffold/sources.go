package scaffold

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/gitinfo"
	"github.com/hallmark-dev/hallmark/internal/spec/scaffold/clue"
)

// maxFile bounds what is read of one file of the project, in bytes.
const maxFile = 4 << 20

// project is the folder that is looked at.
type project struct{ root string }

// read returns a file of the project by its name with slashes, or nil when it
// is absent, not a regular file, or too large to be what it is taken for.
func (p project) read(name string) []byte {
	full := filepath.Join(p.root, filepath.FromSlash(name))
	if st, err := os.Stat(full); err != nil || !st.Mode().IsRegular() || st.Size() > maxFile {
		return nil
	}
	b, err := os.ReadFile(full)
	if err != nil {
		return nil
	}
	return b
}

func (p project) has(name string) bool {
	st, err := os.Stat(filepath.Join(p.root, filepath.FromSlash(name)))
	return err == nil && st.Mode().IsRegular()
}

// glob lists files of the project by patterns with slashes.
func (p project) glob(patterns ...string) []string {
	var out []string
	for _, pattern := range patterns {
		found, _ := fs.Glob(os.DirFS(p.root), pattern)
		for _, name := range found {
			if spelt(filepath.Join(p.root, filepath.FromSlash(name))) {
				out = append(out, name)
			}
		}
	}
	return out
}

// spelt reports whether the file at path has this very name: where case does not
// matter, Makefile is found as makefile, too.
func spelt(path string) bool {
	entries, err := os.ReadDir(filepath.Dir(path))
	return err == nil && slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == filepath.Base(path) })
}

// first returns the first of the files that is there.
func (p project) first(names ...string) (string, []byte) {
	for _, name := range names {
		if b := p.read(name); b != nil {
			return name, b
		}
	}
	return "", nil
}

// repository is what git reports.
type repository struct {
	gitinfo.Info
	// Versions are the tags that can be reached from HEAD.
	Versions []string
	// Shallow is set if history, and tags with it, may be missing.
	Shallow bool
	// Author is who git says commits here, or empty.
	Author string
}

// exists reports whether the project lies in a git repository.
func (r repository) exists() bool {
	return r.Commit != "" || strings.Contains(r.Absent, "no commit yet")
}

// askGit never fails: a broken repository only means fewer guesses.
func askGit(ctx context.Context, root string) repository {
	info, err := gitinfo.Read(ctx, root, nil)
	if err != nil {
		info = gitinfo.Info{}
	}
	r := repository{Info: info, Author: gitinfo.Config(ctx, root, nil, "user.name")}
	if info.Commit != "" {
		r.Versions, r.Shallow = gitinfo.Reachable(ctx, root, nil)
	}
	return r
}

// evidence is what the project's build files say.
type evidence struct {
	// builds are those of goreleaser and promu, in that order.
	builds []clue.Build
	// commands are calls of go build in Makefiles, workflows and the like.
	commands []clue.Command
	// link is what scripts tell the linker, also where no command was clear.
	link     clue.Link
	linkFrom string
	notes    []string
}

// Names of build files, the more telling first.
var (
	goreleaserFiles = []string{".config/goreleaser.yml", ".config/goreleaser.yaml", ".goreleaser.yml", ".goreleaser.yaml", "goreleaser.yml", "goreleaser.yaml"}
	scriptFiles     = []string{"GNUmakefile", "makefile", "Makefile", "justfile", "Justfile", "Taskfile.yml", "Taskfile.yaml", "build.sh", "build.ps1", "build.bat", "build.cmd", "make.bat", "script/build*", "scripts/build*",
		".github/workflows/*.yml", ".github/workflows/*.yaml", ".gitlab-ci.yml", "azure-pipelines.yml"}
)

func gather(p project, module, product string) evidence {
	var e evidence
	add := func(name string, b clue.Build, err error) {
		if err != nil {
			e.notes = append(e.notes, fmt.Sprintf("%s cannot be read and was left out: %v", name, err))
			return
		}
		for _, n := range b.Notes {
			e.notes = append(e.notes, name+": "+n)
		}
		e.builds = append(e.builds, b)
	}
	if name, b := p.first(goreleaserFiles...); b != nil {
		build, err := clue.Goreleaser(name, b, product)
		add(name, build, err)
	}
	if name, b := p.first(".promu.yml", ".promu.yaml"); b != nil {
		build, err := clue.Promu(name, b)
		add(name, build, err)
	}
	for _, name := range p.glob(scriptFiles...) {
		c := clue.Shell(name, p.read(name), module)
		e.commands = append(e.commands, c.Programs...)
		if c.Link.Said && e.linkFrom == "" {
			e.link, e.linkFrom = c.Link, name
		}
	}
	return e
}

// tags are the build tags of all programs that a build file names.
func (e evidence) tags() []string {
	var out []string
	for _, b := range e.builds {
		for _, p := range b.Programs {
			for _, t := range p.Tags {
				if !slices.Contains(out, t) {
					out = append(out, t)
				}
			}
		}
	}
	return out
}

// about is what the build files say of the product in words, and which.
func (e evidence) about() (clue.About, string) {
	for _, b := range e.builds {
		if b.About != (clue.About{}) {
			return b.About, b.From
		}
	}
	return clue.About{}, ""
}

// productName is the name that a build file gives the product, or that of the
// repository when the module's own says nothing.
func productName(e evidence, module, repository string) (name, from string) {
	for _, b := range e.builds {
		if b.Project != "" {
			return tidy(b.Project, "app"), b.From
		}
	}
	return moduleName(module, repository), ""
}

// moduleName is the last part of a module's path that is a name.
func moduleName(module, repository string) string {
	module = majorSuffix.ReplaceAllString(module, "")
	last := path.Base(module)
	if generic[strings.ToLower(last)] && repository != "" {
		last = path.Base(strings.TrimSuffix(repository, ".git"))
	}
	if generic[strings.ToLower(last)] && path.Dir(module) != "." {
		last = path.Base(path.Dir(module))
	}
	return tidy(last, "app")
}

// generic names say where code is, not what it is.
var generic = map[string]bool{"src": true, "go": true, "golang": true, "source": true, "code": true, "cmd": true, "main": true, "bin": true}
