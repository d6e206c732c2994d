package step

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/builder/prebuilt"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// Run is all that a step sees of the world.
type Run struct {
	// Spec is the release.yaml, defaulted and validated, with the version
	// resolved and what git says about the source.
	Spec *spec.Spec
	// Root is the absolute path of the project.
	Root string
	// Env is the environment of the programs that steps run; it holds no
	// secrets.
	Env []string
	// Now is the clock.
	Now func() time.Time
	// Lists are Microsoft's lists of roots and of disallowed certificates.
	Lists trust.Store
	// Ledger of the release.
	Ledger *ledger.Ledger
	// Identity opens the signing identity, once for the whole run.
	Identity func(context.Context) (*identity.Identity, error)
	// Stamper opens the time servers, once for the whole run.
	Stamper func(context.Context) (Stamper, error)
	// Toolchain is what the go command says of itself, asked once for the
	// whole run.
	Toolchain func(context.Context) (*builder.Toolchain, error)
	// Builder picks the builder, once for the whole run.
	Builder func(context.Context) (builder.Builder, error)
	// Listing asks for the packages of the programs, each question once for
	// the whole run.
	Listing builder.Listing
	// Templates are the built-in templates, folders wdac and portal.
	Templates fs.FS
	// Console shows notes and warnings.
	Console *console.Console

	written written
	once    sync.Map // of *memo, by key
}

type memo struct {
	do  sync.Once
	err error
}

// Once runs f the first time that key is asked for in this run, and returns
// its result to all who ask.
func (r *Run) Once(key string, f func() error) error {
	v, _ := r.once.LoadOrStore(key, &memo{})
	m := v.(*memo)
	m.do.Do(func() { m.err = f() })
	return m.err
}

// Stamper gets a timestamp for a signature.
type Stamper interface {
	// Stamp returns the DER of an RFC 3161 token over the signature value
	// and the name of the server that gave it.
	Stamp(ctx context.Context, signature []byte) (token []byte, server string, err error)
}

// Artifacts are the programs of the release: those that the spec names, or, with
// a goreleaser configuration of its own, those of the last build.
func (r *Run) Artifacts() ([]ledger.Artifact, error) {
	if len(r.Spec.Build.Binaries) == 0 {
		return r.Ledger.Artifacts(), nil
	}
	programs, err := r.Programs()
	if err != nil {
		return nil, err
	}
	out := make([]ledger.Artifact, len(programs))
	for i, p := range programs {
		out[i] = p.Artifact
	}
	return out, nil
}

// Program is one program of the release and where it comes from: compiled
// (Job), or built by something else (File).
type Program struct {
	ledger.Artifact
	Job  builder.Job
	File builder.Artifact
}

// Programs are those that the spec names, sorted. A file that build.before may
// still write can be missing.
func (r *Run) Programs() ([]Program, error) {
	jobs, err := builder.Plan(&r.Spec.Build)
	if err != nil {
		return nil, err
	}
	var out []Program
	for _, j := range jobs {
		out = append(out, Program{Artifact: Recorded(j.Artifact()), Job: j})
	}
	var problems []spec.Problem
	for i, b := range r.Spec.Build.Binaries {
		if b.File == "" {
			continue
		}
		files, wrong := prebuilt.Find(r.Root, b, fmt.Sprintf("build.binaries[%d]", i))
		if len(files) > 0 || len(r.Spec.Build.Before) == 0 {
			problems = append(problems, wrong...)
		}
		for _, f := range files {
			out = append(out, Program{Artifact: Recorded(f), File: f})
		}
	}
	slices.SortFunc(out, func(a, b Program) int { return strings.Compare(a.Artifact.File(), b.Artifact.File()) })
	return out, r.Spec.Refuse(problems)
}

// Recorded is what the ledger keeps of a program that a builder makes.
func Recorded(a builder.Artifact) ledger.Artifact {
	a.Path = BuildDir + "/" + a.File()
	return a
}

// PerArtifact makes one unit for each program.
func (r *Run) PerArtifact(unit func(ledger.Artifact) Unit) ([]Unit, error) {
	as, err := r.Artifacts()
	if err != nil {
		return nil, err
	}
	units := make([]Unit, 0, len(as))
	for _, a := range as {
		u := unit(a)
		u.Shown, u.Group, u.Part = a.Name+" "+Target(a), a.Name, Target(a)
		units = append(units, u)
	}
	return units, nil
}

// Request is what a builder is asked for; the caller narrows its Spec down to
// what is to be compiled.
func (r *Run) Request() builder.Request {
	return builder.Request{
		Root: r.Root, Out: r.Abs(BuildDir), Spec: &r.Spec.Build, Project: &r.Spec.Project,
		Version: r.Spec.Project.Version, Variables: r.Spec.LinkerVariables(), Commit: r.Spec.Source.Commit, Date: r.Spec.Source.Time,
		Trying: r.Spec.Sign == nil || r.UsesTestIdentity(), Log: r.Console.Child(),
	}
}

// Target is that of a program as release.yaml names it.
func Target(a ledger.Artifact) string {
	if a.Level != "" {
		return a.GOOS + "/" + a.GOARCH + "/" + a.Level
	}
	return a.GOOS + "/" + a.GOARCH
}
