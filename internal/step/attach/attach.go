// Package attach is the step that puts program and signature together. Only
// finished programs ever appear in dist/release, and making them again costs
// neither a signature nor a timestamp.
package attach

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// Step writes the programs as they are shipped.
func Step() step.Step {
	return step.Step{
		Name:    "attach",
		Title:   title,
		Does:    "put programs and signatures together in dist/release",
		Enabled: func(*spec.Spec) bool { return true },
		Units:   units,
	}
}

// title of the step: without signatures it only puts the programs into
// dist/release.
func title(s *spec.Spec) string {
	if step.Signs(s) {
		return "attach signatures"
	}
	return "collect"
}

func units(_ context.Context, r *step.Run) ([]step.Unit, error) {
	return r.PerArtifact(func(a ledger.Artifact) step.Unit {
		u := step.Unit{Name: a.File(), Inputs: []string{r.Stamped(a)}, Outputs: []string{r.Released(a)}}
		sig := r.SignatureBefore("attach", a)
		if sig != "" {
			u.Inputs = append(u.Inputs, sig)
		}
		u.Do = func(ctx context.Context) (step.Result, error) { return step.Result{}, do(ctx, r, a, sig) }
		return u
	})
}

func do(ctx context.Context, r *step.Run, a ledger.Artifact, sig string) error {
	program := r.Abs(r.Stamped(a))
	if sig == "" {
		return r.WriteFunc(r.Released(a), func(dst *os.File) error { return copyTo(dst, program) })
	}
	p7, err := os.ReadFile(r.Abs(sig))
	if err != nil {
		return fmt.Errorf("reading the signature: %w", err)
	}
	return r.WriteFunc(r.Released(a), func(dst *os.File) error { return attach(ctx, dst, program, p7) })
}

func copyTo(dst *os.File, program string) error {
	f, err := os.Open(program)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(dst, f)
	return err
}

func attach(ctx context.Context, dst *os.File, program string, p7 []byte) error {
	f, err := os.Open(program)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	// Attach refuses a signature that is not over this program.
	_, err = authenticode.Attach(ctx, f, st.Size(), dst, p7, authenticode.ExistingRefuse)
	return err
}
