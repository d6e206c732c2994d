package builder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/builder/golist"
	"github.com/hallmark-dev/hallmark/internal/childproc"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/spec"
)

// Toolchain is what go env says about the installed Go.
type Toolchain struct {
	// Version such as go1.26.8.
	Version string `json:"GOVERSION"`
	// Work is the path of a workspace file, if one is active.
	Work string `json:"GOWORK"`
	// Experiment lists the compiler experiments that are on.
	Experiment string `json:"GOEXPERIMENT"`
}

// FindGo asks the go command in PATH, as it would run in root. env is the
// caller's environment.
func FindGo(ctx context.Context, root string, env []string) (*Toolchain, error) {
	out, err := childproc.Run(ctx, childproc.Cmd{
		Path: "go", Args: []string{"env", "-json", "GOVERSION", "GOWORK", "GOEXPERIMENT"}, Dir: root, Env: env,
	})
	if errors.Is(err, exec.ErrNotFound) {
		return nil, fault.New(fault.Other, "the go command is not in PATH").Hint("install Go from https://go.dev/dl/")
	}
	if err != nil {
		return nil, fmt.Errorf("asking go for its settings: %w", err)
	}
	var t Toolchain
	if err := json.Unmarshal([]byte(out), &t); err != nil {
		return nil, fmt.Errorf("reading the answer of go env: %v", err)
	}
	return &t, nil
}

// Listing asks for the packages of the programs for one machine, with cgo or
// without.
type Listing func(ctx context.Context, goarch string, cgo bool) ([]golist.Package, error)

// List is a Listing for the programs of req, or, with a goreleaser
// configuration of the user's, for all packages of the module. env is the
// caller's environment.
func List(req Request, env []string) Listing {
	return func(ctx context.Context, goarch string, cgo bool) ([]golist.Package, error) {
		job := Job{Target: Target{GOOS: "windows", GOARCH: goarch}}
		q := golist.Query{Root: req.Root, GOARCH: goarch, Tags: req.Spec.Tags, Flags: req.Spec.Flags}
		for _, b := range req.Spec.Binaries {
			if b.File == "" && IsDLL(b) == cgo {
				q.Packages = append(q.Packages, b.Main)
				job.Binary = b
			}
		}
		if req.Spec.Config != "" {
			q.Packages = []string{"./..."}
		}
		if len(q.Packages) == 0 {
			return nil, nil
		}
		q.Env = Environment(env, Settings(req, job)...)
		return golist.List(ctx, q)
	}
}

// Check judges what can be known before anything is compiled: compiler
// settings, version control, packages, linker variables. It returns what is
// worth a remark and all that is wrong with the spec; err is for what stands
// elsewhere. env is the caller's environment.
func Check(ctx context.Context, req Request, t *Toolchain, list Listing, env []string) (notes []string, problems []spec.Problem, err error) {
	if t.Experiment != "" && Value(env, "GOEXPERIMENT") == "" && req.Spec.Env["GOEXPERIMENT"] == "" { // of the environment nothing is taken over
		return nil, nil, fault.New(fault.Other, "go env -w has set GOEXPERIMENT=%s, which changes the compiled bytes", t.Experiment).
			Hint("run: go env -u GOEXPERIMENT, or write it below build.env")
	}
	note, err := CheckVCS(ctx, req, env)
	if err != nil {
		return nil, nil, err
	}
	if note != "" {
		notes = append(notes, note)
	}
	if _, err := Plan(req.Spec); err != nil {
		return nil, nil, err
	}
	if req.Spec.Config != "" {
		return notes, nil, nil // goreleaser judges what is its own
	}
	work := ignoredWorkspace(req, t)
	if work != "" {
		notes = append(notes, fmt.Sprintf("%s is not used: a release is built from go.mod alone (build.workspace: on uses it)", work))
	}
	var all []golist.Package
	for _, cgo := range []bool{false, true} { // programs, and DLLs
		packages, n, p, err := checkPrograms(ctx, req, list, cgo, work)
		if err != nil {
			return nil, nil, err
		}
		all, notes, problems = append(all, packages...), append(notes, n...), append(problems, p...)
	}
	if len(problems) == 0 {
		problems = checkVariables(req.Spec, all)
	}
	return notes, problems, nil
}

