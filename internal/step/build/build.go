// Package build is the step that compiles the programs. One runs again when one
// of its source files, the compiler or a setting has changed.
package build

import (
	"context"
	"runtime"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/builder/gobuild"
	"github.com/hallmark-dev/hallmark/internal/builder/goreleaser"
	"github.com/hallmark-dev/hallmark/internal/builder/prebuilt"
	"github.com/hallmark-dev/hallmark/internal/gitinfo"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/step/build/gosource"
)

// maxParallel bounds the compilations that run at once. Each is parallel by
// itself; only linking gains from a second one.
const maxParallel = 4

// Step compiles each program for each machine as a unit of its own. A
// goreleaser configuration is one unit: what it makes is known afterwards.
func Step() step.Step {
	return step.Step{
		Name:     "build",
		Does:     "compile the programs",
		Enabled:  func(*spec.Spec) bool { return true },
		Units:    units,
		Judge:    judgeEarly,
		Parallel: func(*step.Run) int { return min(maxParallel, runtime.GOMAXPROCS(0)) },
	}
}

// config is what decides the bytes, beside the sources. Which builder compiles
// is not in it: both give the same bytes.
type config struct {
	Toolchain    string            `json:",omitempty"`
	Main         string            `json:",omitempty"`
	File         string            `json:",omitempty"`
	Name         string            `json:",omitempty"`
	GUI          bool              `json:",omitempty"`
	Buildmode    string            `json:",omitempty"`
	Target       string            `json:",omitempty"`
	LDFlags      []string          `json:"ldflags,omitempty"`
	Tags         []string          `json:",omitempty"`
	Flags        []string          `json:",omitempty"`
	Env          map[string]string `json:",omitempty"`
	Variables    map[string]string `json:"variables,omitempty"`
	Version      string            `json:",omitempty"` // where a goreleaser configuration may use it
	VCS          string            `json:",omitempty"`
	Commit       string            `json:",omitempty"`
	Dirty        bool              `json:",omitempty"` // what Go stamps as vcs.modified
	Workspace    string            `json:",omitempty"`
	Reproducible string            `json:",omitempty"`
}

func units(ctx context.Context, r *step.Run) ([]step.Unit, error) {
	if c := r.Spec.Build.Config; c != "" {
		return foreignUnits(ctx, r, c)
	}
	programs, err := r.Programs()
	if err != nil {
		return nil, err
	}
	dirty, err := stampedDirty(ctx, r)
	if err != nil {
		return nil, err
	}
	var us []step.Unit
	for _, p := range programs {
		u, err := unit(ctx, r, p, dirty)
		if err != nil {
			return nil, err
		}
		us = append(us, u)
	}
	return us, nil
}

// stampedDirty reports whether Go would stamp the programs as made from changed
// files.
func stampedDirty(ctx context.Context, r *step.Run) (bool, error) {
	if r.Spec.Build.VCS != "on" {
		return false, nil
	}
	files, err := gitinfo.Dirty(ctx, r.Root, r.Env)
	return len(files) > 0, err
}

func unit(ctx context.Context, r *step.Run, p step.Program, dirty bool) (step.Unit, error) {
	u := step.Unit{Name: p.Artifact.File(), Shown: shown(p), Group: p.Artifact.Name, Part: step.Target(p.Artifact), Outputs: []string{p.Artifact.Path}}
	if p.File.Path != "" {
		from := r.Relative(p.File.Path)
		u.Config, u.Inputs = config{File: from}, []string{from}
		u.Do = func(context.Context) (step.Result, error) { return take(r, p) }
		return u, nil
	}
	t, err := r.Toolchain(ctx)
	if err != nil {
		return u, err
	}
	b := r.Spec.Build
	c := config{
		Toolchain: t.Version, Main: p.Job.Binary.Main, Name: p.Job.Binary.Name, GUI: p.Job.Binary.GUI, Buildmode: p.Job.Binary.Buildmode,
		Target: p.Job.Target.String(), LDFlags: b.LDFlags, Tags: b.Tags, Flags: b.Flags, Env: b.Env,
		Variables: r.Spec.LinkerVariables(), VCS: b.VCS, Workspace: b.Workspace, Reproducible: b.Reproducible,
	}
	if b.VCS == "on" {
		c.Commit, c.Dirty = r.Spec.Source.Commit, dirty
	}
	u.Config = c
	if rec, ok := r.Ledger.Record("build", u.Name); ok {
		u.Inputs = gosource.Fresh(r.Root, rec.Inputs, p.GOARCH, b.Tags, builder.IsDLL(p.Job.Binary))
	}
	u.Do = func(ctx context.Context) (step.Result, error) { return compile(ctx, r, p) }
	return u, nil
}

