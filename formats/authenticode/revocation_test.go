package authenticode_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
)

func pemCRL(der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}) }

func TestVerifyCRL(t *testing.T) {
	v := newVfiles(t)
	plain, stamped := v.good(), v.stampedFile()
	serial := v.pki.Leaf.Certificate.SerialNumber
	year := time.Now().AddDate(-1, 0, 0)
	crl := v.pki.CRL(t, year, serial)
	spoiled := append([]byte(nil), crl...)
	spoiled[len(spoiled)-1] ^= 1
	for name, c := range map[string]struct {
		file    []byte
		rev     certchain.Revocation
		verdict authenticode.Verdict
	}{
		"not asked for":                       {plain, certchain.Revocation{}, authenticode.VerdictTrusted},
		"not listed":                          {plain, certchain.Revocation{CRLs: [][]byte{v.pki.CRL(t, year)}}, authenticode.VerdictTrusted},
		"another is listed":                   {plain, certchain.Revocation{CRLs: [][]byte{v.pki.CRL(t, year, big.NewInt(1))}}, authenticode.VerdictTrusted},
		"revoked":                             {plain, certchain.Revocation{CRLs: [][]byte{crl}}, authenticode.VerdictRevoked},
		"revoked, PEM":                        {plain, certchain.Revocation{CRLs: [][]byte{pemCRL(crl)}}, authenticode.VerdictRevoked},
		"revoked, the second in PEM":          {plain, certchain.Revocation{CRLs: [][]byte{append(pemCRL(v.pki.CRL(t, year)), pemCRL(crl)...)}}, authenticode.VerdictRevoked},
		"PEM of something else":               {plain, certchain.Revocation{CRLs: [][]byte{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: crl})}}, authenticode.VerdictRevocationFailure},
		"the second in PEM is damaged":        {plain, certchain.Revocation{CRLs: [][]byte{append(pemCRL(v.pki.CRL(t, year)), pemCRL(crl[:99])...)}}, authenticode.VerdictRevocationFailure},
		"revoked, date before the stamp":      {stamped, certchain.Revocation{CRLs: [][]byte{crl}}, authenticode.VerdictRevoked},
		"revoked, date after the stamp":       {stamped, certchain.Revocation{CRLs: [][]byte{v.pki.CRL(t, time.Now().Add(time.Hour), serial)}}, authenticode.VerdictTrusted},
		"revoked in the future, no stamp":     {plain, certchain.Revocation{CRLs: [][]byte{v.pki.CRL(t, time.Now().Add(time.Hour), serial)}}, authenticode.VerdictRevoked},
		"invalid since, earlier than revoked": {stamped, certchain.Revocation{CRLs: [][]byte{v.crl(func(l *x509.RevocationList) { l.RevokedCertificateEntries[0] = backdated(serial, year) })}}, authenticode.VerdictRevoked},
		"removed again":                       {plain, certchain.Revocation{CRLs: [][]byte{v.crl(func(l *x509.RevocationList) { l.RevokedCertificateEntries[0].ReasonCode = 8 })}}, authenticode.VerdictTrusted},
		"signature of the CRL is wrong":       {plain, certchain.Revocation{CRLs: [][]byte{spoiled}}, authenticode.VerdictTrusted},
		"signature of the CRL is wrong, need": {plain, certchain.Revocation{CRLs: [][]byte{spoiled}, Need: true}, authenticode.VerdictRevocationFailure},
		"nothing known, need":                 {plain, certchain.Revocation{Need: true}, authenticode.VerdictRevocationFailure},
		"out of date, need": {plain, certchain.Revocation{CRLs: [][]byte{v.crl(func(l *x509.RevocationList) {
			l.RevokedCertificateEntries = nil
			l.NextUpdate = time.Now().Add(-time.Hour)
			l.ThisUpdate = year
		})}, Need: true}, authenticode.VerdictRevocationFailure},
		"out of date, but names it": {plain, certchain.Revocation{CRLs: [][]byte{v.crl(func(l *x509.RevocationList) { l.NextUpdate = time.Now().Add(-time.Hour); l.ThisUpdate = year })}}, authenticode.VerdictRevoked},
		"delta only, need": {plain, certchain.Revocation{CRLs: [][]byte{v.crl(func(l *x509.RevocationList) {
			l.RevokedCertificateEntries = nil
			l.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}}
		})}, Need: true}, authenticode.VerdictRevocationFailure},
		"unreadable": {plain, certchain.Revocation{CRLs: [][]byte{[]byte("no CRL")}}, authenticode.VerdictRevocationFailure},
	} {
		t.Run(name, func(t *testing.T) {
			r := verifyBytes(t, c.file, authenticode.VerifyOptions{Roots: v.roots(), Revocation: c.rev})
			if r.Windows != c.verdict {
				t.Errorf("verdict is %v, want %v\n%s", r.Windows, c.verdict, r)
			}
		})
	}
}

