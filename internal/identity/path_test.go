package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
)

// testIssuer is a certificate with its key, that issues others.
type testIssuer struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// issueCA makes a certificate for the key of subject (a new one if nil), below by (itself
// if nil).
func issueCA(t *testing.T, name string, by *testIssuer, subject crypto.Signer, edit func(*x509.Certificate)) *testIssuer {
	t.Helper()
	if subject == nil {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		subject = key
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, SerialNumber: serial, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLen: -1, KeyUsage: x509.KeyUsageCertSign,
	}
	if edit != nil {
		edit(c)
	}
	parent, key := c, subject
	if by != nil {
		parent, key = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, subject.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &testIssuer{cert, subject}
}

func asLeaf(c *x509.Certificate) {
	c.IsCA, c.KeyUsage, c.ExtKeyUsage = false, x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
}

// TestIssuersAreJudgedAsVerified: what the verifier refuses in a chain is refused before
// anything is signed, and the reverse.
func TestIssuersAreJudgedAsVerified(t *testing.T) {
	type edit = func(*x509.Certificate)
	pathLen := func(n int) edit { return func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = n, n == 0 } }
	for name, c := range map[string]struct {
		root, leaf edit
		cas        []edit // from below the root downwards
		want       string // of the refusal
	}{
		"good":                  {cas: []edit{nil}},
		"no intermediate":       {},
		"CA:FALSE":              {cas: []edit{func(c *x509.Certificate) { c.IsCA = false }}, want: "is not a CA"},
		"no basic constraints":  {cas: []edit{func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = false, false }}, want: "is not a CA"},
		"second one CA:FALSE":   {cas: []edit{nil, func(c *x509.Certificate) { c.IsCA = false }, nil}, want: "is not a CA"},
		"pathLen 0 kept":        {cas: []edit{nil, pathLen(0)}},
		"pathLen 0 exceeded":    {cas: []edit{pathLen(0), nil}, want: "allows 0 CAs below it, there are 1"},
		"pathLen 1 exceeded":    {cas: []edit{pathLen(1), nil, nil}, want: "allows 1 CAs below it, there are 2"},
		"pathLen of the root":   {root: pathLen(0), cas: []edit{nil}, want: "allows 0 CAs below it, there are 1"},
		"no keyCertSign":        {cas: []edit{func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature }}, want: "lacks keyCertSign"},
		"root without its kind": {root: func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = false, false }, cas: []edit{nil}},
		"root CA:FALSE":         {root: func(c *x509.Certificate) { c.IsCA = false }, cas: []edit{nil}, want: "is not a CA"},
		"nine intermediates":    {cas: make([]edit, 9)},
		"ten intermediates":     {cas: make([]edit, 10)},
		"eleven intermediates":  {cas: make([]edit, 11), want: "the chain is too long: it has more than 12 certificates"},
		"unknown and critical": {cas: []edit{func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 3, 6, 1, 4, 1, 99999, 1}, Critical: true, Value: []byte{5, 0}}}
		}}, want: "critical extension 1.3.6.1.4.1.99999.1"},
		"any usage in an intermediate": {cas: []edit{func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }}},
		"any usage in the leaf": {leaf: func(c *x509.Certificate) {
			asLeaf(c)
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
		}, cas: []edit{nil}, want: "lacks the extended key usage code signing"},
	} {
		t.Run(name, func(t *testing.T) {
			root := issueCA(t, "Root", nil, nil, c.root)
			top, held := root, []*x509.Certificate{root.cert}
			for n, e := range c.cas {
				top = issueCA(t, fmt.Sprintf("CA %d", n), top, nil, e)
				held = append(held, top.cert)
			}
			if c.leaf == nil {
				c.leaf = asLeaf
			}
			leaf := issueCA(t, "Leaf", top, nil, c.leaf)
			id, err := OfCertificates(t.Context(), append([]*x509.Certificate{leaf.cert}, held...), Options{AllowECDSA: true}.withDefaults())
			if err != nil {
				t.Fatal(err)
			}
			said := Err(id.JudgeCertificate(time.Now()))
			if (said == nil) != (c.want == "") || said != nil && !strings.Contains(said.Error(), c.want) {
				t.Errorf("judged: %v; want %q", said, c.want)
			}
			verified := certchain.Build(t.Context(), leaf.cert, certchain.Options{Anchors: certchain.NewPool(root.cert), Intermediates: id.Embedded()})[0]
			if verified.Trusted() != (said == nil) {
				t.Errorf("judged: %v, but the verifier says %v", said, verified.Err())
			}
		})
	}
}

// TestCrossCertificatesAreKept: a signature verifies below every root that the
// certificates at hand lead to, and the known root's path comes first.
func TestCrossCertificatesAreKept(t *testing.T) {
	old, renewed := issueCA(t, "Old Root", nil, nil, nil), issueCA(t, "New Root", nil, nil, nil)
	cross := issueCA(t, "New Root", old, renewed.key, nil)
	stale := issueCA(t, "New Root", old, renewed.key, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	ca := issueCA(t, "CA", renewed, nil, nil)
	leaf := issueCA(t, "Leaf", ca, nil, asLeaf)
	held := []*x509.Certificate{leaf.cert, ca.cert, renewed.cert, stale.cert, cross.cert, old.cert}
	for name, c := range map[string]struct {
		roots []*x509.Certificate
		top   *x509.Certificate
	}{
		"no root known":      {nil, renewed.cert},
		"the old root known": {[]*x509.Certificate{old.cert}, old.cert},
		"the new root known": {[]*x509.Certificate{renewed.cert}, renewed.cert},
	} {
		id, err := OfCertificates(t.Context(), held, Options{Roots: c.roots, AllowECDSA: true}.withDefaults())
		if err != nil {
			t.Fatal(err)
		}
		if !id.Root.Equal(c.top) {
			t.Errorf("%s: the chain ends in %q", name, id.Root.Subject)
		}
		for _, e := range id.Embedded() {
			if e.Equal(stale.cert) || certchain.IsRoot(e) {
				t.Errorf("%s: %q until %v is embedded", name, e.Subject, e.NotAfter)
			}
		}
		for _, root := range []*x509.Certificate{old.cert, renewed.cert} {
			chain := certchain.Build(t.Context(), leaf.cert, certchain.Options{Anchors: certchain.NewPool(root), Intermediates: id.Embedded()})[0]
			if !chain.Trusted() {
				t.Errorf("%s: trusting %q: %v", name, root.Subject, chain.Err())
			}
		}
		if err := Err(id.JudgeCertificate(time.Now())); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
