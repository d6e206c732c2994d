package identity

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
)

// parsePKCS7 reads the certificates of a PKCS #7 SignedData (RFC 2315
// section 9.1), the content of .p7b and .p7c files. Signatures in it are not
// looked at.
func parsePKCS7(b []byte) ([]*x509.Certificate, error) {
	var outer struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"explicit,tag:0"`
	}
	rest, err := asn1.Unmarshal(b, &outer)
	if err != nil {
		return nil, fmt.Errorf("reading PKCS #7: %v", err)
	}
	signedData := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	if !outer.Type.Equal(signedData) || len(rest) > 2 { // some tools end the file with a line break
		return nil, errors.New("reading PKCS #7: not a SignedData")
	}
	var inner struct {
		Version          int
		DigestAlgorithms asn1.RawValue
		ContentInfo      asn1.RawValue
		Certificates     asn1.RawValue `asn1:"optional,tag:0"`
		CRLs             asn1.RawValue `asn1:"optional,tag:1"`
		SignerInfos      asn1.RawValue
	}
	if _, err := asn1.Unmarshal(outer.Content.Bytes, &inner); err != nil {
		return nil, fmt.Errorf("reading PKCS #7: %v", err)
	}
	certs, err := x509.ParseCertificates(inner.Certificates.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading PKCS #7 certificates: %v", err)
	}
	if len(certs) == 0 {
		return nil, errors.New("reading PKCS #7: holds no certificates")
	}
	return certs, nil
}
