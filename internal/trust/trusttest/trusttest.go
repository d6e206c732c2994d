// Package trusttest writes a store of Microsoft's lists for tests, signed by a
// publisher of its own.
package trusttest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // how the lists name certificates
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Root is one root of the list, trusted for everything. Usage, if set, is the one
// that the dates concern.
type Root struct {
	*x509.Certificate
	Usage               asn1.ObjectIdentifier
	Disabled, NotBefore time.Time
}

// Store is the contents of a store.
type Store struct {
	Roots []Root
	// Disallowed are SHA-1 thumbprints.
	Disallowed [][]byte
}

// Properties of the entries (wincrypt.h).
const (
	sha256Hash, disabled, disabledUsage, notBefore, notBeforeUsage = 98, 104, 122, 126, 127
)

// Write writes the lists that s has entries for to dir, and returns the root of
// their signer.
func Write(t testing.TB, dir string, s Store) *certchain.Pool {
	t.Helper()
	root, signer := publisher(t)
	if len(s.Roots) > 0 {
		write(t, dir, "authroot.stl", sign(t, signer, certchain.UsageRootList.OID(), func(b *cryptobyte.Builder) {
			for _, r := range s.Roots {
				r.add(b)
			}
		}))
		var certs []byte
		for _, r := range s.Roots {
			certs = append(certs, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Raw})...)
		}
		write(t, dir, "authroot.pem", certs)
	}
	if len(s.Disallowed) > 0 {
		write(t, dir, "disallowedcert.stl", sign(t, signer, certchain.UsageDisallowedList.OID(), func(b *cryptobyte.Builder) {
			for _, id := range s.Disallowed {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1OctetString(id) })
			}
		}))
	}
	return certchain.NewPool(root)
}

func write(t testing.TB, dir, name string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// publisher makes the root and the signer of lists.
func publisher(t testing.TB) (*x509.Certificate, cms.Signer) {
	t.Helper()
	make := func(cn string, parent *x509.Certificate, by *ecdsa.PrivateKey, usages ...asn1.ObjectIdentifier) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cn}, IsCA: parent == nil, BasicConstraintsValid: true,
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), UnknownExtKeyUsage: usages}
		if parent == nil {
			parent, by = tmpl, key
		}
		der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), by)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c, key
	}
	root, rootKey := make("Microsoft Test Root", nil, nil)
	leaf, key := make("Test List Publisher", root, rootKey, certchain.UsageRootList.OID())
	return root, cms.Signer{Key: key, Certificate: leaf}
}

func sign(t testing.TB, signer cms.Signer, usage asn1.ObjectIdentifier, entries func(*cryptobyte.Builder)) []byte {
	t.Helper()
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(usage) })
		b.AddASN1Int64(1)
		b.AddASN1UTCTime(time.Now().UTC())
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(cms.OIDSHA1) })
		b.AddASN1(cbasn1.SEQUENCE, entries)
	})
	sd, err := cms.Sign(context.Background(), cms.ContentInfo{Type: cms.OIDCTL, DER: b.BytesOrPanic()}, signer, nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := sd.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func (r Root) add(b *cryptobyte.Builder) {
	s1, s256 := sha1.Sum(r.Raw), sha256.Sum256(r.Raw)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1OctetString(s1[:])
		b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
			property(b, sha256Hash, s256[:])
			r.limit(b, r.Disabled, disabled, disabledUsage)
			r.limit(b, r.NotBefore, notBefore, notBeforeUsage)
		})
	})
}

func (r Root) limit(b *cryptobyte.Builder, date time.Time, number, usages int) {
	if date.IsZero() {
		return
	}
	// FILETIME: 100 ns since 1601-01-01.
	property(b, number, binary.LittleEndian.AppendUint64(nil, uint64(date.Unix()+11644473600)*1e7))
	if r.Usage != nil {
		var list cryptobyte.Builder
		list.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(r.Usage) })
		property(b, usages, list.BytesOrPanic())
	}
}

func property(b *cryptobyte.Builder, number int, value []byte) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 11, number})
		b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddASN1OctetString(value) })
	})
}