// TestLifetimeRevoked: a timestamp does not save a lifetime signature from a later revocation.
func TestLifetimeRevoked(t *testing.T) {
	v := newVfiles(t)
	crl := v.pki.CRL(t, time.Now().Add(time.Hour), v.pki.Leaf.Certificate.SerialNumber)
	for lifetime, want := range map[bool]authenticode.Verdict{false: authenticode.VerdictTrusted, true: authenticode.VerdictRevoked} {
		r := verifyBytes(t, v.stampedFile(), authenticode.VerifyOptions{Roots: v.roots(), LifetimeSigning: lifetime, Revocation: certchain.Revocation{CRLs: [][]byte{crl}}})
		if r.Windows != want {
			t.Errorf("lifetime %v: verdict is %v, want %v", lifetime, r.Windows, want)
		}
	}
}

// crl is a CRL that names the leaf; edit may change the template.
func (v *vfiles) crl(edit func(*x509.RevocationList)) []byte {
	v.t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(2), ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().AddDate(0, 0, 7),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: v.pki.Leaf.Certificate.SerialNumber, RevocationTime: time.Now().AddDate(0, -1, 0)}}}
	edit(list)
	der, err := x509.CreateRevocationList(rand.Reader, list, v.pki.Intermediate, v.pki.IntermediateKey())
	if err != nil {
		v.t.Fatal(err)
	}
	return der
}

// backdated is an entry of tomorrow whose key is said to be compromised since a date.
func backdated(serial *big.Int, since time.Time) x509.RevocationListEntry {
	value, _ := asn1.MarshalWithParams(since.UTC(), "generalized")
	return x509.RevocationListEntry{SerialNumber: serial, RevocationTime: time.Now().AddDate(0, 0, 1),
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 24}, Value: value}}}
}

func (v *vfiles) ocsp(edit func(*ocsp.Response)) []byte {
	v.t.Helper()
	resp := ocsp.Response{Status: ocsp.Good, SerialNumber: v.pki.Leaf.Certificate.SerialNumber, ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour)}
	edit(&resp)
	der, err := ocsp.CreateResponse(v.pki.Intermediate, v.pki.Intermediate, resp, v.pki.IntermediateKey())
	if err != nil {
		v.t.Fatal(err)
	}
	return der
}

