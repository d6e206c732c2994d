package identity

import (
	"crypto"
	"crypto/x509"
	"errors"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/hallmark-dev/hallmark/internal/fault"
)

// loadPKCS12 opens a PFX file (RFC 7292), with the encryptions of OpenSSL 3
// (PBES2, AES), of Windows and of older tools (RC2, 3DES).
func (i *Identity) loadPKCS12(r Ref) error {
	path := i.opts.path(r.File)
	password, err := i.password()
	if err != nil {
		return err
	}
	b, err := i.readKeyFile(path)
	if err != nil {
		return fault.New(fault.Usage, "reading PKCS #12 file: %w", err)
	}
	key, certs, err := decodePKCS12(b, password)
	if err != nil {
		return pkcs12Error(path, password, err)
	}
	return i.adopt(key, certs, path)
}

func decodePKCS12(b, password []byte) (crypto.Signer, []*x509.Certificate, error) {
	k, first, more, err := pkcs12.DecodeChain(b, string(password))
	if err != nil {
		return nil, nil, err
	}
	key, err := usableKey(k)
	return key, append([]*x509.Certificate{first}, more...), err
}

func pkcs12Error(path string, password []byte, err error) error {
	switch wrong := errors.Is(err, pkcs12.ErrIncorrectPassword) || errors.Is(err, pkcs12.ErrDecryption); {
	case wrong && password == nil:
		return fault.New(fault.Usage, "reading PKCS #12 file: %s needs a password and none was given", path).
			Hint("give password: env:NAME or file:PATH (-password= on the command line)")
	case wrong:
		return fault.New(fault.Usage, "reading PKCS #12 file: the password of %s is wrong", path).
			Hint("check what sign.password (or -password=) refers to; a space at its end counts")
	}
	return fault.New(fault.Usage, "reading PKCS #12 file: %s: %v", path, err).
		Hint("the file must hold one RSA or ECDSA key with its certificate, as openssl pkcs12 -export writes it")
}
