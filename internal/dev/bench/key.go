package bench

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// Every tool gets the password of the one key in the way that it supports; ours
// reads the variable.
const (
	passwordVariable = "HALLMARK_BENCH_PASSWORD"
	password         = "not a secret"
)

// keyBits is the least that public CAs issue code-signing certificates for
// (CA/Browser Forum, code signing requirements, 6.1.5.2).
const keyBits = 3072

// keyFiles are a root certificate (PEM) and a PKCS #12 file with a
// code-signing key below it and one intermediate.
type keyFiles struct{ root, pfx string }

func makeKey(dir string) (keyFiles, error) {
	var keys [3]*rsa.PrivateKey
	for i := range keys {
		var err error
		if keys[i], err = rsa.GenerateKey(rand.Reader, keyBits); err != nil {
			return keyFiles{}, err
		}
	}
	root, err := issue("Root", nil, keys[0], keys[0])
	if err != nil {
		return keyFiles{}, err
	}
	ca, err := issue("CA", root, keys[1], keys[0])
	if err != nil {
		return keyFiles{}, err
	}
	leaf, err := issue("Publisher", ca, keys[2], keys[1])
	if err != nil {
		return keyFiles{}, err
	}
	pfx, err := pkcs12.Modern2023.Encode(keys[2], leaf, []*x509.Certificate{ca}, password)
	if err != nil {
		return keyFiles{}, err
	}
	k := keyFiles{filepath.Join(dir, "root.pem"), filepath.Join(dir, "key.pfx")}
	if err := os.WriteFile(k.pfx, pfx, 0o600); err != nil {
		return keyFiles{}, err
	}
	return k, os.WriteFile(k.root, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw}), 0o644)
}

// issue makes a certificate for key. Publisher is one for signing code, all
// others are authorities; without a parent it is self-signed.
func issue(name string, parent *x509.Certificate, key, by *rsa.PrivateKey) (*x509.Certificate, error) {
	now := time.Now()
	t := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{Organization: []string{"Hallmark benchmark"}, CommonName: "Benchmark " + name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(0, 1, 0), BasicConstraintsValid: true,
		IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if name == "Publisher" {
		t.IsCA, t.KeyUsage, t.ExtKeyUsage = false, x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
	}
	if parent == nil {
		parent = t
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), by)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
