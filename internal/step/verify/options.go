package verify

import (
	"fmt"
	"slices"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/fetch"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// Options turns the section verify into the verifier's options. The files that
// it reads are Files.
func Options(r *step.Run) (authenticode.VerifyOptions, error) {
	v := r.Spec.Verify
	roots, err := r.Roots()
	if err != nil {
		return authenticode.VerifyOptions{}, err
	}
	o := authenticode.VerifyOptions{Time: r.Now(), Roots: roots, Firmware: r.Spec.Sign != nil && r.Spec.Sign.Firmware}
	for _, name := range allowances(r.Spec) {
		o.Allow = append(o.Allow, authenticode.Check(name))
	}
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
		if o.Revocation, err = trust.Revocation(r.AbsAll(v.CRLs), r.AbsAll(v.OCSP)); err != nil {
			return o, err
		}
		o.Revocation.Need = true
	}
	if v.Revocation == "online" {
		o.Fetcher = fetch.New(r.Abs(step.StateDir + "/fetched"))
	}
	return o, nil
}

// Files are the files that Options reads, as inputs of a unit.
func Files(r *step.Run) []string {
	files := r.RootFiles()
	if v := r.Spec.Verify; v != nil {
		files = append(append(files, step.Slashed(v.CRLs)...), step.Slashed(v.OCSP)...)
	}
	return files
}

// allowances are the checks that only warn: what a time server may do without
// is not held against its stamps either.
func allowances(s *spec.Spec) []string {
	if s.Timestamp == nil {
		return s.Verify.Allow
	}
	return slices.Concat(s.Verify.Allow, s.Timestamp.Allow)
}
