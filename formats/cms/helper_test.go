package cms

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// payload is what test signatures sign.
var payload = []byte("what is signed\n")

// octets is an OCTET STRING around a short payload.
func octets(b []byte) []byte { return append([]byte{4, byte(len(b))}, b...) }

// signerOf turns a test identity into a Signer.
func signerOf(id *formatstest.Identity, h crypto.Hash) Signer {
	return Signer{Key: id.Key, Certificate: id.Certificate, Chain: id.Chain, Hash: h}
}

// put writes a file into the test's folder and returns its path.
func put(t testing.TB, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// readPEM reads the DER of the first certificate of a PEM file.
func readPEM(t testing.TB, path string) []byte {
	t.Helper()
	block, _ := pem.Decode(read(t, path))
	if block == nil {
		t.Fatalf("no PEM in %s", path)
	}
	return block.Bytes
}

func mustParse(t testing.TB, der []byte) *x509.Certificate {
	t.Helper()
	cert, err := ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
