// Package before is the step that runs the commands of build.before: code
// generators and their like. What they write into the project is source code,
// so the step remembers it, but never removes it.
package before

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/childproc"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/gitinfo"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/spec/ldflags"
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/step/before/snapshot"
)

// Step runs all commands as one unit, one after the other.
func Step() step.Step {
	return step.Step{
		Name:    "before",
		Does:    "run the commands of build.before",
		PartOf:  "build",
		Enabled: func(s *spec.Spec) bool { return len(s.Build.Before) > 0 },
		Units:   units,
	}
}

// config is what decides what the commands do, beside the files of the tree.
type config struct {
	Commands []string
	Env      map[string]string `json:",omitempty"`
	Commit   string            `json:",omitempty"`
	// Always is set where a change of the tree cannot be seen.
	Always int64 `json:"every_time,omitempty"`
}

func units(ctx context.Context, r *step.Run) ([]step.Unit, error) {
	b := r.Spec.Build
	c := config{Commands: b.Before, Env: b.Env, Commit: r.Spec.Source.Commit}
	changed, err := changed(ctx, r)
	if err != nil {
		return nil, err
	}
	if c.Commit == "" {
		c.Always = r.Now().UnixNano()
	}
	return []step.Unit{{
		Name: "commands", Shown: strings.Join(b.Before, "; "), Config: c, Inputs: changed,
		Do: func(ctx context.Context) (step.Result, error) { return do(ctx, r) },
	}}, nil
}

// changed lists the files that differ from the commit and exist. Together with
// the commit they describe what the commands find.
func changed(ctx context.Context, r *step.Run) ([]string, error) {
	if r.Spec.Source.Commit == "" {
		return nil, nil
	}
	files, err := gitinfo.Dirty(ctx, r.Root, r.Env, r.Ours()...)
	if err != nil {
		return nil, err
	}
	return snapshot.Files(r.Root, files)
}

func do(ctx context.Context, r *step.Run) (step.Result, error) {
	old, err := snapshot.Take(r.Root, r.Ours()...)
	if err != nil {
		return step.Result{}, fmt.Errorf("looking at the project's files: %w", err)
	}
	for _, line := range r.Spec.Build.Before {
		if err := run(ctx, r, line); err != nil {
			return step.Result{}, err
		}
	}
	now, err := snapshot.Take(r.Root, r.Ours()...)
	if err != nil {
		return step.Result{}, fmt.Errorf("looking at the project's files: %w", err)
	}
	written := old.Changed(now)
	inputs, err := changed(ctx, r)
	if err != nil {
		return step.Result{}, err
	}
	inputs = append(inputs, written...)
	slices.Sort(inputs)
	return step.Result{Inputs: slices.Compact(inputs), Note: wrote(len(written)), Facts: map[string]string{"files_written": fmt.Sprint(len(written))}}, nil
}

func wrote(n int) string {
	switch n {
	case 0:
		return "wrote nothing new"
	case 1:
		return "wrote 1 file"
	}
	return fmt.Sprintf("wrote %d files", n)
}

func run(ctx context.Context, r *step.Run, line string) error {
	words, err := ldflags.Words(line)
	if err != nil || len(words) == 0 {
		return fault.New(fault.Usage, "build.before: %q: %v", line, err)
	}
	env := slices.Clone(r.Env)
	for name, value := range r.Spec.Build.Env {
		env = append(env, name+"="+value)
	}
	_, err = childproc.Run(ctx, childproc.Cmd{Path: words[0], Args: words[1:], Dir: r.Root, Env: env, Live: r.Console.Child()})
	if errors.Is(err, exec.ErrNotFound) {
		return fault.New(fault.Other, "build.before: %q: %s is not in PATH", line, words[0]).Hint("install it, or delete the line")
	}
	if err != nil {
		return fmt.Errorf("build.before: %q: %w", line, err)
	}
	return nil
}