func TestVerifyOCSP(t *testing.T) {
	v := newVfiles(t)
	revoked := func(r *ocsp.Response) { r.Status, r.RevokedAt = ocsp.Revoked, time.Now().AddDate(-1, 0, 0) }
	good := v.ocsp(func(*ocsp.Response) {})
	spoiled := append([]byte(nil), v.ocsp(revoked)...)
	spoiled[len(spoiled)-1] ^= 1
	for name, c := range map[string]struct {
		rev     certchain.Revocation
		verdict authenticode.Verdict
	}{
		"good":             {certchain.Revocation{OCSP: [][]byte{good}}, authenticode.VerdictTrusted},
		"revoked":          {certchain.Revocation{OCSP: [][]byte{v.ocsp(revoked)}}, authenticode.VerdictRevoked},
		"good and revoked": {certchain.Revocation{OCSP: [][]byte{good, v.ocsp(revoked), good}}, authenticode.VerdictRevoked},
		"CRL says revoked": {certchain.Revocation{OCSP: [][]byte{good}, CRLs: [][]byte{v.crl(func(*x509.RevocationList) {})}}, authenticode.VerdictRevoked},
		"wrong signature":  {certchain.Revocation{OCSP: [][]byte{spoiled}}, authenticode.VerdictTrusted},
		"unreadable":       {certchain.Revocation{OCSP: [][]byte{[]byte("no response")}}, authenticode.VerdictRevocationFailure},
		"refusal":          {certchain.Revocation{OCSP: [][]byte{ocsp.TryLaterErrorResponse}}, authenticode.VerdictRevocationFailure},
		"need, unknown":    {certchain.Revocation{Need: true, OCSP: [][]byte{v.ocsp(func(r *ocsp.Response) { r.Status = ocsp.Unknown })}}, authenticode.VerdictRevocationFailure},
		"need, out of date": {certchain.Revocation{Need: true, OCSP: [][]byte{v.ocsp(func(r *ocsp.Response) {
			r.ThisUpdate, r.NextUpdate = time.Now().AddDate(0, -2, 0), time.Now().AddDate(0, -1, 0)
		})}}, authenticode.VerdictRevocationFailure},
	} {
		t.Run(name, func(t *testing.T) {
			r := verifyBytes(t, v.good(), authenticode.VerifyOptions{Roots: v.roots(), Revocation: c.rev})
			if r.Windows != c.verdict {
				t.Errorf("verdict is %v, want %v\n%s", r.Windows, c.verdict, r)
			}
		})
	}
}

// web is a Fetcher with fixed answers.
type web map[string][]byte

func (w web) Fetch(_ context.Context, url string, _ []byte) ([]byte, error) {
	if b, ok := w[url]; ok {
		return b, nil
	}
	return nil, errors.New("no such server")
}

// TestVerifyFetches completes a chain over AIA and asks OCSP and CRL servers, in that order.
func TestVerifyFetches(t *testing.T) {
	v := newVfiles(t)
	id := v.pki.Issue(t, "Fetched Publisher", func(c *x509.Certificate) {
		c.IssuingCertificateURL = []string{"http://nowhere.test/", "http://ca.test/ca.cer"}
		c.OCSPServer, c.CRLDistributionPoints = []string{"http://ocsp.test/"}, []string{"http://ca.test/ca.crl"}
	})
	whole := v.read(v.sign(id))
	bare := *id
	bare.Chain = nil
	short := v.read(v.sign(&bare))
	listed := v.crl(func(l *x509.RevocationList) {
		l.RevokedCertificateEntries[0].SerialNumber = id.Certificate.SerialNumber
	})
	for name, c := range map[string]struct {
		file    []byte
		web     certchain.Fetcher
		need    bool
		verdict authenticode.Verdict
	}{
		"no network":         {short, nil, false, authenticode.VerdictChaining},
		"network down":       {short, web{}, false, authenticode.VerdictChaining},
		"issuer fetched":     {short, web{"http://ca.test/ca.cer": v.pki.Intermediate.Raw}, false, authenticode.VerdictTrusted},
		"another fetched":    {short, web{"http://ca.test/ca.cer": v.pki.Root.Raw}, false, authenticode.VerdictChaining},
		"CRL fetched":        {whole, web{"http://ca.test/ca.crl": listed}, false, authenticode.VerdictRevoked},
		"OCSP fetched":       {whole, web{"http://ocsp.test/": v.ocsp(func(r *ocsp.Response) { r.SerialNumber, r.Status = id.Certificate.SerialNumber, ocsp.Revoked })}, false, authenticode.VerdictRevoked},
		"servers down, need": {whole, web{}, true, authenticode.VerdictRevocationOffline},
		"servers down":       {whole, web{}, false, authenticode.VerdictTrusted},
	} {
		t.Run(name, func(t *testing.T) {
			r := verifyBytes(t, c.file, authenticode.VerifyOptions{Roots: v.roots(), Fetcher: c.web, Revocation: certchain.Revocation{Need: c.need}})
			if r.Windows != c.verdict {
				t.Errorf("verdict is %v, want %v\n%s", r.Windows, c.verdict, r)
			}
		})
	}
}
