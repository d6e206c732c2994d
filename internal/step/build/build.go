// Package build is the step that compiles the programs. It runs again when a
// source file, the compiler or a setting has changed.
package build

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/step/build/gosource"
)

// Step compiles all programs as one unit: goreleaser does it in one call.
func Step() step.Step {
	return step.Step{
		Name:    "build",
		Does:    "compile the programs",
		Enabled: func(*spec.Spec) bool { return true },
		Units:   units,
	}
}

// config is what decides the bytes, beside the sources. Which builder compiles
// is not in it: both give the same bytes.
type config struct {
	Toolchain    string
	Binaries     []binary
	Targets      []string
	LDFlags      []string `json:"ldflags"`
	Tags         []string
	Variables    map[string]string `json:"variables,omitempty"`
	Version      string            `json:",omitempty"` // where a goreleaser configuration may use it
	VCS          string
	Commit       string `json:",omitempty"`
	Reproducible string
}

// binary leaves out what only the resources are made of.
type binary struct {
	ID, Main, Name string
	GUI            bool
}

func units(ctx context.Context, r *step.Run) ([]step.Unit, error) {
	t, err := r.Toolchain(ctx)
	if err != nil {
		return nil, err
	}
	u := step.Unit{Name: "programs", Config: newConfig(r.Spec, t.Version)}
	if c := r.Spec.Build.Config; c != "" {
		u.Inputs = append(u.Inputs, filepath.ToSlash(c))
	}
	as, err := r.Artifacts()
	if err != nil {
		return nil, err
	}
	for _, a := range as {
		u.Outputs = append(u.Outputs, a.Path)
	}
	u.Do = func(ctx context.Context) (step.Result, error) { return do(ctx, r) }
	return []step.Unit{u}, nil
}

func newConfig(s *spec.Spec, toolchain string) config {
	b := s.Build
	c := config{
		Toolchain: toolchain, Targets: b.Targets, LDFlags: b.LDFlags, Tags: b.Tags,
		Variables: s.LinkerVariables(), VCS: b.VCS, Reproducible: b.Reproducible,
	}
	for _, p := range b.Binaries {
		c.Binaries = append(c.Binaries, binary{p.ID, p.Main, p.Name, p.GUI})
	}
	if b.Config != "" {
		c.Version = s.Project.Version
	}
	if b.VCS == "on" || b.Config != "" {
		c.Commit = s.Source.Commit
	}
	return c
}

func do(ctx context.Context, r *step.Run) (step.Result, error) {
	b, err := r.Builder(ctx)
	if err != nil {
		return step.Result{}, err
	}
	made, err := b.Build(ctx, builder.Request{
		Root: r.Root, Out: r.Abs(step.BuildDir), Spec: &r.Spec.Build, Project: &r.Spec.Project,
		Version: r.Spec.Project.Version, Variables: r.Spec.LinkerVariables(), Commit: r.Spec.Source.Commit, Date: r.Spec.Source.Time,
		Log: r.Console.Child(),
	})
	if err != nil {
		return step.Result{}, err
	}
	artifacts := record(r, made)
	sources, err := gosource.List(ctx, query(r, artifacts))
	if err != nil {
		return step.Result{}, err
	}
	facts, err := describe(ctx, r, b)
	if err != nil {
		return step.Result{}, err
	}
	res := step.Result{Inputs: sources, Facts: facts, Note: facts["builder"] + ", " + facts["go"]}
	for _, a := range artifacts {
		res.Outputs = append(res.Outputs, a.Path)
	}
	return res, nil
}

// record tells the ledger which programs the release consists of.
func record(r *step.Run, made []builder.Artifact) []ledger.Artifact {
	var as []ledger.Artifact
	for _, m := range made {
		as = append(as, ledger.Artifact{
			ID: m.ID, Name: m.Name, GOOS: m.GOOS, GOARCH: m.GOARCH, Path: step.BuildDir + "/" + m.Dir() + "/" + m.Name,
		})
	}
	r.Ledger.SetArtifacts(as)
	return as
}

// query asks for the sources of the programs named in the spec, or, with a
// goreleaser configuration of the user's, of every package of the module.
func query(r *step.Run, as []ledger.Artifact) gosource.Query {
	q := gosource.Query{Root: r.Root, GOOS: "windows", Tags: r.Spec.Build.Tags, Env: builder.Environment(r.Env)}
	seen := map[string]bool{}
	for _, a := range as {
		if !seen[a.GOARCH] {
			seen[a.GOARCH] = true
			q.GOARCHs = append(q.GOARCHs, a.GOARCH)
		}
	}
	for _, b := range r.Spec.Build.Binaries {
		q.Packages = append(q.Packages, b.Main)
	}
	if r.Spec.Build.Config != "" {
		q.Packages = []string{"./..."}
	}
	return q
}

func describe(ctx context.Context, r *step.Run, b builder.Builder) (map[string]string, error) {
	version, err := b.Version(ctx)
	if err != nil {
		return nil, err
	}
	t, err := r.Toolchain(ctx)
	if err != nil {
		return nil, err
	}
	facts := map[string]string{"go": t.Version, "builder": b.Name(), "builder_version": version, "version": r.Spec.Project.Version}
	if r.Spec.Source.Commit != "" {
		facts["commit"] = r.Spec.Source.Commit
	}
	if r.Spec.Build.Reproducible == "verify" {
		facts["reproduced"] = "built twice in different folders, identical bytes"
	}
	facts["settings"] = strings.Join(builder.Settings(), " ")
	return facts, nil
}
