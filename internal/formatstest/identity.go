package formatstest

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"software.sslmate.com/src/go-pkcs12"
)

// Identity is a key with its certificate. Chain holds the intermediates without the root, nearest issuer first.
type Identity struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
	Chain       []*x509.Certificate
	Root        *x509.Certificate
}

// CertFile writes the certificate and its intermediates as PEM and returns the path.
func (i *Identity) CertFile(t testing.TB) string {
	t.Helper()
	return PEMFile(t, append([]*x509.Certificate{i.Certificate}, i.Chain...)...)
}

// RootFile writes the root as PEM and returns the path.
func (i *Identity) RootFile(t testing.TB) string {
	t.Helper()
	return PEMFile(t, i.Root)
}

// KeyFile writes the key as unencrypted PKCS #8 in PEM and returns the path.
func (i *Identity) KeyFile(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(i.Key)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// PFXFile writes key, certificate and intermediates as PKCS #12 with today's algorithms (AES, PBKDF2, SHA-256).
func (i *Identity) PFXFile(t testing.TB, password string) string {
	t.Helper()
	return i.pfx(t, pkcs12.Modern, password)
}

// LegacyPFXFile writes the same with the algorithms that every Windows reads (3DES, SHA-1); the rig's signtool wants it.
func (i *Identity) LegacyPFXFile(t testing.TB, password string) string {
	t.Helper()
	return i.pfx(t, pkcs12.LegacyDES, password)
}

func (i *Identity) pfx(t testing.TB, enc *pkcs12.Encoder, password string) string {
	t.Helper()
	der, err := enc.Encode(i.Key, i.Certificate, i.Chain, password)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "identity.pfx", der)
}

// PEMFile writes certificates as PEM into one file and returns its path.
func PEMFile(t testing.TB, certs ...*x509.Certificate) string {
	t.Helper()
	var b bytes.Buffer
	for _, c := range certs {
		if err := pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}); err != nil {
			t.Fatal(err)
		}
	}
	return write(t, "certs.pem", b.Bytes())
}

// write puts bytes into a file of its own folder, which the test removes at its end.
func write(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
