package spec

import (
	"errors"
	"fmt"
	"go/build"
	"path"
	"strings"
)

func (j *judgement) project() {
	v := j.spec.Project.Version
	needed := j.spec.Resources != nil && j.spec.Resources.FileVersion == "" || j.spec.WDAC != nil
	j.refuse(needed && semver.MatchString(v) && fileVersion(v) == "", "project.version",
		fmt.Sprintf("a number of %s is over 65535, the most that Windows' four-part versions hold", quote(v)),
		"use smaller numbers; resources.file_version can name another version for the files, but not for wdac")
}

func (j *judgement) build() {
	b := &j.spec.Build
	if b.Config != "" {
		j.file("build.config", b.Config)
		j.exclusive("build", "config", "write it in your goreleaser configuration, or delete build.config",
			"binaries", "targets", "tags", "ldflags", "variables")
		j.refuse(b.Builder != "goreleaser" && b.Builder != "", "build.builder",
			"cannot be "+b.Builder+" together with build.config, which only goreleaser reads", "write builder: goreleaser, or delete build.config")
		return
	}
	j.refuse(len(b.Binaries) == 0, "build.binaries", "is missing, and so is build.config",
		"list the programs to compile: build: {binaries: [{main: ./cmd/app}]}")
	for i := range b.Binaries {
		j.binary(fmt.Sprintf("build.binaries[%d]", i), &b.Binaries[i])
	}
	j.unique("name", func(b *Binary) string { return b.Name })
	j.unique("id", func(b *Binary) string { return b.ID })
	j.ldflags()
}

func (j *judgement) binary(path string, b *Binary) {
	for _, f := range []struct{ key, value string }{{"id", b.ID}, {"name", b.Name}} {
		written := f.key == "name" || j.spec.has(path+".id")
		j.refuse(written && strings.HasSuffix(strings.ToLower(f.value), ".exe"), path+"."+f.key,
			quote(f.value)+" ends with .exe, which is added by itself", "write it without .exe")
	}
	j.icon(path+".icon", b.Icon)
	for _, key := range []string{"icon", "description"} {
		j.refuse(j.spec.has(path+"."+key) && j.spec.Resources == nil, path+"."+key,
			"has no effect without the section resources", "add resources: {}, or delete the line")
	}
	if b.Main != "" {
		j.mainPackage(path+".main", b.Main)
	}
}

// unique refuses two programs that agree in a field; letters of either case
// are the same to Windows.
func (j *judgement) unique(key string, value func(*Binary) string) {
	first := map[string]int{}
	for i := range j.spec.Build.Binaries {
		v := value(&j.spec.Build.Binaries[i])
		other, twice := first[strings.ToLower(v)]
		if v == "" {
			continue
		}
		if !twice {
			first[strings.ToLower(v)] = i
		}
		// An id that comes from a name which is refused already says nothing new.
		again := key == "id" && twice && strings.EqualFold(j.spec.Build.Binaries[i].Name, j.spec.Build.Binaries[other].Name) &&
			!j.spec.has(fmt.Sprintf("build.binaries[%d].id", i))
		j.refuse(twice && !again, fmt.Sprintf("build.binaries[%d].%s", i, key),
			fmt.Sprintf("%s is also the %s of build.binaries[%d]", quote(v), key, other),
			"give every program an id and a name of its own; the default of name is project.name, that of id is name")
	}
}

// mainPackage demands a program's package at the path. It reads package
// clauses and build constraints only, for windows/amd64.
func (j *judgement) mainPackage(field, dir string) {
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled, ctx.BuildTags = "windows", "amd64", false, j.spec.Build.Tags
	pkg, err := ctx.ImportDir(j.resolve(dir), 0)
	var none *build.NoGoError
	var several *build.MultiplePackageError
	switch {
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
	for _, tag := range sortedKeys(r.Translations) {
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
