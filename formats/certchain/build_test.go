package certchain_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
)

// node is a certificate with its key, for hierarchies that no CA would make.
type node struct {
	*x509.Certificate
	key crypto.Signer
}

// grow makes a certificate named cn below parent (nil: self-signed). edit may change the template.
func grow(t testing.TB, parent *node, cn string, edit func(*x509.Certificate)) *node {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return certify(t, parent, key, cn, edit)
}

func certify(t testing.TB, parent *node, key crypto.Signer, cn string, edit func(*x509.Certificate)) *node {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: cn}, BasicConstraintsValid: true,
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(1, 0, 0)}
	if edit != nil {
		edit(tmpl)
	}
	up, by := tmpl, key
	if parent != nil {
		up, by = parent.Certificate, parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, up, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &node{cert, key}
}

func ca(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign }
func signing(c *x509.Certificate) {
	c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
}

// also runs several edits.
func also(edits ...func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		for _, e := range edits {
			e(c)
		}
	}
}

func certs(ns ...*node) []*x509.Certificate {
	var out []*x509.Certificate
	for _, n := range ns {
		out = append(out, n.Certificate)
	}
	return out
}

func TestBuildChainsJudges(t *testing.T) {
	root := grow(t, nil, "root", ca)
	below := func(edit func(*x509.Certificate)) (*node, []*x509.Certificate) {
		mid := grow(t, root, "mid", edit)
		return grow(t, mid, "leaf", signing), certs(mid)
	}
	for name, c := range map[string]struct {
		make    func() (*node, []*x509.Certificate)
		verdict certchain.Verdict
	}{
		"good":           {func() (*node, []*x509.Certificate) { return below(ca) }, certchain.VerdictTrusted},
		"usages nest":    {func() (*node, []*x509.Certificate) { return below(also(ca, signing, ca)) }, certchain.VerdictTrusted},
		"issuer missing": {func() (*node, []*x509.Certificate) { leaf, _ := below(ca); return leaf, nil }, certchain.VerdictChaining},
		"issuer no CA":   {func() (*node, []*x509.Certificate) { return below(nil) }, certchain.VerdictBasicConstraints},
		"no certSign": {func() (*node, []*x509.Certificate) {
			return below(also(ca, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }))
		}, certchain.VerdictWrongUsage},
		"issuer for TLS": {func() (*node, []*x509.Certificate) {
			return below(also(ca, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }))
		}, certchain.VerdictWrongUsage},
		"issuer expired": {func() (*node, []*x509.Certificate) {
			return below(also(ca, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }))
		}, certchain.VerdictExpired},
		"unknown critical": {func() (*node, []*x509.Certificate) {
			return below(also(ca, critical(asn1.ObjectIdentifier{1, 2, 3, 4})))
		}, certchain.VerdictCritical},
		"names excluded": {func() (*node, []*x509.Certificate) {
			mid := grow(t, root, "mid", also(ca, func(c *x509.Certificate) { c.ExcludedDNSDomains = []string{"example.org"} }))
			return grow(t, mid, "leaf", also(signing, func(c *x509.Certificate) { c.DNSNames = []string{"a.example.org"} })), certs(mid)
		}, certchain.VerdictInvalidName},
		"names constrained, leaf without": {func() (*node, []*x509.Certificate) {
			return below(also(ca, func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"example.org"} }))
		}, certchain.VerdictTrusted},
		"path too long": {func() (*node, []*x509.Certificate) {
			short := grow(t, root, "short", also(ca, func(c *x509.Certificate) { c.MaxPathLenZero = true }))
			mid := grow(t, short, "mid", ca)
			return grow(t, mid, "leaf", signing), certs(short, mid)
		}, certchain.VerdictBasicConstraints},
		"signature of another CA of that name": {func() (*node, []*x509.Certificate) {
			mid, impostor := grow(t, root, "mid", ca), grow(t, root, "mid", ca)
			return grow(t, mid, "leaf", signing), certs(impostor)
		}, certchain.VerdictCertSignature},
		"unknown root": {func() (*node, []*x509.Certificate) {
			other := grow(t, nil, "other", ca)
			return grow(t, other, "leaf", signing), certs(other)
		}, certchain.VerdictUntrustedRoot},
		"wrong usage": {func() (*node, []*x509.Certificate) {
			return grow(t, root, "leaf", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} }), nil
		}, certchain.VerdictWrongUsage},
		"expired leaf": {func() (*node, []*x509.Certificate) {
			return grow(t, root, "leaf", also(signing, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })), nil
		}, certchain.VerdictExpired},
		"leaf is anchor": {func() (*node, []*x509.Certificate) { return root, nil }, certchain.VerdictTrusted},
	} {
		t.Run(name, func(t *testing.T) {
			leaf, inter := c.make()
			chains := certchain.Build(t.Context(), leaf.Certificate, certchain.Options{Anchors: certchain.NewPool(root.Certificate), Intermediates: inter})
			if got := chains[0].Verdict(); got != c.verdict {
				t.Errorf("verdict is %v, want %v: %v", got, c.verdict, chains[0].Problems)
			}
		})
	}
}

func critical(id asn1.ObjectIdentifier) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: id, Critical: true, Value: []byte{5, 0}})
	}
}

// TestBuildChainsOverCrossCertificate finds the path over a cross-certificate where the
// root itself is not known.
func TestBuildChainsOverCrossCertificate(t *testing.T) {
	known, newer := grow(t, nil, "known", ca), grow(t, nil, "newer", ca)
	cross := certify(t, known, newer.key, "newer", ca)
	leaf := grow(t, newer, "leaf", signing)
	o := certchain.Options{Anchors: certchain.NewPool(known.Certificate), Intermediates: certs(newer, cross)}
	chains := certchain.Build(t.Context(), leaf.Certificate, o)
	if len(chains) != 2 || len(chains[0].Problems) != 0 || len(chains[0].Certificates) != 3 || !chains[0].Anchored {
		t.Fatalf("chains are %+v", chains)
	}
	if got := chains[1].Verdict(); got != certchain.VerdictUntrustedRoot {
		t.Errorf("the other path is %v, want %v", got, certchain.VerdictUntrustedRoot)
	}
}

// TestBuildChainsIsBounded: cross-certified rings and crowds of equal names come to an end.
func TestBuildChainsIsBounded(t *testing.T) {
	var names []*node
	for i := range 8 {
		names = append(names, grow(t, nil, fmt.Sprint("ring ", i), ca))
	}
	var inter []*x509.Certificate
	for i, n := range names {
		for j, m := range names {
			if i != j {
				inter = append(inter, certify(t, n, m.key, fmt.Sprint("ring ", j), ca).Certificate)
			}
		}
	}
	leaf := grow(t, names[0], "leaf", signing)
	chains := certchain.Build(t.Context(), leaf.Certificate, certchain.Options{Intermediates: inter})
	if len(chains) == 0 || len(chains) > 32 {
		t.Errorf("%d chains", len(chains))
	}
}
