package servicetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// KeyVault stands in for a vault with one certificate named codesign and its
// key. Tokens are those of an Entra.
type KeyVault struct {
	*Server
	Entra     *Entra
	Resource  string                  // that the challenge asks for; "" is the vault itself
	Versions  []*formatstest.Identity // of the certificate and its key; the last is current
	Disabled  bool
	Forbidden string // code of the inner error of a refusal; "" refuses nothing
	Kid       string // what the certificate says instead of its own key
	Challenge string // format of the challenge, with authorization and resource
}

// NewKeyVault starts one.
func NewKeyVault(t testing.TB, e *Entra, versions ...*formatstest.Identity) *KeyVault {
	k := &KeyVault{Entra: e, Versions: versions, Challenge: `Bearer authorization="%s", resource="%s"`}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /certificates/{name}/{version}", k.with(k.certificate))
	mux.HandleFunc("GET /certificates/{name}", k.with(k.certificate))
	mux.HandleFunc("GET /keys/{name}/{version}", k.with(k.key))
	mux.HandleFunc("GET /keys/{name}", k.with(k.key))
	mux.HandleFunc("POST /keys/{name}/{version}/sign", k.with(k.sign))
	k.Server = New(t, mux)
	return k
}

func (k *KeyVault) resource() string {
	if k.Resource != "" {
		return k.Resource
	}
	return k.URL
}

// VersionName is the name of a version; the first is 1.
func VersionName(n int) string { return fmt.Sprintf("%032x", n) }

func vaultFault(w http.ResponseWriter, status int, code, inner, text string) {
	w.Header().Set("X-Ms-Request-Id", "kv-req-1")
	e := map[string]any{"code": code, "message": text}
	if inner != "" {
		e["innererror"] = map[string]string{"code": inner}
	}
	answer(w, status, map[string]any{"error": e})
}

func (k *KeyVault) with(h func(http.ResponseWriter, *http.Request, int)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !k.Entra.Accepts(r, k.resource()) {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(k.Challenge, k.Entra.URL+"/"+k.Entra.Tenant, k.resource()))
			vaultFault(w, 401, "Unauthorized", "", "AKV10000: Request is missing a Bearer or PoP token.")
			return
		}
		n := len(k.Versions)
		if v := r.PathValue("version"); v != "" {
			for n = len(k.Versions); n > 0 && VersionName(n) != v; n-- {
			}
		}
		switch {
		case r.URL.Query().Get("api-version") == "":
			vaultFault(w, 400, "BadParameter", "", "api-version must be specified")
		case k.Forbidden != "":
			vaultFault(w, 403, "Forbidden", k.Forbidden, "Caller is not authorized to perform action on resource.")
		case r.PathValue("name") != "codesign" || n == 0:
			vaultFault(w, 404, "CertificateNotFound", "", "A certificate with (name/id) "+r.PathValue("name")+" was not found in this key vault.")
		default:
			h(w, r, n)
		}
	}
}

func (k *KeyVault) kid(n int) string { return k.URL + "/keys/codesign/" + VersionName(n) }

func (k *KeyVault) certificate(w http.ResponseWriter, _ *http.Request, n int) {
	kid := k.kid(n)
	if k.Kid != "" {
		kid = k.Kid
	}
	answer(w, 200, map[string]any{"id": k.URL + "/certificates/codesign/" + VersionName(n), "kid": kid, "cer": k.Versions[n-1].Certificate.Raw,
		"attributes": map[string]any{"enabled": !k.Disabled}, "policy": map[string]any{"key_props": map[string]any{"kty": "RSA-HSM", "key_size": 3072}}})
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (k *KeyVault) key(w http.ResponseWriter, _ *http.Request, n int) {
	j := map[string]any{"kid": k.kid(n), "key_ops": []string{"sign", "verify"}}
	switch p := k.Versions[n-1].Key.Public().(type) {
	case *rsa.PublicKey:
		j["kty"], j["n"], j["e"] = "RSA-HSM", b64(p.N.Bytes()), b64(big.NewInt(int64(p.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := p.Bytes()
		if err != nil {
			panic(err) // the test gave a key that has no such form
		}
		half := len(point) / 2
		j["kty"], j["crv"], j["x"], j["y"] = "EC-HSM", p.Params().Name, b64(point[1:1+half]), b64(point[1+half:])
	}
	answer(w, 200, map[string]any{"key": j, "attributes": map[string]any{"enabled": !k.Disabled}})
}

func (k *KeyVault) sign(w http.ResponseWriter, r *http.Request, n int) {
	var b struct{ Alg, Value string }
	if json.NewDecoder(r.Body).Decode(&b) != nil || len(b.Alg) != 5 {
		vaultFault(w, 400, "BadParameter", "", "Property has invalid value")
		return
	}
	h := map[string]crypto.Hash{"256": crypto.SHA256, "384": crypto.SHA384, "512": crypto.SHA512}[b.Alg[2:]]
	digest, err := base64.RawURLEncoding.DecodeString(b.Value)
	if err != nil || h == 0 || len(digest) != h.Size() {
		vaultFault(w, 400, "BadParameter", "", "Invalid length of 'value'")
		return
	}
	key := k.Versions[n-1].Key
	var o crypto.SignerOpts = h
	if b.Alg[:2] == "PS" {
		o = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}
	}
	signature, err := key.Sign(rand.Reader, digest, o)
	if ec, ok := key.Public().(*ecdsa.PublicKey); ok && err == nil { // r and s side by side
		var v struct{ R, S *big.Int }
		asn1.Unmarshal(signature, &v)
		size := (ec.Params().BitSize + 7) / 8
		signature = append(v.R.FillBytes(make([]byte, size)), v.S.FillBytes(make([]byte, size))...)
	}
	if err != nil {
		vaultFault(w, 500, "InternalError", "", err.Error())
		return
	}
	answer(w, 200, map[string]string{"kid": k.kid(n), "value": b64(signature)})
}
