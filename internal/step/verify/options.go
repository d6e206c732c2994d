package verify

import (
	"errors"
	"fmt"
	"os"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/fetch"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// classes by their names in verify.class.
var classes = map[string][]authenticode.Class{
	"ev":               {authenticode.ClassEV},
	"ov":               {authenticode.ClassOV, authenticode.ClassEV}, // EV is more than OV
	"artifact-signing": {authenticode.ClassArtifactSigningPublic},
}

// options turns the section verify into the verifier's options.
func options(r *step.Run) (authenticode.VerifyOptions, error) {
	v := r.Spec.Verify
	roots, err := r.Roots()
	if err != nil {
		return authenticode.VerifyOptions{}, err
	}
	o := authenticode.VerifyOptions{Time: r.Now(), Roots: roots}
	if v.Class != "" {
		o.Require.Classes = classes[v.Class]
	}
	if v.RequireTimestamp != nil && !*v.RequireTimestamp {
		o.Allow = append(o.Allow, authenticode.CheckNoTimestamp)
	}
	if v.Revocation == "files" || v.Revocation == "online" {
		o.Revocation.Need = true
		if o.Revocation.CRLs, err = crls(r, v.CRLs); err != nil {
			return o, err
		}
	}
	if v.Revocation == "online" {
		o.Fetcher = fetch.New(r.Abs(step.StateDir))
	}
	return o, nil
}

// crls reads revocation lists and reports every one that cannot be read.
func crls(r *step.Run, files []string) ([][]byte, error) {
	var out [][]byte
	var errs []error
	for _, f := range files {
		b, err := os.ReadFile(r.Abs(f))
		if err != nil {
			errs = append(errs, fmt.Errorf("reading a revocation list: %w", err))
			continue
		}
		out = append(out, b)
	}
	return out, errors.Join(errs...)
}
