package build

import (
	"context"
	"path/filepath"
	"slices"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/builder/goreleaser"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/step/build/gosource"
)

// foreignUnits is the one unit of a goreleaser configuration of the user's.
func foreignUnits(ctx context.Context, r *step.Run, file string) ([]step.Unit, error) {
	t, err := r.Toolchain(ctx)
	if err != nil {
		return nil, err
	}
	b := r.Spec.Build
	u := step.Unit{
		Name:   "programs",
		Shown:  "programs of " + file,
		Config: config{Toolchain: t.Version, File: file, Version: r.Spec.Project.Version, Commit: r.Spec.Source.Commit, VCS: b.VCS, Reproducible: b.Reproducible},
		Inputs: []string{filepath.ToSlash(file)},
		Do:     func(ctx context.Context) (step.Result, error) { return doForeign(ctx, r) },
	}
	as := r.Ledger.Artifacts()
	for _, a := range as {
		u.Outputs = append(u.Outputs, a.Path)
	}
	if rec, ok := r.Ledger.Record("build", u.Name); ok {
		for _, arch := range architectures(as) {
			u.Inputs = append(u.Inputs, gosource.Fresh(r.Root, rec.Inputs, arch, nil, false)...)
		}
	}
	return []step.Unit{u}, nil
}

func doForeign(ctx context.Context, r *step.Run) (step.Result, error) {
	if err := judgeLate(ctx, r); err != nil {
		return step.Result{}, err
	}
	b, err := r.Builder(ctx)
	if err != nil {
		return step.Result{}, err
	}
	req, err := request(ctx, r)
	if err != nil {
		return step.Result{}, err
	}
	made, err := b.Build(ctx, req)
	if err != nil {
		return step.Result{}, err
	}
	artifacts := record(r, made)
	facts, err := describe(ctx, r, b, step.Program{})
	if err != nil {
		return step.Result{}, err
	}
	res := step.Result{Facts: facts, Note: note(facts), Outputs: []string{r.Relative(goreleaser.ConfigPath(req, made[0]))}}
	for _, a := range artifacts {
		res.Outputs = append(res.Outputs, a.Path)
	}
	for _, arch := range architectures(artifacts) {
		packages, err := r.Listing(ctx, arch, false)
		if err != nil {
			return step.Result{}, err
		}
		res.Inputs = append(res.Inputs, gosource.Files(r.Root, packages, "")...)
	}
	return res, nil
}

// record tells the ledger which programs the configuration makes.
func record(r *step.Run, made []builder.Artifact) []ledger.Artifact {
	var as []ledger.Artifact
	for _, m := range made {
		as = append(as, step.Recorded(m))
	}
	r.Ledger.SetArtifacts(as)
	return as
}

func architectures(as []ledger.Artifact) []string {
	var list []string
	for _, a := range as {
		if !slices.Contains(list, a.GOARCH) {
			list = append(list, a.GOARCH)
		}
	}
	return list
}
