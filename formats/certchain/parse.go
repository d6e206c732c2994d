package certchain

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// ParseCertificates reads certificates from b: PEM blocks with certificates or PKCS#7
// (others are passed over), one or more certificates in DER one after the other, or a
// PKCS#7 in DER (.p7b, .p7c). No certificate at all is an error.
func ParseCertificates(b []byte) ([]*x509.Certificate, error) {
	blocks, err := cms.PEMBlocks(b)
	if err != nil {
		return nil, err
	}
	if len(blocks) == 0 {
		return parseDERCertificates(b)
	}
	var out []*x509.Certificate
	for n, block := range blocks {
		certs, err := parsePEMBlock(block)
		if err != nil {
			return nil, fmt.Errorf("PEM block %d: %v", n+1, err)
		}
		out = append(out, certs...)
	}
	if len(out) == 0 {
		return nil, errNoCertificate
	}
	return out, nil
}

var errNoCertificate = errors.New("no certificate found")

func parsePEMBlock(block *pem.Block) ([]*x509.Certificate, error) {
	switch block.Type {
	case "CERTIFICATE", "X509 CERTIFICATE":
		c, err := cms.ParseCertificate(block.Bytes)
		return []*x509.Certificate{c}, err
	case "TRUSTED CERTIFICATE":
		return nil, errors.New("holds OpenSSL's trust settings: write it again with openssl x509 -in OLD -out NEW")
	case "PKCS7", "CMS":
		return parsePKCS7Certificates(block.Bytes)
	}
	return nil, nil
}

func parseDERCertificates(b []byte) ([]*x509.Certificate, error) {
	out, err := x509.ParseCertificates(b)
	if err == nil && len(out) > 0 {
		return out, nil
	}
	if len(b) == 0 {
		return nil, errNoCertificate
	}
	if c, perr := cms.ParseCertificate(b); perr == nil { // with a serial number that crypto/x509 refuses
		return []*x509.Certificate{c}, nil
	}
	if certs, perr := parsePKCS7Certificates(b); perr == nil {
		return certs, nil
	}
	return nil, fmt.Errorf("neither PEM nor DER certificates nor PKCS#7: %v", err)
}

// parsePKCS7Certificates reads a certs-only message (RFC 2315 section 9, degenerate
// case). Two bytes after it are let pass, since some tools end the file with a line
// break.
func parsePKCS7Certificates(b []byte) ([]*x509.Certificate, error) {
	sd, err := cms.Parse(b)
	if err != nil {
		return nil, err
	}
	if sd.Trailing > 2 {
		return nil, fmt.Errorf("%d bytes follow the PKCS#7", sd.Trailing)
	}
	out, err := sd.X509Certificates()
	if err == nil && len(out) == 0 {
		err = errNoCertificate
	}
	return out, err
}
