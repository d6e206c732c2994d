// Package sign is the step that makes the Authenticode signature of each
// program. It writes the PKCS#7 signature beside the program, not into it:
// when a later step has to run again, no second signature is asked for.
package sign

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// Step signs each program on its own, as many at once as the identity allows.
func Step() step.Step {
	return step.Step{
		Name:     "sign",
		Does:     "make the Authenticode signatures",
		Enabled:  step.Signs,
		Units:    units,
		Check:    check,
		Parallel: parallel,
	}
}

// config is what decides a signature, beside the program and the identity's
// files.
type config struct {
	Identity    string
	Digest      string
	Description string
	URL         string `json:"url"`
	PageHashes  bool   `json:"page_hashes"`
	Fetched     bool   `json:"fetch_intermediates"`
	Incomplete  bool   `json:"allow_incomplete_chain"`
	Firmware    bool   `json:"firmware,omitempty"`
}

func units(_ context.Context, r *step.Run) ([]step.Unit, error) {
	s := r.Spec.Sign
	files, err := Files(s)
	if err != nil {
		return nil, err
	}
	us, err := r.PerArtifact(func(a ledger.Artifact) step.Unit {
		return step.Unit{
			Name:    a.File(),
			Config:  config{s.Identity, s.Digest, s.Description, s.URL, s.PageHashes, s.FetchIntermediates, s.AllowIncompleteChain, s.Firmware},
			Inputs:  append([]string{r.Stamped(a)}, files...),
			Outputs: []string{r.Signature("sign", a)},
			Stale:   stale(r, a),
			Do:      func(ctx context.Context) (step.Result, error) { return do(ctx, r, a) },
		}
	})
	if r.UsesTestIdentity() {
		us = append(us, exportRoot(r))
	}
	return us, err
}

// Files are the files that hold the identity and its chain, as inputs of a unit.
func Files(s *spec.Sign) ([]string, error) {
	ref, err := identity.ParseRef(s.Identity)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, f := range append(ref.Files(), s.Chain...) {
		files = append(files, filepath.ToSlash(f))
	}
	return files, nil
}

// check reaches the key and judges the certificate before anything is built.
func check(ctx context.Context, r *step.Run) error {
	id, err := r.Identity(ctx)
	if err != nil {
		return err
	}
	problems := id.Judge(r.Now())
	for _, p := range problems {
		if p.Severity != identity.Error {
			r.Console.Warn("identity %s: %s", id.Ref, p.Text)
		}
	}
	if err := identity.Err(problems); err != nil {
		return fmt.Errorf("identity %s: %w", id.Ref, err)
	}
	return nil
}

// parallel is what the spec says, else what the identity allows.
func parallel(r *step.Run) int {
	if n := r.Spec.Sign.Parallel; n > 0 {
		return n
	}
	if ref, err := identity.ParseRef(r.Spec.Sign.Identity); err == nil {
		return ref.Parallel()
	}
	return 0 // validation has refused such a form
}

func do(ctx context.Context, r *step.Run, a ledger.Artifact) (step.Result, error) {
	id, err := r.Identity(ctx)
	if err != nil {
		return step.Result{}, err
	}
	o, err := Options(r, id)
	if err != nil {
		return step.Result{}, err
	}
	p7, err := signature(ctx, r.Abs(r.Stamped(a)), o)
	if err != nil {
		return step.Result{}, err
	}
	in, err := testInputs(r, id)
	if err != nil {
		return step.Result{}, err
	}
	cert, err := signerOf(p7) // of a service that renews certificates it may be another than the identity's
	if err != nil {
		return step.Result{}, err
	}
	res := step.Result{Inputs: in, Facts: facts(id, cert), Note: "by " + cert.Subject.CommonName}
	return res, r.Write(r.Signature("sign", a), p7)
}

// Options are the signing options of the release.
func Options(r *step.Run, id *identity.Identity) (authenticode.SignOptions, error) {
	s := r.Spec.Sign
	hash, err := cms.ParseHash(s.Digest)
	return authenticode.SignOptions{
		Signer:      cms.Signer{Key: id.Key, Certificate: id.Certificate, Chain: id.Embedded(), Hash: hash},
		Description: s.Description,
		URL:         s.URL,
		PageHashes:  s.PageHashes,
		Firmware:    s.Firmware,
	}, err
}

// signature makes the signature of the program at path.
func signature(ctx context.Context, path string, o authenticode.SignOptions) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the program: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("reading the program: %w", err)
	}
	p7, err := authenticode.SignDetached(ctx, f, st.Size(), o)
	if errors.Is(err, authenticode.ErrSigned) {
		return nil, fault.New(fault.Other, "the compiled program carries a signature already").
			Hint("sign it here or in the goreleaser configuration, not in both")
	}
	if err != nil {
		return nil, linkHint(err)
	}
	return p7, nil
}

// linkHint describes how a program is linked that Windows takes.
func linkHint(err error) error {
	var layout *authenticode.LayoutError
	if !errors.As(err, &layout) {
		return err
	}
	return fault.New(fault.Verification, "%w", err).Hint("%s", layout.Fault.Advice()).
		Hint("sign.firmware: true signs it for UEFI firmware, which accepts such programs")
}

func facts(id *identity.Identity, c *x509.Certificate) map[string]string {
	s1, s256 := sha1.Sum(c.Raw), sha256.Sum256(c.Raw)
	return map[string]string{
		"identity":          id.Ref,
		"signer":            c.Subject.CommonName,
		"issuer":            c.Issuer.CommonName,
		"thumbprint_sha1":   strings.ToUpper(hex.EncodeToString(s1[:])),
		"thumbprint_sha256": strings.ToUpper(hex.EncodeToString(s256[:])),
		"not_after":         c.NotAfter.UTC().Format(time.RFC3339),
		"class":             string(certchain.Classify(c)),
		"test":              fmt.Sprint(id.Test),
	}
}

// exportRoot is the unit that exports the root of the test identity.
func exportRoot(r *step.Run) step.Unit {
	u := step.Unit{
		Name:    "test root",
		Shown:   step.TestRoot + ".cer, which a test machine has to trust",
		Config:  struct{ Identity string }{identity.KindTest},
		Outputs: []string{step.TestRoot + ".pem", step.TestRoot + ".cer"},
	}
	u.Do = func(ctx context.Context) (step.Result, error) {
		id, err := r.Identity(ctx)
		if err != nil {
			return step.Result{}, err
		}
		in, err := testInputs(r, id)
		if err != nil {
			return step.Result{}, err
		}
		if err := r.Write(step.TestRoot+".pem", id.RootPEM()); err != nil {
			return step.Result{}, err
		}
		return step.Result{Inputs: in}, r.Write(step.TestRoot+".cer", id.RootDER())
	}
	return u
}

// testInputs names the certificate of a test identity, which exists only once
// the identity has been opened.
func testInputs(r *step.Run, id *identity.Identity) ([]string, error) {
	if !id.Test {
		return nil, nil
	}
	cert, err := identity.TestCertificateFile(r.Abs(step.StateDir))
	if err != nil {
		return nil, err
	}
	rel, err := filepath.Rel(r.Root, cert)
	return []string{filepath.ToSlash(rel)}, err
}
