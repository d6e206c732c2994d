package identity

import (
	"crypto/x509"
	"errors"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// parsePKCS7 reads the certificates of a PKCS #7 SignedData, the content of
// .p7b and .p7c files. Signatures in it are not looked at. Two bytes behind
// it are let pass, since some tools end the file with a line break.
func parsePKCS7(b []byte) ([]*x509.Certificate, error) {
	s, err := cms.Parse(b)
	if err != nil {
		return nil, err
	}
	if s.Trailing > 2 {
		return nil, errors.New("reading PKCS #7: more bytes follow")
	}
	var certs []*x509.Certificate
	for _, raw := range s.Certificates {
		c, err := raw.X509()
		if err != nil {
			return nil, err
		}
		certs = append(certs, c)
	}
	if len(certs) == 0 {
		return nil, errors.New("reading PKCS #7: holds no certificates")
	}
	return certs, nil
}
