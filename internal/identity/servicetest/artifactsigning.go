package servicetest

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// ArtifactSigning stands in for Azure Artifact Signing with one certificate
// profile, account "release-account", profile "public-trust". Tokens are those
// of an Entra.
type ArtifactSigning struct {
	*Server
	Entra *Entra
	// Days are the certificates that sign, one operation after the other; the
	// last goes on.
	Days  []*formatstest.Identity
	Polls int    // answers InProgress before there is a signature
	State string // that operations end with, in place of Succeeded
	Plain bool   // certificates coded in base64 once

	operations map[string]*signature
	made       int
}

type signature struct {
	id     *formatstest.Identity
	value  []byte
	polled int
}

// NewArtifactSigning starts one.
func NewArtifactSigning(t testing.TB, e *Entra, days ...*formatstest.Identity) *ArtifactSigning {
	a := &ArtifactSigning{Entra: e, Days: days, Polls: 2, operations: map[string]*signature{}}
	mux := http.NewServeMux()
	const profile = "/codesigningaccounts/release-account/certificateprofiles/public-trust/sign"
	mux.HandleFunc("POST "+profile, a.with(a.sign))
	mux.HandleFunc("GET "+profile+"/{id}", a.with(a.poll))
	a.Server = New(t, mux)
	return a
}

// Ref is the short form of the profile.
func (a *ArtifactSigning) Ref() string {
	return "artifact-signing:release-account/public-trust?endpoint=" + a.URL
}

// Daily makes a certificate as the service issues it each day: 72 hours, the
// marker of public trust and the subscriber's own usage.
func Daily(t testing.TB, key crypto.Signer, more ...func(*x509.Certificate)) *formatstest.Identity {
	t.Helper()
	return formatstest.NewPKI(t).IssueFor(t, key, "Release Test Ltd", func(c *x509.Certificate) {
		c.NotBefore = time.Now().Add(-time.Hour)
		c.NotAfter = c.NotBefore.Add(72 * time.Hour)
		c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 3, 6, 1, 4, 1, 311, 97, 1, 0}, {1, 3, 6, 1, 4, 1, 311, 97, 990309390, 766961637, 194916062, 941502583}}
		for _, m := range more {
			m(c)
		}
	})
}

// SubscriberEKU is the subscriber's own usage in certificates of Daily.
const SubscriberEKU = "1.3.6.1.4.1.311.97.990309390.766961637.194916062.941502583"

func (a *ArtifactSigning) with(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Azure-Ref", "azure-ref-1")
		switch {
		case r.Header.Get("Authorization") == "":
			w.WriteHeader(401)
		case !a.Entra.Accepts(r, "https://codesigning.azure.net"):
			answer(w, 401, map[string]any{"errorDetail": map[string]string{"code": "InvalidAudience", "message": "The token is not for this service", "target": "t"}})
		case r.URL.Query().Get("api-version") != "2022-06-15-preview":
			answer(w, 400, map[string]any{"title": "One or more validation errors occurred.", "status": 400, "errors": map[string][]string{"api-version": {"is missing"}}})
		default:
			h(w, r)
		}
	}
}

func (a *ArtifactSigning) sign(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Algorithm string `json:"signatureAlgorithm"`
		Digest    []byte `json:"digest"`
	}
	if json.NewDecoder(r.Body).Decode(&b) != nil || len(b.Algorithm) != 5 {
		answer(w, 400, map[string]any{"error": map[string]string{"code": "BadRequest", "message": "The body cannot be read"}})
		return
	}
	h := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[b.Algorithm[2:]]
	if h == 0 || len(b.Digest) != h.Size() || !strings.HasPrefix(b.Algorithm, "RS") {
		answer(w, 400, map[string]any{"status": 400, "title": "One or more validation errors occurred.", "errors": map[string][]string{"Digest": {"has a wrong length"}}})
		return
	}
	a.mu.Lock()
	id := a.Days[min(a.made, len(a.Days)-1)]
	a.made++
	name := fmt.Sprintf("00000000-0000-0000-0000-%012d", a.made)
	a.mu.Unlock()
	value, err := id.Key.Sign(rand.Reader, b.Digest, h)
	if err != nil {
		answer(w, 500, map[string]any{"error": map[string]string{"code": "InternalError", "message": err.Error()}})
		return
	}
	a.mu.Lock()
	a.operations[name] = &signature{id: id, value: value}
	a.mu.Unlock()
	w.Header().Set("Operation-Location", a.URL+r.URL.Path+"/"+name)
	answer(w, 202, map[string]any{"operationId": name, "status": "InProgress", "signature": nil, "signingCertificate": nil})
}

func (a *ArtifactSigning) poll(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	s := a.operations[r.PathValue("id")]
	if s != nil {
		s.polled++
	}
	a.mu.Unlock()
	v := map[string]any{"operationId": r.PathValue("id"), "status": "InProgress", "signature": nil, "signingCertificate": nil}
	switch {
	case s == nil:
		v["status"] = "NotFound"
	case s.polled <= a.Polls:
	case a.State != "":
		v["status"] = a.State
	default:
		v["status"], v["signature"], v["signingCertificate"] = "Succeeded", s.value, a.wrap(s.id)
	}
	answer(w, 200, v)
}

// wrap codes the certificates as the service does: a PKCS #7 that holds the
// leaf as its content and the certificates in no order, in base64 with lines of
// 64 and CR LF, and that text in base64 again.
func (a *ArtifactSigning) wrap(id *formatstest.Identity) string {
	certs := [][]byte{id.Root.Raw, id.Certificate.Raw}
	for _, c := range id.Chain {
		certs = append(certs, c.Raw)
	}
	der := pkcs7(id.Certificate.Raw, certs)
	if a.Plain {
		return base64.StdEncoding.EncodeToString(der)
	}
	var lines strings.Builder
	for text := base64.StdEncoding.EncodeToString(der); text != ""; {
		n := min(64, len(text))
		lines.WriteString(text[:n] + "\r\n")
		text = text[n:]
	}
	return base64.StdEncoding.EncodeToString([]byte(lines.String()))
}

// pkcs7 is a SignedData (RFC 2315 section 9.1) without signer.
func pkcs7(content []byte, certs [][]byte) []byte {
	tlv := func(tag byte, parts ...[]byte) []byte {
		var body []byte
		for _, p := range parts {
			body = append(body, p...)
		}
		der, err := asn1.Marshal(asn1.RawValue{Class: int(tag >> 6), Tag: int(tag & 0x1f), IsCompound: tag&0x20 != 0, Bytes: body})
		if err != nil {
			panic(err) // a constant of this file is wrong
		}
		return der
	}
	oid := func(o asn1.ObjectIdentifier) []byte {
		der, err := asn1.Marshal(o)
		if err != nil {
			panic(err) // a constant of this file is wrong
		}
		return der
	}
	data := tlv(0x30, oid(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}), tlv(0xa0, tlv(0x04, content)))
	signed := tlv(0x30, []byte{2, 1, 1}, tlv(0x31), data, tlv(0xa0, certs...), tlv(0x31))
	return tlv(0x30, oid(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}), tlv(0xa0, signed))
}
