package cipolicy

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func signerOf(id *formatstest.Identity) cms.Signer {
	return cms.Signer{Key: id.Key, Certificate: id.Certificate, Chain: append([]*x509.Certificate{}, append(id.Chain, id.Root)...)}
}

// signable is a compiled policy that names the certificate as update signer.
func signable(t *testing.T, c *x509.Certificate) []byte {
	t.Helper()
	p := minimal()
	p.ClearOption(OptionUnsigned)
	if err := p.AddUpdateSigner(c); err != nil {
		t.Fatal(err)
	}
	b, err := Compile(p, CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSign(t *testing.T) {
	id := formatstest.NewPKI(t).Leaf
	policy := signable(t, id.Certificate)
	signed, err := Sign(context.Background(), policy, signerOf(id))
	if err != nil {
		t.Fatal(err)
	}
	again, err := Sign(context.Background(), policy, signerOf(id))
	if err != nil || !bytes.Equal(signed, again) {
		t.Errorf("signing twice gives different bytes (%v)", err)
	}
	s, err := cms.Parse(signed)
	if err != nil {
		t.Fatal(err)
	}
	if s.Version != 1 || s.ContentType.String() != "1.3.6.1.4.1.311.79.1" || len(s.Certificates) != 2 {
		t.Errorf("version %d, content type %v, %d certificates; wanted 1, 1.3.6.1.4.1.311.79.1, 2 (no root)", s.Version, s.ContentType, len(s.Certificates))
	}
	si := &s.Signers[0]
	if si.Version != 1 || len(si.SignedAttrs) != 2 || len(si.UnsignedAttrs) != 0 || !si.SignatureAlgorithm.Algorithm.Equal(cms.OIDRSAEncryption) {
		t.Errorf("signer differs from Microsoft's form: %+v", si)
	}
	d, err := Decompile(signed, Quicksort)
	if err != nil {
		t.Fatal(err)
	}
	if !d.Exact || !bytes.Equal(d.Signature, signed) {
		t.Error("the signed policy does not decompile to what was signed")
	}
}

// TestOpensslVerifies lets openssl judge the signature, whole and with each of
// several bytes changed.
func TestOpensslVerifies(t *testing.T) {
	tool := formatstest.Tool(t, "openssl")
	id := formatstest.NewPKI(t).Leaf
	policy := signable(t, id.Certificate)
	signed, err := Sign(context.Background(), policy, signerOf(id))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	root := id.RootFile(t)
	verify := func(b []byte) (bool, []byte) {
		in, out := filepath.Join(dir, "signed"), filepath.Join(dir, "out")
		if err := os.WriteFile(in, b, 0o644); err != nil {
			t.Fatal(err)
		}
		err := exec.Command(tool, "cms", "-verify", "-inform", "DER", "-in", in, "-CAfile", root, "-purpose", "any", "-binary", "-out", out).Run()
		content, _ := os.ReadFile(out)
		return err == nil, content
	}
	ok, content := verify(signed)
	if !ok || !bytes.Equal(content, policy) {
		t.Fatalf("openssl rejects the signature, or takes out other bytes (%d of %d)", len(content), len(policy))
	}
	at := bytes.Index(signed, policy)
	for name, i := range map[string]int{"first byte of the policy": at, "last byte of the policy": at + len(policy) - 1, "signature": len(signed) - 1} {
		damaged := bytes.Clone(signed)
		damaged[i] ^= 1
		if ok, _ := verify(damaged); ok {
			t.Errorf("%s changed: openssl accepts", name)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	pki := formatstest.NewPKI(t)
	policy := signable(t, pki.Leaf.Certificate)
	unsigned, err := Compile(minimal(), CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := Sign(context.Background(), policy, signerOf(pki.Leaf))
	if err != nil {
		t.Fatal(err)
	}
	odd, err := rsa.GenerateKey(rand.Reader, 2056)
	if err != nil {
		t.Fatal(err)
	}
	oddCert := *pki.Leaf.Certificate
	oddCert.PublicKey = &odd.PublicKey
	for name, c := range map[string]struct {
		policy []byte
		signer cms.Signer
		want   string
	}{
		"policy that need not be signed": {unsigned, signerOf(pki.Leaf), OptionUnsigned},
		"signed already":                 {signed, signerOf(pki.Leaf), "signed already"},
		"another certificate":            {policy, signerOf(pki.Second), "none of the 1 UpdatePolicySigners"},
		"ECDSA":                          {signable(t, pki.ECDSA.Certificate), signerOf(pki.ECDSA), "RSA only"},
		"odd key size":                   {policy, cms.Signer{Key: odd, Certificate: &oddCert}, "2056 bits"},
		"no certificate":                 {policy, cms.Signer{}, "no certificate"},
		"not a policy":                   {[]byte("hello, world"), signerOf(pki.Leaf), "format version"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Sign(context.Background(), c.policy, c.signer); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestUpdateSignerIsAddedOnce(t *testing.T) {
	c := formatstest.NewPKI(t).Leaf.Certificate
	p := minimal()
	for range 2 {
		if err := p.AddUpdateSigner(c); err != nil {
			t.Fatal(err)
		}
		if err := p.AddSupplementalSigner(c); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.Signers) != 1 || len(p.UpdateSigners) != 1 || len(p.SupplementalSigners) != 1 {
		t.Errorf("%d signers, %d update and %d supplemental signers, wanted 1 of each", len(p.Signers), len(p.UpdateSigners), len(p.SupplementalSigners))
	}
}
