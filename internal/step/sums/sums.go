// Package sums is the last step: it reads everything that is shipped once more,
// and writes the SHA-256 of what is published, in the form that sha256sum -c
// reads beside the downloaded files.
package sums

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// shipped are the steps whose outputs are shipped beside the programs.
var shipped = []string{"catalog", "wdac", "package"}

// Step writes dist/package/SHA256SUMS.
func Step() step.Step {
	return step.Step{
		Name:    "sums",
		Does:    "write SHA256SUMS over the files to publish",
		Enabled: func(*spec.Spec) bool { return true },
		Units:   units,
		Fresh:   true,
	}
}

func units(_ context.Context, r *step.Run) ([]step.Unit, error) {
	u := step.Unit{Name: "SHA256SUMS", Outputs: []string{step.SumsPath}}
	as, err := r.Artifacts()
	if err != nil {
		return nil, err
	}
	for _, a := range as {
		u.Inputs = append(u.Inputs, r.Released(a))
	}
	for _, name := range shipped {
		for _, rec := range r.Ledger.Records(name) {
			for out := range rec.Outputs {
				if !strings.HasPrefix(out, step.EvidenceDir+"/") {
					u.Inputs = append(u.Inputs, out)
				}
			}
		}
	}
	sort.Strings(u.Inputs)
	u.Do = func(context.Context) (step.Result, error) { return step.Result{}, do(r, u.Inputs) }
	return []step.Unit{u}, nil
}

func do(r *step.Run, files []string) error {
	sums := map[string]string{}
	var b strings.Builder
	for _, f := range files {
		sum, err := r.Confirm(f)
		if err != nil {
			return err
		}
		sums[f] = sum.SHA256
		if name, published := strings.CutPrefix(f, step.PackageDir+"/"); published {
			fmt.Fprintf(&b, "%s  %s\n", sum.SHA256, name)
		}
	}
	if err := r.Write(step.SumsPath, []byte(b.String())); err != nil {
		return err
	}
	if err := again(r, files); err != nil {
		// Nothing may look like a finished release.
		return errors.Join(err, os.Remove(r.Abs(step.SumsPath)))
	}
	r.Ledger.SetShipped(sums)
	return nil
}

// again reads all that is shipped once more, after the sums are written.
func again(r *step.Run, files []string) error {
	var errs []error
	for _, f := range files {
		_, err := r.Confirm(f)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
