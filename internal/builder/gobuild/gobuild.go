// Package gobuild is the builder that needs nothing but Go: plain go build,
// with the flags and the environment that the goreleaser builder uses too, so
// the programs are the same to the last byte.
package gobuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/childproc"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// maxParallel bounds the go commands that run at once. Each compiles in
// parallel on its own; only linking gains from a second one.
const maxParallel = 4

// Builder runs go build.
type Builder struct {
	// Env is the environment to start from. nil: that of this process.
	Env []string
}

// Name is go.
func (Builder) Name() string { return "go" }

func (b Builder) env() []string {
	if b.Env != nil {
		return b.Env
	}
	return os.Environ()
}

// Version is that of the Go toolchain, such as go1.26.8.
func (b Builder) Version(ctx context.Context) (string, error) {
	t, err := builder.FindGo(ctx, "", b.env())
	if err != nil {
		return "", err
	}
	return t.Version, nil
}

// Build compiles every binary for every target.
func (b Builder) Build(ctx context.Context, req builder.Request) ([]builder.Artifact, error) {
	if req.Spec.Config != "" {
		return nil, fault.New(fault.Usage, "build.config is a goreleaser configuration, which the builder go cannot read").
			Hint("set build.builder to goreleaser, or remove build.config")
	}
	jobs, err := builder.Plan(req.Spec)
	if err != nil {
		return nil, err
	}
	work, err := builder.Workshop(req.Out)
	if err != nil {
		return nil, err
	}
	defer atomicfile.RemoveAll(work)
	made, err := b.compileAll(ctx, req, jobs, work)
	if err != nil {
		return nil, err
	}
	return builder.Place(ctx, made, req.Out, req.Date)
}

// compileAll goes on after a failure, to report everything that is wrong.
func (b Builder) compileAll(ctx context.Context, req builder.Request, jobs []builder.Job, work string) ([]builder.Artifact, error) {
	made := make([]builder.Artifact, len(jobs))
	failed := make([]error, len(jobs))
	var group errgroup.Group
	group.SetLimit(min(maxParallel, runtime.NumCPU()))
	for i, job := range jobs {
		group.Go(func() error {
			made[i], failed[i] = b.compile(ctx, req, job, work)
			return nil
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return made, join(jobs, failed)
}

func (b Builder) compile(ctx context.Context, req builder.Request, job builder.Job, work string) (builder.Artifact, error) {
	a := job.Artifact()
	a.Path = filepath.Join(work, a.Key(), a.Name)
	args := append([]string{"build"}, builder.Flags(req.Spec)...)
	if len(req.Spec.Tags) > 0 {
		args = append(args, "-tags="+strings.Join(req.Spec.Tags, ","))
	}
	flags, err := builder.LDFlags(req, job.Binary)
	if err != nil {
		return a, err
	}
	if flags != "" {
		args = append(args, "-ldflags="+flags)
	}
	if builder.IsDLL(job.Binary) {
		if err := builder.CheckCCompiler(job.Target.GOARCH); err != nil {
			return a, err
		}
		args = append(args, "-buildmode=c-shared")
	}
	_, err = childproc.Run(ctx, childproc.Cmd{
		Path: "go",
		Args: append(args, "-o", a.Path, job.Binary.Main),
		Dir:  req.Root,
		Env:  builder.JobEnvironment(b.env(), req, job),
		Live: req.Log,
	})
	return a, err
}

// join makes one error of many, saying once what several targets have in
// common: a compile error is usually the same for all of them.
func join(jobs []builder.Job, failed []error) error {
	var order []string
	where, cause := map[string][]string{}, map[string]error{}
	for i, err := range failed {
		if err == nil {
			continue
		}
		key := jobs[i].Binary.ID + "\n" + err.Error()
		if where[key] == nil {
			order = append(order, key)
		}
		where[key] = append(where[key], jobs[i].Target.String())
		cause[key] = err
	}
	var all []error
	for _, key := range order {
		id, _, _ := strings.Cut(key, "\n")
		all = append(all, fmt.Errorf("compiling %s for %s: %w", id, strings.Join(where[key], ", "), cause[key]))
	}
	return errors.Join(all...)
}
