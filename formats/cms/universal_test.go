package cms_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// universalName is a Name with the common name as UniversalString beside a country as
// PrintableString.
func universalName(t *testing.T, common string) []byte {
	t.Helper()
	var utf32 []byte
	for _, r := range common {
		utf32 = append(utf32, 0, byte(r>>16), byte(r>>8), byte(r))
	}
	type attribute struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	type set []attribute
	var names []asn1.RawValue
	for _, a := range []attribute{
		{asn1.ObjectIdentifier{2, 5, 4, 6}, asn1.RawValue{Tag: asn1.TagPrintableString, Bytes: []byte("CH")}},
		{asn1.ObjectIdentifier{2, 5, 4, 3}, asn1.RawValue{Tag: 28, Bytes: utf32}},
	} {
		der, err := asn1.MarshalWithParams(set{a}, "set")
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, asn1.RawValue{FullBytes: der})
	}
	der, err := asn1.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestUniversalString: texts, raw fields and the signature are those of the certificate.
func TestUniversalString(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const common = "Grüße 漢 \U0001F511 AG"
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(7), RawSubject: universalName(t, common), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	// CreateCertificate parses what it makes only to check its signature, which it does on the bytes.
	der, err := x509.CreateCertificate(rand.Reader, tmpl, &x509.Certificate{RawSubject: tmpl.RawSubject}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x509.ParseCertificate(der); err == nil {
		t.Fatal("crypto/x509 reads it: the conversion is no longer needed")
	}
	c, err := cms.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if c.Subject.CommonName != common || c.Issuer.CommonName != common || c.Subject.Country[0] != "CH" || !utf8.ValidString(c.Subject.String()) {
		t.Errorf("subject %q, issuer %q", c.Subject, c.Issuer)
	}
	if !bytes.Equal(c.Raw, der) || !bytes.Equal(c.RawSubject, tmpl.RawSubject) || !bytes.Equal(c.RawIssuer, tmpl.RawSubject) {
		t.Error("raw fields are not those of the certificate")
	}
	if err := cms.CheckCertificate(c, c); err != nil {
		t.Errorf("signature: %v", err)
	}
	for name, bad := range map[string][]byte{
		"beyond Unicode": bytes.Replace(bytes.Clone(der), []byte{0, 1, 0xf5, 0x11}, []byte{0, 0x11, 0xf5, 0x11}, -1),
		"a surrogate":    bytes.Replace(bytes.Clone(der), []byte{0, 1, 0xf5, 0x11}, []byte{0, 0, 0xd8, 0}, -1),
		"odd length":     bytes.Replace(bytes.Clone(der), []byte{28, 4 * 12}, []byte{28, 4*12 - 1}, -1),
	} {
		if _, err := cms.ParseCertificate(bad); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}
