package formatstest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"time"
)

// member is one certificate of the PKI: its name in the cache, its key, its issuer, its place in the struct.
type member struct {
	name, key, issuer string
	template          *x509.Certificate
	slot              any // **Identity or **x509.Certificate
}

// members lists the PKI from the roots down; an issuer stands before what it issues.
func (p *PKI) members(now time.Time) []member {
	return append(p.authorities(now), append(p.publishers(now), p.stampers(now)...)...)
}

func (p *PKI) authorities(now time.Time) []member {
	return []member{
		{"root", "root", "", authority("Hallmark Test Root", now, -1), &p.Root},
		{"intermediate", "intermediate", "root", authority("Hallmark Test Code Signing CA", now, 0), &p.Intermediate},
		{"tsaroot", "tsaroot", "", authority("Hallmark Test TSA Root", now, -1), &p.TSARoot},
		{"untrusted", "untrusted", "", authority("Hallmark Test Untrusted Root", now, -1), &p.UntrustedRoot},
		{"crossroot", "root", "untrusted", authority("Hallmark Test Root", now, -1), &p.CrossRoot},
	}
}

func (p *PKI) publishers(now time.Time) []member {
	leaf := func(cn string, edit func(*x509.Certificate)) *x509.Certificate {
		c := codeSigning(cn, now)
		c.NotAfter = now.AddDate(8, 0, 0) // the cache lives longer than a year
		if edit != nil {
			edit(c)
		}
		return c
	}
	past := func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.AddDate(-3, 0, 0), now.AddDate(-1, 0, 0) }
	usage := func(arcs ...int) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.UnknownExtKeyUsage = append(c.UnknownExtKeyUsage, arcs) }
	}
	lifetime := usage(1, 3, 6, 1, 4, 1, 311, 10, 3, 13)
	return []member{
		{"leaf", "leaf", "intermediate", leaf("Hallmark Test Publisher", nil), &p.Leaf},
		{"second", "second", "intermediate", leaf("Hallmark Test Second Publisher", nil), &p.Second},
		{"ecdsa", "p256", "intermediate", leaf("Hallmark Test EC Publisher", nil), &p.ECDSA},
		{"p384", "p384", "intermediate", leaf("Hallmark Test P-384 Publisher", nil), &p.P384},
		{"rsa4096", "rsa4096", "intermediate", leaf("Hallmark Test RSA-4096 Publisher", nil), &p.RSA4096},
		{"ev", "second", "intermediate", leaf("Hallmark Test EV Publisher", extended), &p.EV},
		{"artifact", "second", "intermediate", leaf("Hallmark Test Artifact Publisher", artifact), &p.Artifact},
		{"lifetime", "second", "intermediate", leaf("Hallmark Test Lifetime", lifetime), &p.Lifetime},
		{"explifetime", "second", "intermediate", leaf("Hallmark Test Expired Lifetime",
			func(c *x509.Certificate) { lifetime(c); past(c) }), &p.ExpiredLifetime},
		{"expired", "second", "intermediate", leaf("Hallmark Test Expired Publisher", past), &p.Expired},
		{"notyet", "second", "intermediate", leaf("Hallmark Test Future Publisher",
			func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.AddDate(9, 0, 0), now.AddDate(10, 0, 0) }), &p.NotYet},
		{"wrongeku", "second", "intermediate", leaf("Hallmark Test TLS Server",
			func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), &p.WrongEKU},
		{"noeku", "second", "intermediate", leaf("Hallmark Test No EKU", func(c *x509.Certificate) { c.ExtKeyUsage = nil }), &p.NoEKU},
		{"weak", "weak", "intermediate", leaf("Hallmark Test Weak Publisher", nil), &p.Weak},
		{"selfsigned", "second", "", leaf("Hallmark Test Self-signed", nil), &p.SelfSigned},
		{"nottrusted", "second", "untrusted", leaf("Hallmark Test Untrusted Publisher", nil), &p.NotTrusted},
	}
}

// extended gives a certificate what the EV guidelines ask of a subject (registration number, jurisdiction, category).
func extended(c *x509.Certificate) {
	c.Policies = []x509.OID{oid(2, 23, 140, 1, 3)}
	c.Subject.SerialNumber = "CHE-123.456.789"
	c.Subject.ExtraNames = []pkix.AttributeTypeAndValue{
		{Type: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 60, 2, 1, 3}, Value: "CH"},
		{Type: asn1.ObjectIdentifier{2, 5, 4, 15}, Value: "Private Organization"},
	}
}

// artifact gives a certificate the marks of Artifact Signing: public-trust marker and subscriber EKU below
// 1.3.6.1.4.1.311.97, three days of validity. Its days begin with the PKI, so only its class is of use for long.
func artifact(c *x509.Certificate) {
	c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 3, 6, 1, 4, 1, 311, 97, 1, 0},
		{1, 3, 6, 1, 4, 1, 311, 97, 990309390, 766961637, 194916062, 941502583}}
	c.NotAfter = c.NotBefore.Add(72 * time.Hour)
	c.Policies = nil
}

func (p *PKI) stampers(now time.Time) []member {
	codeSigningUsage := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 3}
	expired := timeStamping("Hallmark Test Expired TSA", now, true)
	expired.NotAfter = now.AddDate(-1, 0, 0)
	return []member{
		{"tsa", "tsa", "tsaroot", timeStamping("Hallmark Test TSA", now, true), &p.TSA},
		{"laxtsa", "tsa", "tsaroot", timeStamping("Hallmark Test Lax TSA", now, false), &p.LaxTSA},
		{"mixedtsa", "tsa", "tsaroot", timeStamping("Hallmark Test Mixed TSA", now, true, codeSigningUsage), &p.MixedTSA},
		{"expiredtsa", "tsa", "tsaroot", expired, &p.ExpiredTSA},
		{"strangertsa", "tsa", "untrusted", timeStamping("Hallmark Test Stranger TSA", now, true), &p.StrangerTSA},
	}
}

// makeKeys makes every key of the PKI. Roots and the intermediate need no 3072 bits for any test.
func makeKeys() (map[string]crypto.Signer, error) {
	bits := map[string]int{"root": 2048, "intermediate": 3072, "tsaroot": 2048, "untrusted": 2048,
		"leaf": 3072, "second": 3072, "rsa4096": 4096, "weak": 2048, "tsa": 3072}
	keys := map[string]crypto.Signer{}
	for name, n := range bits {
		k, err := rsa.GenerateKey(rand.Reader, n)
		if err != nil {
			return nil, err
		}
		keys[name] = k
	}
	for name, curve := range map[string]elliptic.Curve{"p256": elliptic.P256(), "p384": elliptic.P384()} {
		k, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			return nil, err
		}
		keys[name] = k
	}
	return keys, nil
}
