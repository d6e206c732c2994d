package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/regular"
	"github.com/hallmark-dev/hallmark/internal/secret"
)

// maxFile bounds key and certificate files in bytes. A PFX with a long chain
// has some 20 kB, the largest certificate bundles a few hundred.
const maxFile = 4 << 20

// readFile reads a file of an identity.
func readFile(path string) ([]byte, error) {
	b, err := regular.Read(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Usage, "%v", err).Hint("relative paths start at the project's folder")
	}
	if err != nil {
		return nil, fault.New(fault.Usage, "%v", err)
	}
	return b, nil
}

// readKeyFile reads a file that holds a private key and warns when others
// can read it too.
func (i *Identity) readKeyFile(path string) ([]byte, error) {
	b, err := readFile(path)
	if err != nil {
		return nil, err
	}
	if st, err := os.Stat(path); err == nil && secret.Exposed(st.Mode()) {
		i.warn(fmt.Sprintf("%s holds a private key and can be read by other users (mode %04o): chmod 600 it", path, st.Mode().Perm()))
	}
	return b, nil
}

// readCertificates reads all certificates of a file: PEM (also with other
// text and a PKCS #7 block), DER, or PKCS #7 (.p7b, .p7c) in DER. There is
// always at least one, or an error (Usage).
func readCertificates(path string) ([]*x509.Certificate, error) {
	b, err := readFile(path)
	if err != nil {
		return nil, fault.New(fault.Usage, "reading certificates: %w", err)
	}
	certs, err := certchain.ParseCertificates(b)
	if err != nil {
		return nil, fault.New(fault.Usage, "reading certificates from %s: %v", path, err).
			Hint("the file must hold X.509 certificates as PEM, DER or PKCS #7")
	}
	return certs, nil
}

// samePublicKey reports whether two public keys are the same RSA or ECDSA
// key.
func samePublicKey(a, b crypto.PublicKey) bool {
	switch a := a.(type) {
	case *rsa.PublicKey:
		return a.Equal(b)
	case *ecdsa.PublicKey:
		return a.Equal(b)
	}
	return false
}

// pickLeaf takes the certificate that belongs to key out of certs.
func pickLeaf(key crypto.PublicKey, certs []*x509.Certificate) (leaf *x509.Certificate, rest []*x509.Certificate) {
	for _, c := range certs {
		if samePublicKey(key, c.PublicKey) && (leaf == nil || preferLeaf(c, leaf)) {
			leaf = c
		}
	}
	for _, c := range certs {
		if c != leaf {
			rest = append(rest, c)
		}
	}
	return leaf, rest
}

// preferLeaf reports whether a suits better than b when both certify the
// same key: the one for code signing (a YubiKey also shows an attestation of
// each key), then the one that is not a CA, then the one that is valid longer.
func preferLeaf(a, b *x509.Certificate) bool {
	if codeSigning(a) != codeSigning(b) {
		return codeSigning(a)
	}
	if a.IsCA != b.IsCA {
		return b.IsCA
	}
	return a.NotAfter.After(b.NotAfter)
}
