package certchain_test

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/certchain"
)

func hashes(ids ...[]byte) *certchain.Disallowed {
	d := &certchain.Disallowed{}
	for _, id := range ids {
		d.AddHash(id)
	}
	return d
}

// TestDisallowedIdentifiers: the identifiers of Microsoft's own roots are what
// CertGetCertificateContextProperty gives for them, with CERT_SIGNATURE_HASH_PROP_ID
// and CERT_SUBJECT_PUBLIC_KEY_MD5_HASH_PROP_ID (asked of wine's crypt32). They are
// signed with SHA-256, SHA-1 and MD5.
func TestDisallowedIdentifiers(t *testing.T) {
	k, err := certchain.BuiltinKernelRoots()
	if err != nil {
		t.Fatal(err)
	}
	all := append(k.Roots.Certificates(), k.CrossRoots.Certificates()...)
	for cn, ids := range map[string][2]string{
		"Microsoft Root Certificate Authority 2010": {"08fba831c08544208f5208686b991ca1b2cfc510e7301784ddf1eb5bf0393239", "3c70faea25600ce3b2cc5f0b222ed629"},
		"Microsoft Code Verification Root":          {"f4e3b23c5b3673fb06339c35314279fdee1e003f", "57422ad355375fe4f8a40946b45566d9"},
		"Microsoft Root Authority":                  {"8b3c3087b7056f5ec5ddba91a1b901f0", "3fc8cb0bc05241e58d65e9448b2d07c2"},
	} {
		for _, s := range ids {
			id, err := hex.DecodeString(s)
			if err != nil {
				t.Fatal(err)
			}
			d := hashes(id)
			for _, c := range all {
				if got, want := d.Contains(c), c.Subject.CommonName == cn; got != want {
					t.Errorf("%s names %q: %v, want %v", s, c.Subject.CommonName, got, want)
				}
			}
		}
	}
}

// TestDisallowedOtherPath: a chain that has to go through a condemned certificate is
// refused, one that has another way is not.
func TestDisallowedOtherPath(t *testing.T) {
	root, other := grow(t, nil, "root", ca), grow(t, nil, "other", ca)
	mid := grow(t, root, "mid", ca)
	twin := certify(t, other, mid.key, "mid", ca) // the same key and name under another root
	leaf := grow(t, mid, "leaf", signing)
	d := &certchain.Disallowed{}
	sum := sha1.Sum(mid.Raw)
	d.AddThumbprint(sum[:])
	for name, c := range map[string]struct {
		between []*x509.Certificate
		want    certchain.Verdict
	}{
		"only way":    {certs(mid), certchain.VerdictExplicitDistrust},
		"another way": {certs(mid, twin), certchain.VerdictTrusted},
	} {
		o := certchain.Options{Anchors: certchain.NewPool(certs(root, other)...), Intermediates: c.between, Disallowed: d}
		if got := certchain.Build(t.Context(), leaf.Certificate, o)[0]; got.Verdict() != c.want {
			t.Errorf("%s: %v, want %v", name, got.Verdict(), c.want)
		}
	}
}
