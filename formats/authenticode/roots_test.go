package authenticode_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestLoadRoots: roots that are read later count instead of others, and a failure to
// read them is no verdict.
func TestLoadRoots(t *testing.T) {
	pki := formatstest.NewPKI(t)
	file := signed(t, readFile(t, formatstest.GoProgram(t, "amd64")), authenticode.SignOptions{Signer: signer(pki.Leaf)})
	verify := func(load func() (*certchain.Roots, error)) (*authenticode.Report, error) {
		o := authenticode.VerifyOptions{Roots: certchain.NewRoots(pki.UntrustedRoot), LoadRoots: load}
		return authenticode.Verify(t.Context(), bytes.NewReader(file), int64(len(file)), o)
	}
	report, err := verify(func() (*certchain.Roots, error) { return certchain.NewRoots(pki.Root), nil })
	if err != nil || report.Windows != authenticode.VerdictTrusted {
		t.Errorf("with the loaded root: %v, %v", report, err)
	}
	report, err = verify(func() (*certchain.Roots, error) { return nil, os.ErrPermission })
	if report != nil || !errors.Is(err, os.ErrPermission) {
		t.Errorf("roots that cannot be read: %v, %v", report, err)
	}
}
