package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"path/filepath"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestWeAcceptOpensslSignatures checks signatures of every kind that openssl makes and
// refuses them with one bit wrong.
func TestWeAcceptOpensslSignatures(t *testing.T) {
	pki := formatstest.NewPKI(t)
	withKeyID := pki.Issue(t, "Key Identifier", func(c *x509.Certificate) { c.SubjectKeyId = []byte("identifier") })
	for name, c := range map[string]struct {
		id   *formatstest.Identity
		args []string
		ber  bool
	}{
		"plain":                       {id: pki.Leaf},
		"MD5":                         {id: pki.Leaf, args: []string{"-md", "md5"}},
		"SHA-1":                       {id: pki.Leaf, args: []string{"-md", "sha1"}},
		"SHA-384":                     {id: pki.Leaf, args: []string{"-md", "sha384"}},
		"SHA-512":                     {id: pki.Leaf, args: []string{"-md", "sha512"}},
		"no attributes":               {id: pki.Leaf, args: []string{"-noattr"}},
		"key identifier":              {id: withKeyID, args: []string{"-keyid"}},
		"PSS":                         {id: pki.Leaf, args: []string{"-keyopt", "rsa_padding_mode:pss"}},
		"PSS, SHA-512, salt 64":       {id: pki.Leaf, args: []string{"-md", "sha512", "-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:64"}},
		"PSS, SHA-1, no attributes":   {id: pki.Leaf, args: []string{"-noattr", "-md", "sha1", "-keyopt", "rsa_padding_mode:pss"}},
		"P-256":                       {id: pki.ECDSA},
		"P-384, SHA-512":              {id: pki.P384, args: []string{"-md", "sha512"}},
		"P-256, SHA-1, no attributes": {id: pki.ECDSA, args: []string{"-noattr", "-md", "sha1"}},
		"CAdES":                       {id: pki.Leaf, args: []string{"-cades"}},
		"BER":                         {id: pki.Leaf, args: []string{"-stream"}, ber: true},
		"BER, no attributes":          {id: pki.ECDSA, args: []string{"-stream", "-noattr"}, ber: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := opensslSigned(t, c.id, c.args...)
			if s.BER != c.ber || !bytes.Equal(s.Content, octets(payload)) {
				t.Errorf("BER %v, content %x", s.BER, s.Content)
			}
			cert, err := s.SignerCertificate(0)
			if err != nil || !cert.Equal(c.id.Certificate) {
				t.Fatalf("certificate: %v", err)
			}
			si := &s.Signers[0]
			if err := s.CheckContent(0); err != nil {
				t.Error(err)
			}
			if err := si.CheckSignature(cert); err != nil {
				t.Fatal(err)
			}
			if err := si.CheckSignature(pki.Second.Certificate); !errors.Is(err, ErrBadSignature) {
				t.Errorf("with another's key: %v", err)
			}
			si.Signature[len(si.Signature)-1] ^= 1
			if err := si.CheckSignature(cert); !errors.Is(err, ErrBadSignature) {
				t.Errorf("with a bit of the signature wrong: %v", err)
			}
			si.Signature[len(si.Signature)-1] ^= 1
			signed := si.RawSignedAttrs
			if signed == nil {
				signed = si.content
			}
			signed[len(signed)-1] ^= 1
			if err := si.CheckSignature(cert); !errors.Is(err, ErrBadSignature) {
				t.Errorf("with a bit of what is signed wrong: %v", err)
			}
		})
	}
}

