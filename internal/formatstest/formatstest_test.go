package formatstest

import (
	"crypto/x509"
	"os"
	"strings"
	"testing"
	"time"
)

func TestPKI(t *testing.T) {
	p := NewPKI(t)
	good := map[string]*Identity{"leaf": p.Leaf, "second": p.Second, "ecdsa": p.ECDSA, "p384": p.P384, "ev": p.EV,
		"lifetime": p.Lifetime, "no EKU": p.NoEKU, "weak": p.Weak, "issued": p.Issue(t, "Other", nil)}
	bad := map[string]*Identity{"expired": p.Expired, "expired lifetime": p.ExpiredLifetime, "not yet": p.NotYet,
		"wrong EKU": p.WrongEKU, "self-signed": p.SelfSigned, "not trusted": p.NotTrusted}
	for name, id := range good {
		if err := chain(id, p.Roots(), x509.ExtKeyUsageCodeSigning); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, id := range bad {
		if err := chain(id, p.Roots(), x509.ExtKeyUsageCodeSigning); err == nil {
			t.Errorf("%s: chain accepted", name)
		}
	}
	if err := chain(p.TSA, p.TSARoots(), x509.ExtKeyUsageTimeStamping); err != nil {
		t.Errorf("TSA: %v", err)
	}
	if err := chain(p.StrangerTSA, p.TSARoots(), x509.ExtKeyUsageTimeStamping); err == nil {
		t.Error("stranger TSA: chain accepted")
	}
}

func chain(id *Identity, roots *x509.CertPool, usage x509.ExtKeyUsage) error {
	_, err := id.Certificate.Verify(x509.VerifyOptions{Roots: roots, Intermediates: pool(id.Chain...), CurrentTime: time.Now(),
		KeyUsages: []x509.ExtKeyUsage{usage}})
	return err
}

func TestKeysMatchCertificates(t *testing.T) {
	p := NewPKI(t)
	for _, id := range []*Identity{p.Leaf, p.ECDSA, p.TSA, p.NotTrusted, p.Weak} {
		der1, err1 := x509.MarshalPKIXPublicKey(id.Key.Public())
		der2, err2 := x509.MarshalPKIXPublicKey(id.Certificate.PublicKey)
		if err1 != nil || err2 != nil || string(der1) != string(der2) {
			t.Errorf("%s: key and certificate differ", id.Certificate.Subject)
		}
	}
}

func TestOsslsigncode(t *testing.T) {
	p := NewPKI(t)
	file := GoProgram(t, "amd64")
	signed := SignOssl(t, p.Leaf, file)
	if ok, out := VerifyOssl(t, signed, p.Leaf.RootFile(t), ""); !ok {
		t.Errorf("signed file refused:\n%s", out)
	}
	if ok, out := VerifyOssl(t, file, p.Leaf.RootFile(t), ""); ok {
		t.Errorf("unsigned file accepted:\n%s", out)
	}
	if ok, out := VerifyOssl(t, signed, p.NotTrusted.RootFile(t), ""); ok {
		t.Errorf("file accepted with a foreign root:\n%s", out)
	}
}

func TestRig(t *testing.T) {
	r := NewRig(t)
	p := NewPKI(t)
	file := GoProgram(t, "amd64")
	signed := SignOssl(t, p.Leaf, file)
	changed := SignOssl(t, p.Leaf, file)
	b, err := os.ReadFile(changed)
	if err != nil {
		t.Fatal(err)
	}
	b[0x2000] ^= 1
	if err := os.WriteFile(changed, b, 0o600); err != nil {
		t.Fatal(err)
	}
	stranger := *p.NotTrusted
	stranger.Chain = []*x509.Certificate{p.UntrustedRoot} // wine accepts a chain whose root it never sees
	v := r.Verify(signed, file, changed, SignOssl(t, &stranger, file))
	for i, want := range []string{"OK", "TRUST_E_NOSIGNATURE", "TRUST_E_BAD_DIGEST", "CERT_E_UNTRUSTEDROOT"} {
		if v[i].Name != want {
			t.Errorf("verdict %d: %v, want %s", i, v[i], want)
		}
	}
}

func TestRigSignsAndMakesCatalogs(t *testing.T) {
	r := NewRig(t)
	p := NewPKI(t)
	file := GoProgram(t, "amd64")
	out, err := r.Signtool("sign", "/f", p.Leaf.LegacyPFXFile(t, "test"), "/p", "test", "/fd", "sha256", file)
	if err != nil || !strings.Contains(out, "Successfully signed") {
		t.Fatalf("signtool sign: %v\n%s", err, out)
	}
	if v := r.Verify(file)[0]; !v.OK() {
		t.Errorf("signtool's signature: %v", v)
	}
	cdf := write(t, "t.cdf", []byte("[CatalogHeader]\r\nName=t.cat\r\nCatalogVersion=2\r\nHashAlgorithms=SHA256\r\n[CatalogFiles]\r\n<hash>A=t.cdf\r\n"))
	if out, err := r.Makecat(cdf); err != nil {
		t.Fatalf("makecat: %v\n%s", err, out)
	}
	if _, err := os.Stat(strings.TrimSuffix(cdf, "cdf") + "cat"); err != nil {
		t.Error(err)
	}
}

func TestOpensslTSA(t *testing.T) {
	r := NewRig(t)
	p := NewPKI(t)
	url := OpensslTSA(t, p.TSA)
	for _, stamp := range [][]string{{"/tr", url + "/rfc3161", "/td", "sha256"}, {"/t", url + "/legacy"}} {
		file := GoProgram(t, "amd64")
		args := append([]string{"sign", "/f", p.Leaf.LegacyPFXFile(t, "test"), "/p", "test", "/fd", "sha256"}, stamp...)
		if out, err := r.Signtool(append(args, file)...); err != nil {
			t.Fatalf("signtool sign %s: %v\n%s", stamp[0], err, out)
		}
		v := r.Verify(file)[0]
		if !v.OK() || !strings.Contains(strings.Join(v.Chains, "\n"), "countersigner 0.0: err=0x0") {
			t.Errorf("%s: %v", stamp[0], v)
		}
		if ok, out := VerifyOssl(t, file, p.Leaf.RootFile(t), p.TSA.RootFile(t)); !ok {
			t.Errorf("%s: osslsigncode refuses:\n%s", stamp[0], out)
		}
	}
}
