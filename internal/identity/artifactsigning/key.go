package artifactsigning

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/azure"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

const apiVersion = "?api-version=2022-06-15-preview"

// Waits between two questions whether a signature is there.
const (
	firstPoll = 50 * time.Millisecond
	morePoll  = 10 * time.Millisecond // longer each time
	lastPoll  = time.Second
)

// key is the key of a certificate profile.
type key struct {
	profile
	caller *service.Caller
	tokens *azure.Tokens
	auth   service.Authorizer
}

func (k *key) token(ctx context.Context) (string, time.Time, error) {
	return k.tokens.Token(ctx, scope, "")
}

func (k *key) base() string {
	return k.endpoint.String() + "/codesigningaccounts/" + url.PathEscape(k.account) + "/certificateprofiles/" + url.PathEscape(k.name) + "/sign"
}

func (k *key) header() http.Header {
	h := http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"}}
	if k.correlation != "" {
		h.Set("X-Correlation-Id", k.correlation)
	}
	return h
}

// Open makes the trial signature: the certificate comes only with one.
func (k *key) Open(ctx context.Context) (*service.Held, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, service.SignTimeout, fmt.Errorf("no signature within %v", service.SignTimeout))
	defer cancel()
	sum := sha256.Sum256([]byte("Hallmark trial signature: not over any file"))
	d := service.Digest{Scheme: service.SchemePKCS1v15, Hash: crypto.SHA256, Sum: sum[:]}
	signed, err := k.Sign(ctx, d)
	if err != nil {
		return nil, err
	}
	leaf := verifying(signed, d)
	if leaf == nil {
		return nil, fault.New(fault.Service, "%s: sign: answered with a signature that none of its certificates verifies", name).Hint("run the same command again")
	}
	return &service.Held{
		Publics: []crypto.PublicKey{leaf.PublicKey}, Certificates: signed.Certificates, Tried: true,
		Info: &service.Info{Name: k.account + "/" + k.name, Protection: "HSM", Region: k.endpoint.Host, Credential: k.tokens.From},
	}, nil
}

// verifying is the certificate whose key verifies the signature; the order of
// the certificates says nothing.
func verifying(s *service.Signed, d service.Digest) *x509.Certificate {
	for _, c := range s.Certificates {
		if p, ok := c.PublicKey.(*rsa.PublicKey); ok && rsa.VerifyPKCS1v15(p, d.Hash, d.Sum, s.Signature) == nil {
			return c
		}
	}
	return nil
}

// operation is the state of a signature that was asked for.
type operation struct {
	ID          string  `json:"operationId"`
	Status      string  `json:"status"`
	Signature   []byte  `json:"signature"`
	Certificate *string `json:"signingCertificate"`
}

// algorithm names a signature (RFC 7518 section 3.1).
func algorithm(s service.Scheme, h crypto.Hash) (string, error) {
	begin := map[service.Scheme]string{service.SchemePKCS1v15: "RS", service.SchemePSS: "PS", service.SchemeECDSA: "ES"}[s]
	end := map[crypto.Hash]string{crypto.SHA256: "256", crypto.SHA384: "384", crypto.SHA512: "512"}[h]
	if begin == "" || end == "" {
		return "", fmt.Errorf("%s does not support %s with %v", name, s, h)
	}
	return begin + end, nil
}

// Sign asks for a signature and waits for it.
func (k *key) Sign(ctx context.Context, d service.Digest) (*service.Signed, error) {
	alg, err := algorithm(d.Scheme, d.Hash)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]any{"signatureAlgorithm": alg, "digest": d.Sum})
	if err != nil {
		return nil, err
	}
	a, err := k.caller.Call(ctx, service.Request{Operation: "sign", URL: k.base() + apiVersion, Header: k.header(), Body: body, Auth: k.auth, Counted: true})
	if err != nil {
		return nil, err
	}
	for wait := firstPoll; ; wait = min(wait+morePoll, lastPoll) {
		var o operation
		if err := a.JSON(&o); err != nil {
			return nil, err
		}
		switch o.Status {
		case "Succeeded":
			return signed(a, o)
		case "InProgress", "Running":
		default:
			return nil, k.failed(o.Status)
		}
		if o.ID == "" {
			return nil, a.Bad("an operation without an id")
		}
		if err := k.wait(ctx, a, wait); err != nil {
			return nil, err
		}
		a, err = k.caller.Call(ctx, service.Request{Operation: "wait for the signature", URL: k.base() + "/" + url.PathEscape(o.ID) + apiVersion, Header: k.header(), Auth: k.auth})
		if err != nil {
			return nil, err
		}
	}
}