func opensslSigned(t *testing.T, id *formatstest.Identity, args ...string) *SignedData {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	all := append([]string{"cms", "-sign", "-binary", "-nodetach", "-in", put(t, "in", payload), "-signer", id.CertFile(t), "-inkey", id.KeyFile(t),
		"-outform", "DER", "-out", out}, args...)
	formatstest.MustRun(t, "openssl", all...)
	s, err := Parse(read(t, out))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDetachedContent(t *testing.T) {
	pki := formatstest.NewPKI(t)
	for name, args := range map[string][]string{"attributes": nil, "no attributes": {"-noattr"}} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			formatstest.MustRun(t, "openssl", append([]string{"cms", "-sign", "-binary", "-in", put(t, "in", payload), "-signer", pki.Leaf.CertFile(t),
				"-inkey", pki.Leaf.KeyFile(t), "-outform", "DER", "-out", out}, args...)...)
			s, err := Parse(read(t, out))
			if err != nil {
				t.Fatal(err)
			}
			si := &s.Signers[0]
			if name == "no attributes" {
				if err := si.CheckSignature(pki.Leaf.Certificate); err == nil {
					t.Error("accepted without content")
				}
				if err := si.CheckSignatureOver(pki.Leaf.Certificate, payload); err != nil {
					t.Error(err)
				}
				return
			}
			if err := s.CheckContent(0); err == nil {
				t.Error("accepted without content")
			}
			if err := si.CheckMessageDigest(octets(payload)); err != nil {
				t.Error(err)
			}
			if err := si.CheckMessageDigest(octets(payload[1:])); !errors.Is(err, ErrBadDigest) {
				t.Errorf("another content: %v", err)
			}
		})
	}
}

// TestSignerInfoViolations has what a hostile signer may write into a SignerInfo.
func TestSignerInfoViolations(t *testing.T) {
	pki := formatstest.NewPKI(t)
	sha512, err := DigestAlgorithm(crypto.SHA512)
	if err != nil {
		t.Fatal(err)
	}
	rsaOID, ecOID := OIDSHA256WithRSA, OIDECDSAWithSHA256
	for name, edit := range map[string]func(*SignedData, *SignerInfo){
		"digest algorithm":         func(_ *SignedData, si *SignerInfo) { si.DigestAlgorithm = sha512 },
		"unknown digest algorithm": func(_ *SignedData, si *SignerInfo) { si.DigestAlgorithm.Algorithm = OIDData },
		"unknown signature":        func(_ *SignedData, si *SignerInfo) { si.SignatureAlgorithm.Algorithm = OIDData },
		"ECDSA with an RSA key":    func(_ *SignedData, si *SignerInfo) { si.SignatureAlgorithm.Algorithm = ecOID },
		"two hashes": func(_ *SignedData, si *SignerInfo) {
			si.SignatureAlgorithm.Algorithm, si.DigestAlgorithm = rsaOID, sha512
		},
		"PSS without parameters": func(_ *SignedData, si *SignerInfo) { si.SignatureAlgorithm.Algorithm = OIDRSAPSS },
		"content type":           func(s *SignedData, _ *SignerInfo) { s.ContentType = OIDCTL },
		"content":                func(s *SignedData, _ *SignerInfo) { s.Content = octets([]byte("another")) },
		"no content":             func(s *SignedData, _ *SignerInfo) { s.Content = nil },
		"no message digest":      func(_ *SignedData, si *SignerInfo) { si.SignedAttrs.Remove(OIDMessageDigest) },
		"no content type":        func(_ *SignedData, si *SignerInfo) { si.SignedAttrs.Remove(OIDContentType) },
		"two message digests": func(_ *SignedData, si *SignerInfo) {
			a, _ := si.Attr(OIDMessageDigest)
			si.SignedAttrs = append(si.SignedAttrs, a)
		},
		"message digest of another kind": func(_ *SignedData, si *SignerInfo) { si.SignedAttrs.Set(OIDMessageDigest, []byte{2, 1, 0}) },
		"no certificate":                 func(s *SignedData, _ *SignerInfo) { s.Certificates = nil },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Sign(t.Context(), ContentInfo{Type: OIDData, DER: octets(payload)}, signerOf(pki.Leaf, 0), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := check(s); err != nil {
				t.Fatal(err)
			}
			edit(s, &s.Signers[0])
			if err := check(s); err == nil {
				t.Error("accepted")
			}
		})
	}
}

// check is the whole check of a signature.
func check(s *SignedData) error {
	cert, err := s.SignerCertificate(0)
	if err != nil {
		return err
	}
	return errors.Join(s.CheckContent(0), s.Signers[0].CheckSignature(cert))
}

