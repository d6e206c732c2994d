package verify

import (
	"errors"
	"fmt"
	"os"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/fetch"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// options turns the section verify into the verifier's options.
func options(r *step.Run) (authenticode.VerifyOptions, error) {
	v := r.Spec.Verify
	roots, err := r.Roots()
	if err != nil {
		return authenticode.VerifyOptions{}, err
	}
	o := authenticode.VerifyOptions{Time: r.Now(), Roots: roots}
	if o.Disallowed, err = r.Disallowed(); err != nil {
		return o, err
	}
	if v.Class != "" {
		if o.Require.Classes, err = authenticode.ClassesNamed(v.Class); err != nil {
			return o, fmt.Errorf("verify.class: %w", err)
		}
	}
	if v.Publisher != "" {
		o.Require.Publishers = []string{v.Publisher}
	}
	if v.RequireTimestamp != nil && !*v.RequireTimestamp {
		o.Allow = append(o.Allow, authenticode.CheckNoTimestamp)
	}
	if v.Revocation == "files" || v.Revocation == "online" {
		o.Revocation.Need = true
		var bad [2]error
		o.Revocation.CRLs, bad[0] = read(r, "revocation list", v.CRLs)
		o.Revocation.OCSP, bad[1] = read(r, "OCSP response", v.OCSP)
		if err := errors.Join(bad[:]...); err != nil {
			return o, err
		}
	}
	if v.Revocation == "online" {
		o.Fetcher = fetch.New(r.Abs(step.StateDir + "/fetched"))
	}
	return o, nil
}

// read reads files and reports every one that cannot be read.
func read(r *step.Run, what string, files []string) ([][]byte, error) {
	var out [][]byte
	var errs []error
	for _, f := range files {
		b, err := os.ReadFile(r.Abs(f))
		if err != nil {
			errs = append(errs, fmt.Errorf("reading %s: %w", what, err))
			continue
		}
		out = append(out, b)
	}
	return out, errors.Join(errs...)
}
