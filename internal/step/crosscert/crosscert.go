// Package crosscert is the step that adds further certificates to a finished
// signature (signtool /ac): cross-certificates for machines that lack a newer
// root. None of the signed bytes change.
package crosscert

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// Step judges and adds the certificates.
func Step() step.Step {
	return step.Step{
		Name:    "crosscert",
		Does:    "add cross-certificates to the signatures",
		Enabled: step.CrossCertifies,
		Units:   units,
	}
}

func units(_ context.Context, r *step.Run) ([]step.Unit, error) {
	s := r.Spec.Sign
	files := append(step.Slashed(s.AdditionalCerts), r.RootFiles()...)
	lists, err := r.ListsID()
	if err != nil {
		return nil, err
	}
	return r.PerArtifact(func(a ledger.Artifact) step.Unit {
		return step.Unit{
			Name: a.File(),
			Config: struct {
				Additional    []string `json:"additional_certs"`
				RequirePathTo string   `json:"require_path_to"`
				Lists         string   `json:"microsoft_lists,omitempty"`
			}{s.AdditionalCerts, s.RequirePathTo, lists},
			Inputs:  append([]string{r.SignatureBefore("crosscert", a)}, files...),
			Outputs: []string{r.Signature("crosscert", a)},
			Do:      func(ctx context.Context) (step.Result, error) { return do(r, a) },
		}
	})
}

func do(r *step.Run, a ledger.Artifact) (step.Result, error) {
	p7, err := os.ReadFile(r.Abs(r.SignatureBefore("crosscert", a)))
	if err != nil {
		return step.Result{}, fmt.Errorf("reading the signature: %w", err)
	}
	extra, err := load(r)
	if err != nil {
		return step.Result{}, err
	}
	report, err := judge(r, p7, extra)
	if err != nil {
		return step.Result{}, err
	}
	out, err := authenticode.PKCS7(p7).AddCertificates(0, extra)
	if err != nil {
		return step.Result{}, err
	}
	var paths []string
	for _, p := range report.Paths {
		r.Console.Detail("path built from the file alone: %s", p)
		paths = append(paths, p.String())
	}
	res := step.Result{Facts: map[string]string{"paths": strings.Join(paths, "; ")}, Note: fmt.Sprintf("%d added", len(extra))}
	return res, r.Write(r.Signature("crosscert", a), out)
}

// load reads all certificate files.
func load(r *step.Run) ([]*x509.Certificate, error) {
	var files []string
	for _, f := range r.Spec.Sign.AdditionalCerts {
		files = append(files, r.Abs(f))
	}
	return trust.Certificates("reading an additional certificate", files)
}

func judge(r *step.Run, p7 []byte, extra []*x509.Certificate) (*authenticode.AdditionalReport, error) {
	sigs, err := authenticode.PKCS7(p7).Signatures()
	if err != nil {
		return nil, err
	}
	leaf, err := sigs[0].SignerCertificate(0)
	if err != nil {
		return nil, err
	}
	embedded, err := sigs[0].X509Certificates()
	if err != nil {
		return nil, err
	}
	roots, err := r.Roots()
	if err != nil {
		return nil, err
	}
	report := authenticode.JudgeAdditional(extra, authenticode.AdditionalOptions{
		Leaf: leaf, Embedded: embedded, Time: r.Now(), Anchors: roots.CodeSigning, RequirePathTo: r.Spec.Sign.RequirePathTo,
	})
	var refused []string
	for _, f := range report.Findings {
		if f.Severity == authenticode.SeverityWarning {
			r.Console.Warn("additional %s", f.Message)
			continue
		}
		refused = append(refused, f.String())
	}
	if len(refused) > 0 {
		return nil, fault.New(fault.Other, "judging the additional certificates: %s", strings.Join(refused, "; ")).
			Hint("leave out certificates that are on no path; sign.additional_certs is for those that machines without newer roots lack")
	}
	return report, nil
}
