// Package clue reads what a project's own files say about its programs for
// Windows: build configurations (.goreleaser.yaml, .promu.yml, Makefiles and
// workflows), resources (winres.json, versioninfo.json, .syso files), README
// and LICENSE. It trusts nothing: the caller checks each clue against the
// source code. A file that cannot be read is a note, never an error, since a
// first spec can be written without it.
package clue

import "maps"

// Build is what one build configuration says.
type Build struct {
	// From names the file, relative to the project, with slashes.
	From string
	// Project is the name of the product, or empty.
	Project string
	// Programs are those built for Windows.
	Programs []Program
	// About is what packages and manifests for users say of the product.
	About About
	// Generate are the calls of go generate before the build.
	Generate []string
	// Notes describe what could not be taken over.
	Notes []string
}

// About describes a product in words. Every field may be empty.
type About struct {
	Company, Title, Description, Copyright, Homepage string
}

// or fills what is empty in a from b.
func (a About) or(b About) About {
	for _, f := range []struct{ to, from *string }{
		{&a.Company, &b.Company}, {&a.Title, &b.Title}, {&a.Description, &b.Description}, {&a.Copyright, &b.Copyright}, {&a.Homepage, &b.Homepage},
	} {
		if *f.to == "" {
			*f.to = *f.from
		}
	}
	return a
}

// Program is one program as a build configuration names it.
type Program struct {
	// Main is its package, such as . or ./cmd/app; it may be a pattern such as
	// ./cmd/...
	Main string
	// Name of the file without .exe, or empty.
	Name string
	// GUI is set if the linker is told to make a program without console.
	GUI bool
	// Cgo is set if the configuration switches cgo on.
	Cgo bool
	// Link is what the linker is told.
	Link Link
	// Tags are build tags.
	Tags []string
	// Env are settings of the build as NAME=value.
	Env []string
	// Architectures are among amd64, arm64 and 386; nil: not said.
	Architectures []string
	// Levels are values of GOAMD64; nil: not said.
	Levels []string
}

// Link is what the linker is told.
type Link struct {
	// Said is set if the configuration has linker flags at all.
	Said bool
	// Flags beside -X and -H.
	Flags []string
	// Variables are those set by -X, with a value of build.variables.
	Variables map[string]string
	// Texts are variables that are set to a fixed text.
	Texts map[string]string
	// Unclear are variables that are set to something that a release has no
	// name for, such as the branch, with how it is written.
	Unclear map[string]string
}

// merge adds what other says about further variables.
func (l *Link) merge(other Link) {
	add := func(to *map[string]string, from map[string]string) {
		for name, value := range from {
			if l.knows(name) {
				continue
			}
			if *to == nil {
				*to = map[string]string{}
			}
			(*to)[name] = value
		}
	}
	l.Said = l.Said || other.Said
	add(&l.Variables, other.Variables)
	add(&l.Texts, other.Texts)
	add(&l.Unclear, other.Unclear)
}

func (l *Link) knows(name string) bool {
	for _, m := range []map[string]string{l.Variables, l.Texts, l.Unclear} {
		if _, ok := m[name]; ok {
			return true
		}
	}
	return false
}

// Merged is l with what other says about further variables. Neither changes.
func (l Link) Merged(other Link) Link {
	l.Variables, l.Texts, l.Unclear = maps.Clone(l.Variables), maps.Clone(l.Texts), maps.Clone(l.Unclear)
	l.merge(other)
	return l
}
