package step

import (
	"context"
	"io/fs"
	"time"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/spec"
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
	// Templates are the built-in templates, folders wdac and portal.
	Templates fs.FS
	// Console shows notes and warnings.
	Console *console.Console

	written written
}

// Stamper gets a timestamp for a signature.
type Stamper interface {
	// Stamp returns the DER of an RFC 3161 token over the signature value
	// and the name of the server that gave it.
	Stamp(ctx context.Context, signature []byte) (token []byte, server string, err error)
}

// Artifacts are the programs of the release: those of the last build, or,
// before the first one, those that the spec names. A spec with a goreleaser
// configuration of its own names none until it has been built.
func (r *Run) Artifacts() ([]ledger.Artifact, error) {
	if as := r.Ledger.Artifacts(); len(as) > 0 {
		return as, nil
	}
	if r.Spec.Build.Config != "" {
		return nil, nil
	}
	jobs, err := builder.Plan(&r.Spec.Build)
	if err != nil {
		return nil, err
	}
	var out []ledger.Artifact
	for _, j := range jobs {
		a := j.Artifact()
		out = append(out, ledger.Artifact{ID: a.ID, Name: a.Name, GOOS: a.GOOS, GOARCH: a.GOARCH, Path: BuildDir + "/" + a.Dir() + "/" + a.Name})
	}
	return out, nil
}

// PerArtifact makes one unit for each program.
func (r *Run) PerArtifact(unit func(ledger.Artifact) Unit) ([]Unit, error) {
	as, err := r.Artifacts()
	if err != nil {
		return nil, err
	}
	units := make([]Unit, 0, len(as))
	for _, a := range as {
		units = append(units, unit(a))
	}
	return units, nil
}