// shown is what people read while a program is compiled: package and target.
func shown(p step.Program) string {
	if p.File.Path != "" {
		return p.Artifact.Name + " " + p.GOOS + "/" + p.GOARCH
	}
	name := p.Artifact.Name + " " + p.Job.Target.String()
	if m := p.Job.Binary.Main; m != "." {
		name += " (" + m + ")"
	}
	return name
}

// take copies what something else has built.
func take(r *step.Run, p step.Program) (step.Result, error) {
	if err := prebuilt.Take(p.File, r.Abs(p.Artifact.Path), r.Spec.Source.Time); err != nil {
		return step.Result{}, err
	}
	from := r.Relative(p.File.Path)
	return step.Result{Note: "from " + from, Facts: map[string]string{"builder": "file", "file": from, "version": r.Spec.Project.Version}}, nil
}

func compile(ctx context.Context, r *step.Run, p step.Program) (step.Result, error) {
	if err := judgeLate(ctx, r); err != nil {
		return step.Result{}, err
	}
	b, err := builderFor(ctx, r, p)
	if err != nil {
		return step.Result{}, err
	}
	req, err := request(ctx, r)
	if err != nil {
		return step.Result{}, err
	}
	narrow := *req.Spec
	narrow.Binaries, narrow.Targets = []spec.Binary{p.Job.Binary}, []string{p.Job.Target.String()}
	req.Spec = &narrow
	made, err := b.Build(ctx, req)
	if err != nil {
		return step.Result{}, err
	}
	packages, err := r.Listing(ctx, p.GOARCH, builder.IsDLL(p.Job.Binary))
	if err != nil {
		return step.Result{}, err
	}
	facts, err := describe(ctx, r, b, p)
	if err != nil {
		return step.Result{}, err
	}
	inputs := gosource.Files(r.Root, packages, p.Job.Binary.Main)
	if req.Work != "" {
		inputs = append(inputs, r.Relative(req.Work))
	}
	outputs := []string{p.Artifact.Path}
	if b.Name() == "goreleaser" {
		outputs = append(outputs, r.Relative(goreleaser.ConfigPath(req, made[0])))
	}
	return step.Result{Inputs: inputs, Outputs: outputs, Facts: facts, Note: note(facts)}, nil
}

// builderFor: a DLL is compiled by go build itself, since goreleaser would do
// the same with a configuration more.
func builderFor(ctx context.Context, r *step.Run, p step.Program) (builder.Builder, error) {
	b, err := r.Builder(ctx)
	if err != nil || !builder.IsDLL(p.Job.Binary) || r.Spec.Build.Reproducible == "verify" {
		return b, err
	}
	return gobuild.Builder{Env: r.Env}, nil
}

// request is that of the whole release, with the workspace if it is used.
func request(ctx context.Context, r *step.Run) (builder.Request, error) {
	req := r.Request()
	if r.Spec.Build.Workspace != "on" {
		return req, nil
	}
	t, err := r.Toolchain(ctx)
	if err != nil {
		return req, err
	}
	req.Work = t.Work
	return req, nil
}

func describe(ctx context.Context, r *step.Run, b builder.Builder, p step.Program) (map[string]string, error) {
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
	facts["settings"] = strings.Join(builder.Settings(r.Request(), p.Job), " ")
	return facts, nil
}

func note(facts map[string]string) string {
	if facts["builder"] == "go" {
		return facts["go"]
	}
	return facts["go"] + ", " + facts["builder"] + " " + facts["builder_version"]
}