// ignoredWorkspace is the path of the workspace file that would be in force
// without the release, or empty.
func ignoredWorkspace(req Request, t *Toolchain) string {
	if req.Spec.Workspace == "on" || t.Work == "" || t.Work == "off" {
		return ""
	}
	return t.Work
}

func checkPrograms(ctx context.Context, req Request, list Listing, cgo bool, work string) (packages []golist.Package, notes []string, problems []spec.Problem, err error) {
	mine := func(b spec.Binary) bool { return b.File == "" && IsDLL(b) == cgo }
	if !slices.ContainsFunc(req.Spec.Binaries, mine) {
		return nil, nil, nil, nil
	}
	target, err := ParseTarget(req.Spec.Targets[0])
	if err != nil {
		return nil, nil, nil, err
	}
	if packages, err = list(ctx, target.GOARCH, cgo); err != nil {
		return nil, nil, nil, err
	}
	for i, b := range req.Spec.Binaries {
		if mine(b) {
			problems = append(problems, checkMain(fmt.Sprintf("build.binaries[%d].main", i), b.Main, packages)...)
		}
	}
	if len(problems) == 0 {
		problems = checkNeeded(packages, target.GOARCH, req.Spec.Tags, work)
	}
	if len(problems) == 0 && !cgo {
		notes = cgoNotes(packages, target.GOARCH, req.Spec.Tags)
	}
	return packages, notes, problems, nil
}

// checkMain makes sure that a binary's main is exactly one package, that it
// exists, and that it is a program.
func checkMain(field, pattern string, packages []golist.Package) []spec.Problem {
	var found []golist.Package
	for _, p := range packages {
		if slices.Contains(p.Match, pattern) {
			found = append(found, p)
		}
	}
	if len(found) != 1 {
		return []spec.Problem{{Path: field, Message: fmt.Sprintf("%q matches %d packages, not one", pattern, len(found)),
			Hint: "name the folder of one program, such as ./cmd/app"}}
	}
	p := found[0]
	if p.Error != nil {
		return []spec.Problem{{Path: field, Message: fmt.Sprintf("package %s: %s", pattern, strings.TrimSpace(p.Error.Err)),
			Hint: "name the folder of a program, relative to release.yaml, such as ./cmd/app"}}
	}
	if p.Name != "main" {
		return []spec.Problem{{Path: field, Message: fmt.Sprintf("package %s is a library (package %s), not a program", pattern, p.Name),
			Hint: "a program's files begin with: package main"}}
	}
	return nil
}

// checkNeeded reports what the programs need and cannot have.
func checkNeeded(packages []golist.Package, goarch string, tags []string, work string) []spec.Problem {
	var problems []spec.Problem
	for _, p := range packages {
		if p.Error == nil || p.Standard {
			continue
		}
		one := spec.Problem{Path: "build", Message: strings.TrimSpace(p.Error.Err), Hint: "go build gives the same error; go mod tidy often helps"}
		if p.Error.Pos != "" {
			one.Message = p.Error.Pos + ": " + one.Message
		}
		switch {
		case len(p.CgoLeftOut(goarch, tags)) > 0:
			one.Message = fmt.Sprintf("the package %s needs cgo, which a release does not use", p.ImportPath)
			one.Hint = "use a package without cgo, or let your own build compile the program and name the result: binaries: [{file: bin/app.exe}]"
		case work != "":
			one.Hint = fmt.Sprintf("a release does not use %s; build.workspace: on uses it", work)
		}
		problems = append(problems, one)
	}
	return problems
}

// cgoNotes names the packages outside the standard library of which a release
// leaves something out because cgo is off: what remains may be a stub.
func cgoNotes(packages []golist.Package, goarch string, tags []string) []string {
	var notes []string
	for _, p := range packages {
		if !p.Standard && len(p.CgoLeftOut(goarch, tags)) > 0 {
			notes = append(notes, fmt.Sprintf("%s has cgo files, which a release leaves out; make sure that the program does not need them", p.ImportPath))
		}
	}
	return notes
}
