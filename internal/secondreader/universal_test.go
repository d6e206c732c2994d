package secondreader_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestUniversalString: a signer whose name only we can read is not a disagreement, and
// the second reader still compares the digest.
func TestUniversalString(t *testing.T) {
	// SEQUENCE { SET { SEQUENCE { commonName, UniversalString "AB" } } }
	name := []byte{0x30, 0x13, 0x31, 0x11, 0x30, 0x0f, 6, 3, 0x55, 4, 3, 28, 8, 0, 0, 0, 'A', 0, 0, 0, 'B'}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(5), RawSubject: name, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := cms.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(formatstest.GoProgram(t, "amd64"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := authenticode.Sign(t.Context(), bytes.NewReader(program), int64(len(program)), &out, authenticode.SignOptions{Signer: cms.Signer{Key: key, Certificate: cert}}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.exe")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := compare(t, path, nil); err != nil {
		t.Error(err)
	}
	if err := compare(t, path, func(r *authenticode.Report) { r.Digests["SHA-256"] = "00" }); err == nil {
		t.Error("another digest is not noticed")
	}
}
