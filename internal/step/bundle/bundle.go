// Package bundle is the step that makes what people download: one zip archive
// for each target, the programs themselves if they are asked for, and the App
// Control policy's kit. All of it lies in one folder, under names that are used
// once, since a release page has no folders.
package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/inventory"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/pinned"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/step/bundle/archive"
)

// name of the step; the Go package cannot be called so.
const name = "package"

// Step makes one file a unit.
func Step() step.Step {
	return step.Step{
		Name:    name,
		Does:    "make the files to publish in dist/package",
		Enabled: func(*spec.Spec) bool { return true },
		Units:   units,
	}
}

// config is what decides a file beside what it holds.
type config struct {
	Time    string
	Members []string `json:",omitempty"`
}

// source is a file that goes into an archive.
type source struct {
	name    string // in the archive
	path    string // relative to the project
	program bool
}

func units(_ context.Context, r *step.Run) ([]step.Unit, error) {
	as, err := r.Artifacts()
	if err != nil {
		return nil, err
	}
	texts, err := texts(r)
	if err != nil {
		return nil, err
	}
	var us []step.Unit
	p := r.Spec.Package
	if slices.Contains(p.Formats, "zip") {
		for _, g := range groups(r.Spec, as) {
			us = append(us, zipped(r, g.name+".zip", append(g.members, texts...)))
		}
	}
	if slices.Contains(p.Formats, "exe") {
		for _, a := range as {
			us = append(us, copied(r, base(r.Spec, a.ID, a)+path.Ext(a.Name), r.Released(a)))
		}
	}
	if r.Spec.Catalog != nil {
		for _, f := range made(r, "catalog", step.CatalogDir+"/", ".cat") {
			us = append(us, copied(r, strings.TrimSuffix(f.name, ".cat")+"_"+r.Spec.Project.Version+".cat", f.path))
		}
	}
	if kit := made(r, "wdac", step.WDACDir+"/", ""); r.Spec.WDAC != nil && len(kit) > 0 {
		us = append(us, zipped(r, r.Spec.Project.Name+"_"+r.Spec.Project.Version+"_wdac.zip", kit))
	}
	return us, distinct(us)
}

// base is the beginning of a file's name: app_1.4.2_windows_amd64.
func base(s *spec.Spec, name string, a ledger.Artifact) string {
	return name + "_" + s.Project.Version + "_" + a.GOOS + "_" + a.GOARCH + a.Level
}

// group is the content of one archive.
type group struct {
	name    string
	members []source
}

// groups puts all programs of a target into one archive, or each into its own.
func groups(s *spec.Spec, as []ledger.Artifact) []group {
	var list []group
	for _, a := range as {
		name := s.Project.Name
		if s.Package.Per == "program" {
			name = a.ID
		}
		name = base(s, name, a)
		i := slices.IndexFunc(list, func(g group) bool { return g.name == name })
		if i < 0 {
			i = len(list)
			list = append(list, group{name: name})
		}
		list[i].members = append(list[i].members, source{a.Name, step.ReleaseDir + "/" + a.File(), true})
	}
	return list
}

// companions are the texts that go into every archive: those beside the source
// whose names begin so.
var companions = regexp.MustCompile(`(?i)^(README|LICEN[SC]E|COPYING|NOTICE)([._-].*)?$`)

// texts are README, LICENSE and the files of package.files.
func texts(r *step.Run) ([]source, error) {
	entries, err := os.ReadDir(r.Root)
	if err != nil {
		return nil, fmt.Errorf("looking for README and LICENSE: %w", err)
	}
	var out []source
	for _, e := range entries {
		if e.Type().IsRegular() && companions.MatchString(e.Name()) && !isSource(e.Name()) {
			out = append(out, source{name: e.Name(), path: e.Name()})
		}
	}
	if len(r.Spec.Package.Files) == 0 {
		return out, nil
	}
	more, err := inventory.Match(r.Root, r.Spec.Package.Files, append(r.Ours(), ".git")...)
	if err != nil {
		return nil, fault.New(fault.Usage, "package.files: %w", err)
	}
	for _, f := range more {
		rel, err := filepath.Rel(r.Root, f.Path)
		if err != nil || !filepath.IsLocal(rel) {
			out = append(out, source{name: filepath.Base(f.Path), path: filepath.ToSlash(f.Path)})
			continue
		}
		if rel = filepath.ToSlash(rel); !slices.ContainsFunc(out, func(s source) bool { return s.path == rel }) {
			out = append(out, source{name: rel, path: rel})
		}
	}
	return out, nil
}

// isSource tells names such as license.go from texts.
func isSource(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".go", ".sh", ".py", ".js", ".tmpl", ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// made are the files that a step has written below a folder.
func made(r *step.Run, name, below, ext string) []source {
	var out []source
	for _, rec := range r.Ledger.Records(name) {
		for f := range rec.Outputs {
			if inside, ok := strings.CutPrefix(f, below); ok && strings.HasSuffix(f, ext) {
				out = append(out, source{name: inside, path: f})
			}
		}
	}
	slices.SortFunc(out, func(a, b source) int { return strings.Compare(a.name, b.name) })
	return out
}

func zipped(r *step.Run, name string, members []source) step.Unit {
	to := step.PackageDir + "/" + name
	u := step.Unit{Name: name, Outputs: []string{to}}
	c := config{Time: r.Spec.Source.Time.UTC().String()}
	for _, m := range members {
		u.Inputs = append(u.Inputs, m.path)
		c.Members = append(c.Members, m.name)
	}
	u.Config = c
	u.Do = func(context.Context) (step.Result, error) { return zip(r, to, members) }
	return u
}

func copied(r *step.Run, name, from string) step.Unit {
	to := step.PackageDir + "/" + name
	return step.Unit{Name: name, Config: config{}, Inputs: []string{from}, Outputs: []string{to},
		Do: func(context.Context) (step.Result, error) { return step.Result{}, r.Copy(to, from) }}
}

// distinct refuses names that Windows takes for one, in the folder and in each
// archive.
func distinct(us []step.Unit) error {
	seen := map[string]bool{}
	for _, u := range us {
		if key := strings.ToLower(u.Name); seen[key] {
			return fault.New(fault.Usage, "two files to publish would be called %s", u.Name).
				Hint("give every program an id of its own, or write package: {per: program}")
		} else {
			seen[key] = true
		}
		inside := map[string]bool{}
		for _, m := range u.Config.(config).Members {
			if key := strings.ToLower(m); inside[key] {
				return fault.New(fault.Usage, "two files in %s would be called %s", u.Name, m).
					Hint("name one of them only in package.files, or rename it")
			} else {
				inside[key] = true
			}
		}
	}
	return nil
}

// zip writes an archive of members, which are opened one after the other.
func zip(r *step.Run, to string, members []source) (step.Result, error) {
	res := step.Result{Bound: map[string]pinned.Sum{}, Note: step.Files(len(members))}
	err := r.WriteFunc(to, func(f *os.File) error {
		z := archive.New(f, r.Spec.Source.Time)
		for _, m := range members {
			if err := add(r, z, m, res.Bound); err != nil {
				return err
			}
		}
		return z.Close()
	})
	return res, err
}

func add(r *step.Run, z *archive.Writer, m source, bound map[string]pinned.Sum) (err error) {
	// A text of the project is looked at here for the first time.
	b, known := r.Ledger.Bound(m.path)
	first := !known || b.Step == name
	open := r.Open
	if first {
		open = r.Admit
	}
	f, err := open(m.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if first {
		bound[m.path] = f.Sum()
	}
	return z.Add(m.name, m.program, io.NewSectionReader(f, 0, f.Size()))
}
