package step

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// TestRoot is where the root of the test identity is exported to, as PEM
// (.pem) and DER (.cer), for other tools that are to trust it.
const TestRoot = Dist + "/test-root"

// UsesTestIdentity tells whether the release is signed by the throw-away
// identity.
func (r *Run) UsesTestIdentity() bool {
	return r.Spec.Sign != nil && r.Spec.Sign.Identity == identity.KindTest
}

// Roots are the trust anchors of this release: the usual ones unless the spec
// wants only its own, those of the spec, and the test root of a test release.
func (r *Run) Roots() (*authenticode.Roots, error) {
	roots := &authenticode.Roots{CodeSigning: authenticode.NewPool(), TimeStamping: authenticode.NewPool()}
	v := r.Spec.Verify
	if v == nil || !v.OnlyTheseRoots {
		builtin, err := trust.Defaults(r.Abs(StateDir + "/" + trust.File))
		if err != nil {
			return nil, err
		}
		roots.Add(builtin)
	}
	if r.UsesTestIdentity() {
		certs, err := r.certificates([]string{TestRoot + ".pem"})
		if err != nil {
			return nil, err
		}
		roots.Add(authenticode.NewRoots(certs...))
	}
	if v == nil {
		return roots, nil
	}
	code, err1 := r.certificates(v.Roots)
	stamp, err2 := r.certificates(v.TimestampRoots)
	roots.CodeSigning.Add(code...)
	roots.TimeStamping.Add(stamp...)
	return roots, errors.Join(err1, err2)
}

// certificates reads certificate files and reports every one that cannot be
// read.
func (r *Run) certificates(files []string) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	var errs []error
	for _, f := range files {
		b, err := os.ReadFile(r.Abs(f))
		if err != nil {
			errs = append(errs, fmt.Errorf("reading a root certificate: %w", err))
			continue
		}
		certs, err := authenticode.ParseCertificates(b)
		if err != nil {
			errs = append(errs, fmt.Errorf("reading a root certificate: %s: %w", f, err))
		}
		all = append(all, certs...)
	}
	return all, errors.Join(errs...)
}
