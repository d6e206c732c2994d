package timeserver

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/rfc3161"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// holder is a certificate with its key.
type holder struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func issued(t *testing.T, name string, by *holder, tsa bool) *holder {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: !tsa, KeyUsage: x509.KeyUsageCertSign,
	}
	if tsa {
		usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
		if err != nil {
			t.Fatal(err)
		}
		c.KeyUsage, c.ExtraExtensions = x509.KeyUsageDigitalSignature, []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}}
	}
	parent, parentKey := c, crypto.Signer(key)
	if by != nil {
		parent, parentKey = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return &holder{c, key}
}

// TestServerWithoutIntermediates: what the server does not send is put into the stamp
// from wherever it is at hand, so that the root alone is enough to verify; where it is
// not at hand the stamp is refused.
func TestServerWithoutIntermediates(t *testing.T) {
	root := issued(t, "Root", nil, false)
	upper := issued(t, "Upper CA", root, false)
	lower := issued(t, "Lower CA", upper, false)
	tsa := issued(t, "Time server", lower, true)
	h, err := rfc3161.NewServer(rfc3161.ServerOptions{Key: tsa.key, Certificate: tsa.cert})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	elsewhere := func(_ context.Context, c *x509.Certificate) ([]*x509.Certificate, error) {
		switch c.Issuer.CommonName {
		case "Lower CA":
			return []*x509.Certificate{lower.cert}, nil
		case "Upper CA":
			return []*x509.Certificate{upper.cert}, nil
		}
		return nil, errors.New("no such address")
	}
	nowhere := func(context.Context, *x509.Certificate) ([]*x509.Certificate, error) {
		return nil, errors.New("no answer from the CA")
	}
	both := []*x509.Certificate{upper.cert, lower.cert}
	for name, c := range map[string]struct {
		anchors, hand []*x509.Certificate
		issuers       Issuers
		added         int
		refused       string
	}{
		"nothing":                    {anchors: []*x509.Certificate{root.cert}, refused: "Lower CA"},
		"one of two":                 {anchors: []*x509.Certificate{root.cert}, hand: both[1:], refused: "Upper CA"},
		"at hand":                    {anchors: []*x509.Certificate{root.cert}, hand: both, added: 2},
		"among the roots":            {anchors: []*x509.Certificate{upper.cert, root.cert, lower.cert}, added: 2},
		"fetched":                    {anchors: []*x509.Certificate{root.cert}, issuers: elsewhere, added: 2},
		"one at hand, one fetched":   {anchors: []*x509.Certificate{root.cert}, hand: both[1:], issuers: elsewhere, added: 2},
		"not to be fetched":          {anchors: []*x509.Certificate{root.cert}, issuers: nowhere, refused: "no answer from the CA"},
		"an intermediate is trusted": {anchors: both[1:], added: 1},
	} {
		t.Run(name, func(t *testing.T) {
			o := Options{Servers: []string{srv.URL}, Hash: crypto.SHA256, Attempts: 1, Intermediates: c.hand, Issuers: c.issuers}
			s, stop, err := Open(t.Context(), o, certchain.NewRoots(c.anchors...), nobody)
			if err != nil {
				t.Fatal(err)
			}
			defer stop()
			value := []byte("the value of a signature")
			der, _, err := s.Stamp(t.Context(), value)
			legacy, _, lerr := s.StampLegacy(t.Context(), value)
			if c.refused != "" {
				for _, err := range []error{err, lerr} {
					if fault.Status(err) != fault.Verification || !strings.Contains(err.Error(), c.refused) {
						t.Errorf("got %v", err)
					}
				}
				return
			}
			if err != nil || lerr != nil {
				t.Fatal(err, lerr)
			}
			token, err := rfc3161.ParseToken(der)
			if err != nil {
				t.Fatal(err)
			}
			anchors := certchain.NewRoots(root.cert)
			if c.added < 2 {
				anchors = certchain.NewRoots(c.anchors...)
			}
			if err := token.Check(value, rfc3161.CheckOptions{Trust: anchors.StampChain}); err != nil || len(token.SignedData.Certificates) != 1+c.added {
				t.Errorf("with the root alone: %v; %d certificates", err, len(token.SignedData.Certificates))
			}
			if err := anchors.StampChain(tsa.cert, legacy.Certificates, legacy.Time); err != nil {
				t.Errorf("the older protocol: %v", err)
			}
		})
	}
}
