package spec

import (
	"errors"
	"fmt"
	"go/build"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

func (j *judgement) project() {
	v := j.spec.Project.Version
	needed := j.spec.Resources != nil && j.spec.Resources.FileVersion == "" || j.spec.WDAC != nil
	j.refuse(needed && versionForm.MatchString(v) && fileVersion(v) == "", "project.version",
		fmt.Sprintf("a number of %s is over 65535, the most that Windows' four-part versions hold", quote(v)),
		"use smaller numbers; resources.file_version can name another version for the files, but not for wdac")
}

func (j *judgement) build() {
	b := &j.spec.Build
	if b.Config != "" {
		j.file("build.config", b.Config)
		j.exclusive("build", "config", "write it in your goreleaser configuration, or delete build.config",
			"binaries", "targets", "tags", "ldflags", "variables", "flags", "env")
		j.refuse(b.Builder != "goreleaser" && b.Builder != "", "build.builder",
			"cannot be "+b.Builder+" together with build.config, which only goreleaser reads", "write builder: goreleaser, or delete build.config")
		return
	}
	j.refuse(len(b.Binaries) == 0, "build.binaries", "is missing, and so is build.config",
		"list the programs to compile: build: {binaries: [{main: ./cmd/app}]}")
	for i := range b.Binaries {
		j.binary(fmt.Sprintf("build.binaries[%d]", i), &b.Binaries[i])
	}
	j.unique("name", func(b *Binary) string { return b.Name + "." + b.kind() })
	j.unique("id", func(b *Binary) string { return b.ID })
	j.ldflags()
	j.compilation()
}

func (j *judgement) binary(path string, b *Binary) {
	for _, f := range []struct{ key, value string }{{"id", b.ID}, {"name", b.Name}} {
		written := f.key == "name" || j.spec.has(path+".id")
		for _, ext := range []string{".exe", ".dll"} {
			j.refuse(written && strings.HasSuffix(strings.ToLower(f.value), ext), path+"."+f.key,
				quote(f.value)+" ends with "+ext+", which is added automatically", "write it without "+ext)
		}
	}
	j.icon(path+".icon", b.Icon)
	for _, key := range []string{"icon", "description"} {
		j.refuse(j.spec.has(path+"."+key) && j.spec.Resources == nil, path+"."+key,
			"has no effect without the section resources", "add resources: {}, or delete the line")
	}
	if b.File != "" {
		j.exclusive(path, "file", "name the program that is there, or the package to compile", "main", "gui", "buildmode")
		return
	}
	j.refuse(b.Buildmode == "c-shared" && b.GUI, path+".gui", "has no effect on a DLL", "delete the line")
	if b.Main != "" {
		j.mainPackage(path+".main", b)
	}
}

// unique refuses two programs that agree in a field; letters of either case
// are the same to Windows.
func (j *judgement) unique(key string, value func(*Binary) string) {
	first := map[string]int{}
	for i := range j.spec.Build.Binaries {
		v := value(&j.spec.Build.Binaries[i])
		other, twice := first[strings.ToLower(v)]
		if shown(key, &j.spec.Build.Binaries[i]) == "" {
			continue
		}
		if !twice {
			first[strings.ToLower(v)] = i
		}
		// An id that comes from a name which is refused already says nothing new.
		again := key == "id" && twice && strings.EqualFold(j.spec.Build.Binaries[i].Name, j.spec.Build.Binaries[other].Name) &&
			!j.spec.has(fmt.Sprintf("build.binaries[%d].id", i))
		j.refuse(twice && !again, fmt.Sprintf("build.binaries[%d].%s", i, key),
			fmt.Sprintf("%s is also the %s of build.binaries[%d]", quote(shown(key, &j.spec.Build.Binaries[i])), key, other),
			"give every program an id and a name of its own; the default of name is project.name, that of id is name")
	}
}

// kind is exe or dll, or the extension of a file that something else has built.
func (b *Binary) kind() string {
	switch ext := strings.ToLower(path.Ext(b.File)); {
	case b.Buildmode == "c-shared":
		return "dll"
	case ext != "":
		return ext[1:]
	}
	return "exe"
}

func shown(key string, b *Binary) string {
	if key == "id" {
		return b.ID
	}
	return b.Name
}

// mainPackage demands a program's package at the path. It reads package
// clauses and build constraints only, for windows/amd64.
func (j *judgement) mainPackage(field string, b *Binary) {
	dir := b.Main
	if nested := j.nestedModule(dir); nested != "" && j.spec.Build.Workspace != "on" {
		j.refuse(true, field, fmt.Sprintf("%s is in a module of its own, %s", quote(dir), nested),
			"release that module on its own: put a release.yaml beside its go.mod and run the release there")
		return
	}
	pkg, err := j.importDir(dir, b.Buildmode == "c-shared")
	var none *build.NoGoError
	var several *build.MultiplePackageError
	switch {
	case errors.As(err, &none) && len(j.spec.Build.Before) > 0: // it may write them
	case errors.As(err, &none) && j.needsCgo(dir):
		j.refuse(true, field, fmt.Sprintf("%s needs cgo, which a release does not use", quote(dir)),
			"let your own build compile it and name the result instead of main: file: bin/app.exe")
	case errors.As(err, &none):
		j.refuse(true, field, "there are no Go files for Windows in "+quote(dir), "name the folder that holds the package main")
	case errors.As(err, &several):
		j.refuse(true, field, fmt.Sprintf("%s holds two packages, %s", quote(dir), strings.Join(several.Packages, " and ")), "a folder holds one package")
	case err != nil:
		j.refuse(true, field, fmt.Sprintf("there is no package in %s", quote(dir)), "name the folder that holds the package main")
	case pkg.Name != "main":
		j.refuse(true, field, fmt.Sprintf("%s is the package %s, not a program", quote(dir), pkg.Name), "name the folder that holds the package main")
	}
}

// importDir reads what go build would compile from the folder.
func (j *judgement) importDir(dir string, cgo bool) (*build.Package, error) {
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled, ctx.BuildTags = "windows", "amd64", cgo, j.spec.Build.Tags
	return ctx.ImportDir(j.resolve(dir), 0)
}

// needsCgo reports whether the folder holds a program once cgo is on.
func (j *judgement) needsCgo(dir string) bool {
	pkg, err := j.importDir(dir, true)
	return err == nil && pkg.Name == "main"
}

// nestedModule is the path of the go.mod between the project's folder and
// dir, which makes dir part of another module; "" when there is none.
func (j *judgement) nestedModule(dir string) string {
	for dir = path.Clean(dir); dir != "." && dir != "/"; dir = path.Dir(dir) {
		if _, err := os.Stat(filepath.Join(j.resolve(dir), "go.mod")); err == nil {
			return dir + "/go.mod"
		}
	}
	return ""
}

// compilation judges env, flags and targets against what is compiled.
func (j *judgement) compilation() {
	b := &j.spec.Build
	for _, name := range slices.Sorted(maps.Keys(b.Env)) {
		j.refuse(fixedVariable(name), join("build.env", name), "cannot be set: a release decides it, so that the same sources give the same bytes on every machine",
			variableHint(name))
	}
	for i, flag := range b.Flags {
		j.refuse(strings.HasSuffix(flag, "mod=mod"), fmt.Sprintf("build.flags[%d]", i), quote(flag)+" would let the build change go.mod", "run go mod tidy and commit the result")
	}
	compiles := false
	for _, one := range b.Binaries {
		compiles = compiles || one.File == ""
	}
	for _, key := range []string{"targets", "tags", "ldflags", "variables", "flags", "workspace", "vcs", "reproducible", "builder"} {
		j.refuse(!compiles && len(b.Binaries) > 0 && j.spec.has("build."+key), "build."+key, "has no effect: every program of build.binaries is a file that something else has built", "delete the line")
	}
}

// fixedVariable reports whether a release decides an environment variable.
func fixedVariable(name string) bool {
	name = strings.ToUpper(name)
	switch name {
	case "GOOS", "GOARCH", "GOFLAGS", "GOWORK", "GOENV", "GO111MODULE", "GO386", "GOAMD64", "GOARM64", "GOROOT", "CC", "CXX", "PATH", "SOURCE_DATE_EPOCH":
		return true
	}
	return strings.HasPrefix(name, "CGO_")
}

func variableHint(name string) string {
	switch strings.ToUpper(name) {
	case "GOOS", "GOARCH", "GOAMD64":
		return "write it as a target: targets: [windows/amd64/v3]"
	case "GOFLAGS":
		return "build.flags, build.tags and build.ldflags take flags"
	case "GOWORK":
		return "write workspace: on"
	}
	return "delete the line"
}

// icon demands an existing .ico or .png file.
func (j *judgement) icon(field, name string) {
	if name == "" {
		return
	}
	if ext := strings.ToLower(path.Ext(name)); ext != ".ico" && ext != ".png" {
		j.refuse(true, field, quote(name)+" is neither an .ico nor a .png file", "convert the icon")
		return
	}
	j.file(field, name)
}

func (j *judgement) resources() {
	r := j.spec.Resources
	if r == nil {
		return
	}
	j.icon("resources.icon", r.Icon)
	first := map[string]string{strings.ToLower(r.Language): "resources.language"}
	for _, tag := range slices.Sorted(maps.Keys(r.Translations)) {
		at := join("resources.translations", tag)
		other, twice := first[strings.ToLower(tag)]
		j.refuse(twice, at, "is the same language as "+other, "keep one of the two")
		first[strings.ToLower(tag)] = at
	}
	m := r.Manifest
	if m == nil {
		return
	}
	if m.File != "" {
		j.file("resources.manifest.file", m.File)
		j.exclusive("resources.manifest", "file", "write it in the manifest file, or delete resources.manifest.file",
			"execution_level", "ui_access", "long_paths", "utf8", "dpi", "common_controls", "minimum_windows")
	}
	j.refuse(m.UIAccess && j.spec.Sign == nil, "resources.manifest.ui_access",
		"needs the section sign: Windows does not start such a program unsigned", "add sign, or delete the line")
}