// wait waits as long as the answer asks for, or else d.
func (k *key) wait(ctx context.Context, a *service.Answer, d time.Duration) error {
	err := k.caller.Wait(ctx, cmp.Or(service.RetryAfter(a.Header, k.caller.Now()), d))
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fault.New(fault.Service, "%s: sign: %w", name, err).Hint("nothing is lost: run the same command again, and it goes on from here")
}

// failed is a signature that the service gives up. It says no reason.
func (k *key) failed(status string) error {
	return fault.New(fault.Service, "%s: sign: the operation ended as %q", name, status).
		Hint("the service gives no reason; seen when the subscription is disabled, or the profile %s has no current certificate: look at the account %s in the Azure portal", k.name, k.account)
}

// signed takes signature and certificates out of an answer. The certificates
// are base64 of a text that is base64 again, of a PKCS #7.
func signed(a *service.Answer, o operation) (*service.Signed, error) {
	if o.Certificate == nil || len(o.Signature) == 0 {
		return nil, a.Bad("a signature without certificate")
	}
	der, err := unwrap(*o.Certificate)
	if err != nil {
		return nil, a.Bad("certificates that cannot be read: %v", err)
	}
	certs, err := service.ParseCertificates(der)
	if err != nil {
		return nil, a.Bad("certificates that cannot be read: %v", err)
	}
	for _, c := range certs {
		switch c.PublicKey.(type) {
		case *rsa.PublicKey, *ecdsa.PublicKey:
		default:
			return nil, a.Bad("a certificate with a key of type %T", c.PublicKey)
		}
	}
	return &service.Signed{Signature: o.Signature, Certificates: certs}, nil
}

// unwrap decodes base64 until there is DER, twice at most.
func unwrap(text string) ([]byte, error) {
	b := []byte(text)
	for range 2 {
		next, err := base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(b), nil)))
		if err != nil {
			return nil, err
		}
		if b = next; len(b) > 0 && b[0] == 0x30 { // SEQUENCE
			return b, nil
		}
	}
	return nil, errors.New("no DER within")
}

// read takes the error out of a body, of which there are three shapes, and
// often none.
func read(f *service.Failure, body []byte) {
	type detail struct{ Code, Message, Target string }
	var v struct {
		Detail detail              `json:"errorDetail"`
		Error  detail              `json:"error"`
		Title  string              `json:"title"`
		Errors map[string][]string `json:"errors"`
	}
	if json.Unmarshal(body, &v) != nil {
		return
	}
	f.Code = cmp.Or(v.Detail.Code, v.Error.Code)
	f.Message = cmp.Or(v.Detail.Message, v.Error.Message, v.Title)
	for _, field := range slices.Sorted(maps.Keys(v.Errors)) {
		f.Message += "; " + field + ": " + strings.Join(v.Errors[field], ", ")
	}
}

func (k *key) hints(f *service.Failure) []string {
	switch {
	case f.Status == http.StatusForbidden:
		return []string{
			"one of four things: the credential (" + cmp.Or(k.tokens.From, "managed identity or az") + ") lacks the role Artifact Signing Certificate Profile Signer, on the account or the profile",
			"or the account is in another region than " + k.endpoint.Host + ": the right endpoint is the account's accountUri",
			"or the identity validation behind the profile has ended",
			"or the role was given a moment ago: it takes up to half an hour",
		}
	case f.Status == http.StatusNotFound:
		return []string{"there is no profile " + k.name + " in the account " + k.account + " at " + k.endpoint.Host + ": check the names and the region"}
	case f.Status == http.StatusUnauthorized:
		return []string{"the token must be an Entra token for " + strings.TrimSuffix(scope, "/.default") + ": see docs/identities.md for where credentials are taken from"}
	}
	return nil
}