// TestCheckCertificate includes hashes that crypto/x509 no longer computes.
func TestCheckCertificate(t *testing.T) {
	pki := formatstest.NewPKI(t)
	ec := selfSigned(t, pki.ECDSA.KeyFile(t), "-sha384")
	for name, c := range map[string]struct {
		cert, issuer *x509.Certificate
		ok           bool
	}{
		"leaf":           {pki.Leaf.Certificate, pki.Intermediate, true},
		"root":           {pki.Root, pki.Root, true},
		"another issuer": {pki.Leaf.Certificate, pki.TSARoot, false},
		"MD5":            {selfSigned(t, pki.Leaf.KeyFile(t), "-md5"), pki.Leaf.Certificate, true},
		"SHA-1":          {selfSigned(t, pki.Leaf.KeyFile(t), "-sha1"), pki.Leaf.Certificate, true},
		"SHA-1, other":   {selfSigned(t, pki.Leaf.KeyFile(t), "-sha1"), pki.Root, false},
		"PSS":            {selfSigned(t, pki.Leaf.KeyFile(t), "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"), pki.Leaf.Certificate, true},
		"PSS, other":     {selfSigned(t, pki.Leaf.KeyFile(t), "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"), pki.Root, false},
		"ECDSA, SHA-384": {ec, ec, true},
		"ECDSA, SHA-1":   {selfSigned(t, pki.ECDSA.KeyFile(t), "-sha1"), ec, true},
		"ECDSA by RSA":   {ec, pki.Root, false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := CheckCertificate(c.cert, c.issuer); (err == nil) != c.ok {
				t.Error(err)
			}
		})
	}
	if !IssuedBy(pki.Leaf.Certificate, pki.Intermediate) || IssuedBy(pki.Leaf.Certificate, pki.Root) || IssuedBy(pki.Root, pki.UntrustedRoot) {
		t.Error("IssuedBy")
	}
}

// selfSigned has openssl make a certificate for a key.
func selfSigned(t *testing.T, key string, args ...string) *x509.Certificate {
	t.Helper()
	out := filepath.Join(t.TempDir(), "cert.pem")
	formatstest.MustRun(t, "openssl", append([]string{"req", "-x509", "-key", key, "-out", out, "-subj", "/CN=test", "-days", "30"}, args...)...)
	return mustParse(t, readPEM(t, out))
}

// TestOldSerialNumbers: certificates whose serial number crypto/x509 refuses are found,
// parsed and used.
func TestOldSerialNumbers(t *testing.T) {
	pki := formatstest.NewPKI(t)
	key := pki.Leaf.KeyFile(t)
	cert := filepath.Join(t.TempDir(), "cert.pem")
	formatstest.MustRun(t, "openssl", "req", "-x509", "-key", key, "-out", cert, "-subj", "/CN=old", "-days", "30", "-set_serial", "-12345")
	der := readPEM(t, cert)
	if _, err := x509.ParseCertificate(der); err == nil {
		t.Fatal("crypto/x509 takes a negative serial number by now: ParseCertificate is no longer needed")
	}
	out := filepath.Join(t.TempDir(), "out")
	formatstest.MustRun(t, "openssl", "cms", "-sign", "-binary", "-nodetach", "-in", put(t, "in", payload), "-signer", cert, "-inkey", key, "-outform", "DER", "-out", out)
	s, err := Parse(read(t, out))
	if err != nil {
		t.Fatal(err)
	}
	if err := check(s); err != nil {
		t.Fatal(err)
	}
	c, err := s.SignerCertificate(0)
	if err != nil {
		t.Fatal(err)
	}
	if c.SerialNumber.Int64() != -12345 || !bytes.Equal(c.Raw, der) || CheckCertificate(c, c) != nil {
		t.Errorf("serial number %v", c.SerialNumber)
	}
	checkRoundTrip(t, s, read(t, out))
}

// TestBadCertificateAmongGood: one that cannot be parsed is named and does no harm.
func TestBadCertificateAmongGood(t *testing.T) {
	pki := formatstest.NewPKI(t)
	s, err := Sign(t.Context(), ContentInfo{Type: OIDData, DER: octets(payload)}, signerOf(pki.Leaf, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	n := len(s.Certificates)
	for _, junk := range [][]byte{{0x30, 0}, {0xa1, 0}, {0x30, 3, 0x30, 0x80, 0}} {
		s.AddCertificate(junk)
	}
	der, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(again); err != nil {
		t.Error(err)
	}
	if certs, err := again.X509Certificates(); len(certs) != n || err == nil {
		t.Errorf("%d certificates, error %v", len(certs), err)
	}
	if out, err := again.Marshal(); err != nil || !bytes.Equal(out, der) {
		t.Errorf("other bytes: %v", err)
	}
}
