package keyvault

import (
	"cmp"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/azure"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

const apiVersion = "?api-version=7.4"

// key is a key of a vault.
type key struct {
	form
	caller *service.Caller
	tokens *azure.Tokens
	auth   service.Authorizer

	mu  sync.Mutex
	kid string // the key with its version, as the vault names it
}

// objectURL is the address of the certificate or key that the form names.
func (k *key) objectURL() string {
	kind := "certificates"
	if k.bare {
		kind = "keys"
	}
	return k.vault.String() + "/" + path.Join(kind, k.object, k.version) + apiVersion
}

// attributes of an object.
type attributes struct {
	Enabled *bool `json:"enabled"`
}

func (a attributes) check(k *key) error {
	if a.Enabled != nil && !*a.Enabled {
		return fault.New(fault.Usage, "%s: %s is disabled", k.Service(), k.object).Hint("enable it in the vault, or name another version")
	}
	return nil
}

// Open reads the certificate, or the bare key.
func (k *key) Open(ctx context.Context) (*service.Held, error) {
	a, err := k.caller.Call(ctx, service.Request{Operation: "read " + map[bool]string{true: "key", false: "certificate"}[k.bare], URL: k.objectURL(), Auth: k.auth})
	if err != nil {
		return nil, err
	}
	held := &service.Held{Info: &service.Info{Credential: k.tokens.From}}
	if k.bare {
		err = k.readKey(a, held)
	} else {
		err = k.readCertificate(a, held)
	}
	if err != nil {
		return nil, err
	}
	held.Info.Name, held.Info.Version = k.kid, path.Base(k.kid)
	return held, nil
}

// readCertificate takes the certificate, and the key that it names: signing
// with exactly that version keeps the two together, whatever is rotated.
func (k *key) readCertificate(a *service.Answer, held *service.Held) error {
	var v struct {
		Kid    string `json:"kid"`
		Cer    []byte `json:"cer"`
		Policy struct {
			Key struct {
				Type string `json:"kty"`
				Size int    `json:"key_size"`
			} `json:"key_props"`
		} `json:"policy"`
		Attributes attributes `json:"attributes"`
	}
	if err := a.JSON(&v); err != nil {
		return err
	}
	cert, err := x509.ParseCertificate(v.Cer)
	if err != nil {
		return a.Bad("a certificate that cannot be read: %v", err)
	}
	held.Certificates, held.Allows = []*x509.Certificate{cert}, allows(cert.PublicKey)
	held.Info.Algorithm = strings.TrimSpace(fmt.Sprintf("%s %d", v.Policy.Key.Type, v.Policy.Key.Size))
	held.Info.Protection = protection(v.Policy.Key.Type)
	return cmp.Or(v.Attributes.check(k), k.use(a, v.Kid))
}

// protection names where a key of that type is: types with HSM in the name
// never leave one.
func protection(kty string) string {
	if strings.HasSuffix(kty, "-HSM") {
		return "HSM"
	}
	return "software"
}

// use takes the address of the key, which must be the vault's own: the token
// goes there.
func (k *key) use(a *service.Answer, kid string) error {
	u, err := url.Parse(kid)
	if err != nil || u.Host != k.vault.Host || u.Scheme != k.vault.Scheme || u.RawQuery != "" || !strings.HasPrefix(u.Path, "/keys/") {
		return a.Bad("a key that is not in this vault")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kid = kid
	return nil
}

// jwk is a public key (RFC 7518 section 6).
type jwk struct {
	Kid string   `json:"kid"`
	Kty string   `json:"kty"`
	Ops []string `json:"key_ops"`
	N   string   `json:"n"`
	E   string   `json:"e"`
	Crv string   `json:"crv"`
	X   string   `json:"x"`
	Y   string   `json:"y"`
}

// readKey takes a key without certificate.
func (k *key) readKey(a *service.Answer, held *service.Held) error {
	var v struct {
		Key        jwk        `json:"key"`
		Attributes attributes `json:"attributes"`
	}
	if err := a.JSON(&v); err != nil {
		return err
	}
	public, err := v.Key.public()
	if err != nil {
		return a.Bad("a key that cannot be read: %v", err)
	}
	if len(v.Key.Ops) > 0 && !slices.Contains(v.Key.Ops, "sign") {
		return fault.New(fault.Usage, "%s: the key %s is for %s", k.Service(), k.object, strings.Join(v.Key.Ops, ", ")).Hint("the key needs the operation sign")
	}
	held.Publics, held.Allows = []crypto.PublicKey{public}, allows(public)
	held.Info.Algorithm, held.Info.Protection = strings.TrimSpace(v.Key.Kty+" "+v.Key.Crv), protection(v.Key.Kty)
	if k.managed() {
		held.Info.Protection = "HSM"
	}
	return cmp.Or(v.Attributes.check(k), k.use(a, v.Key.Kid))
}

var curves = map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}

// maxModulus bounds a modulus in bytes: 16,384 bits.
const maxModulus = 2048

func (j jwk) public() (crypto.PublicKey, error) {
	switch strings.TrimSuffix(j.Kty, "-HSM") {
	case "RSA":
		n, err1 := decode(j.N)
		e, err2 := decode(j.E)
		if err1 != nil || err2 != nil || len(n) == 0 || len(n) > maxModulus || len(e) == 0 || len(e) > 4 {
			return nil, errors.New("a damaged RSA key")
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, nil
	case "EC":
		curve := curves[j.Crv]
		x, err1 := decode(j.X)
		y, err2 := decode(j.Y)
		if curve == nil || err1 != nil || err2 != nil {
			return nil, fmt.Errorf("a damaged key on the curve %q", j.Crv)
		}
		size := (curve.Params().BitSize + 7) / 8
		if len(x) > size || len(y) > size {
			return nil, errors.New("a damaged point")
		}
		point := append([]byte{4}, make([]byte, 2*size)...) // uncompressed, SEC 1 section 2.3.3
		copy(point[1+size-len(x):], x)
		copy(point[1+2*size-len(y):], y)
		return ecdsa.ParseUncompressedPublicKey(curve, point)
	}
	return nil, fmt.Errorf("a key of type %q", j.Kty)
}

// decode reads base64url, with padding or without.
func decode(s string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
}

// algorithms are the vault's names (RFC 7518 section 3.1).
func algorithm(s service.Scheme, h crypto.Hash) (string, error) {
	begin := map[service.Scheme]string{service.SchemePKCS1v15: "RS", service.SchemePSS: "PS", service.SchemeECDSA: "ES"}[s]
	end := map[crypto.Hash]string{crypto.SHA256: "256", crypto.SHA384: "384", crypto.SHA512: "512"}[h]
	if begin == "" || end == "" {
		return "", fmt.Errorf("signing: Key Vault does not support %s with %v", s, h)
	}
	return begin + end, nil
}

// allows: an RSA key works with every hash, an elliptic curve with one hash only.
func allows(public crypto.PublicKey) func(service.Scheme, crypto.Hash) error {
	return func(s service.Scheme, h crypto.Hash) error {
		ec, ok := public.(*ecdsa.PublicKey)
		want := map[int]crypto.Hash{256: crypto.SHA256, 384: crypto.SHA384, 521: crypto.SHA512}
		if ok && want[ec.Params().BitSize] != h {
			return fault.New(fault.Usage, "Azure Key Vault: a key on %s signs with %v only", ec.Params().Name, want[ec.Params().BitSize]).
				Hint("set sign.digest (or -digest=) to it")
		}
		_, err := algorithm(s, h)
		return err
	}
}

// Sign signs a digest with the version of the key that the certificate names.
func (k *key) Sign(ctx context.Context, d service.Digest) (*service.Signed, error) {
	alg, err := algorithm(d.Scheme, d.Hash)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(map[string]string{"alg": alg, "value": base64.RawURLEncoding.EncodeToString(d.Sum)})
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	kid := k.kid
	k.mu.Unlock()
	a, err := k.caller.Call(ctx, service.Request{Operation: "sign", URL: kid + "/sign" + apiVersion, Body: body, Auth: k.auth,
		Header: http.Header{"Content-Type": {"application/json"}}})
	if err != nil {
		return nil, err
	}
	var v struct {
		Kid   string `json:"kid"`
		Value string `json:"value"`
	}
	if err := a.JSON(&v); err != nil {
		return nil, err
	}
	signature, err := decode(v.Value)
	if err != nil || len(signature) == 0 || v.Kid != kid {
		return nil, a.Bad("no signature of the key version that was asked for")
	}
	if d.Scheme == service.SchemeECDSA {
		signature, err = asn1Signature(signature)
	}
	return &service.Signed{Signature: signature}, err
}

// asn1Signature turns r and s side by side into the ASN.1 SEQUENCE.
func asn1Signature(raw []byte) ([]byte, error) {
	half := len(raw) / 2
	return asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:half]), new(big.Int).SetBytes(raw[half:])})
}

// read takes the error out of a body: {"error":{"code","message","innererror":{"code"}}}.
func read(f *service.Failure, body []byte) {
	var v struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
			Inner   struct {
				Code string `json:"code"`
			} `json:"innererror"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &v) == nil {
		f.Code, f.Message = cmp.Or(v.Error.Inner.Code, v.Error.Code), v.Error.Message
	}
}

func (k *key) hints(f *service.Failure) []string {
	switch {
	case f.Status == http.StatusForbidden && k.managed():
		return []string{"give " + k.tokens.From + " the local role Managed HSM Crypto User"}
	case f.Code == "ForbiddenByFirewall":
		return []string{"the vault's network rules do not let this machine in"}
	case f.Status == http.StatusForbidden:
		return []string{"the credential (" + cmp.Or(k.tokens.From, "az or managed identity") + ") needs the roles Key Vault Crypto User and Key Vault Certificate User, or the access policy keys/sign and certificates/get"}
	case f.Status == http.StatusNotFound:
		return []string{"check the name: az keyvault certificate list --vault-name " + strings.SplitN(k.vault.Hostname(), ".", 2)[0]}
	}
	return nil
}
