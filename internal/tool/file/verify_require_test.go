package file

import (
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// TestVerifyFlags: what is required of the publisher, and what CRL and OCSP
// files say, decides; flags that could never be met are refused.
func TestVerifyFlags(t *testing.T) {
	pki := formatstest.NewPKI(t)
	leaf := pki.Leaf
	exe := filepath.Join(t.TempDir(), "a.exe")
	err := Sign(context.Background(), console.Discard(), Signing{
		Files:  args.Files{In: formatstest.GoProgram(t, "amd64"), Out: exe},
		Signer: args.Signer{Key: args.Key{Identity: "pem:" + leaf.KeyFile(t) + "," + leaf.CertFile(t), Chain: leaf.RootFile(t)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := func(b []byte) string {
		f := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(f, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return f
	}
	answer := func(status int) string {
		b, err := ocsp.CreateResponse(pki.Intermediate, pki.Intermediate, ocsp.Response{Status: status, SerialNumber: leaf.Certificate.SerialNumber,
			ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour), RevokedAt: time.Now().AddDate(0, -1, 0)}, pki.IntermediateKey())
		if err != nil {
			t.Fatal(err)
		}
		return file(b)
	}
	const good = 0
	crl := file(pki.CRL(t, time.Now(), big.NewInt(1)))
	root := leaf.RootFile(t) // flags are lists with commas, and so are the names of some cases
	thumb := fmt.Sprintf("%X", sha1.Sum(leaf.Certificate.Raw))
	for name, c := range map[string]struct {
		v      args.Verification
		status int
	}{
		"nothing":           {args.Verification{}, good},
		"publisher":         {args.Verification{Publisher: leaf.Certificate.Subject.CommonName}, good},
		"other publisher":   {args.Verification{Publisher: "Somebody Else"}, fault.Verification},
		"class":             {args.Verification{Class: "ov"}, good},
		"other class":       {args.Verification{Class: "ev"}, fault.Verification},
		"unknown class":     {args.Verification{Class: "gold"}, fault.Usage},
		"thumbprint":        {args.Verification{Thumbprints: "00112233445566778899aabbccddeeff00112233," + thumb}, good},
		"other thumbprint":  {args.Verification{Thumbprints: "00112233445566778899aabbccddeeff00112233"}, fault.Verification},
		"no thumbprint":     {args.Verification{Thumbprints: "00112233"}, fault.Usage},
		"usage":             {args.Verification{EKUs: "1.3.6.1.5.5.7.3.3"}, good},
		"other usage":       {args.Verification{EKUs: "1.3.6.1.4.1.311.97.1.2.3.4"}, fault.Verification},
		"no usage":          {args.Verification{EKUs: "codeSigning"}, fault.Usage},
		"hash only":         {args.Verification{HashOnly: true}, good},
		"hash only, policy": {args.Verification{HashOnly: true, Publisher: "x"}, fault.Usage},
		"hash only, CRL":    {args.Verification{HashOnly: true, CRLs: crl}, fault.Usage},
		"hash only, online": {args.Verification{HashOnly: true, Online: true}, fault.Usage},
		"policy":            {args.Verification{Policy: "authenticode"}, good},
		"kernel":            {args.Verification{Policy: "kernel"}, fault.Verification},
		"kernel, allowed":   {args.Verification{Policy: "kernel", Allow: "no-timestamp,kernel"}, fault.Verification},
		"kernel, hash only": {args.Verification{Policy: "kernel", HashOnly: true}, fault.Usage},
		"unknown policy":    {args.Verification{Policy: "kp"}, fault.Usage},
		"CRL of the leaf's": {args.Verification{CRLs: crl}, fault.Verification}, // nobody speaks for the intermediate
		"OCSP, revoked":     {args.Verification{OCSP: answer(ocsp.Revoked)}, fault.Verification},
		"OCSP, no file":     {args.Verification{OCSP: exe + ".none"}, fault.Usage},
		"CRL, no list":      {args.Verification{CRLs: root}, fault.Usage},
		"CRL, a folder":     {args.Verification{CRLs: t.TempDir()}, fault.Usage},
		"catalog, none":     {args.Verification{Catalogs: exe}, fault.Usage},
		"catalog, a folder": {args.Verification{Catalogs: t.TempDir()}, fault.Usage},
		"OCSP, no response": {args.Verification{OCSP: crl}, fault.Usage},
	} {
		t.Run(name, func(t *testing.T) {
			v := c.v
			v.In, v.Roots, v.Only = exe, root, true
			if v.Allow == "" {
				v.Allow = "no-timestamp"
			}
			var out bytes.Buffer
			got := good
			err := Verify(context.Background(), console.Discard(), &out, v)
			if err != nil {
				got = fault.Status(err)
			}
			if got != c.status {
				t.Errorf("status %d, want %d: %v\n%s", got, c.status, err, out.String())
			}
		})
	}
}
