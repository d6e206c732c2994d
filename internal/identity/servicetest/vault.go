package servicetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// Vault stands in for the transit engine of Vault and OpenBao, mounted at
// transit, with one key named codesign.
type Vault struct {
	*Server
	Token    string   // that is accepted
	RoleID   string   // of AppRole, with SecretID
	SecretID string   //
	JWT      string   // that the role "ci" may log in with
	Rights   []string // of the token at the key
	Chain    string   // certificate_chain of the newest version, PEM
	Type     string
	Least    int             // min_encryption_version
	Keys     []crypto.Signer // by version, the first is 1
	logins   int
}

// NewVault starts one whose key has the given versions.
func NewVault(t testing.TB, keys ...crypto.Signer) *Vault {
	v := &Vault{Token: "hvs.root-of-tests", RoleID: "role-1", SecretID: "secret-of-tests", JWT: "jwt-of-tests", Rights: []string{"update"},
		Type: "rsa-3072", Least: 1, Keys: keys}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/auth/approle/login", v.approle)
	mux.HandleFunc("POST /v1/auth/jwt/login", v.jwt)
	mux.HandleFunc("GET /v1/transit/keys/{key}", v.with(v.read))
	mux.HandleFunc("POST /v1/transit/sign/{key}/{hash}", v.with(v.sign))
	mux.HandleFunc("POST /v1/sys/capabilities-self", v.with(v.capabilities))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		vaultError(w, 404, "no handler for route %q. route entry not found.", strings.TrimPrefix(r.URL.Path, "/v1/"))
	})
	v.Server = New(t, mux)
	return v
}

// Logins counts the tokens that were given out.
func (v *Vault) Logins() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.logins
}

func vaultError(w http.ResponseWriter, status int, format string, args ...any) {
	answer(w, status, map[string]any{"errors": []string{fmt.Sprintf(format, args...)}})
}

// with lets requests through that carry the token.
func (v *Vault) with(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v.mu.Lock()
		token := v.Token
		v.mu.Unlock()
		switch {
		case r.Header.Get("X-Vault-Request") != "true":
			vaultError(w, 400, "missing required header X-Vault-Request")
		case r.Header.Get("X-Vault-Token") != token:
			vaultError(w, 403, "permission denied")
		default:
			h(w, r)
		}
	}
}

func (v *Vault) approle(w http.ResponseWriter, r *http.Request) {
	v.login(w, r, func(b map[string]string) bool { return b["role_id"] == v.RoleID && b["secret_id"] == v.SecretID }, "invalid role or secret ID")
}

func (v *Vault) jwt(w http.ResponseWriter, r *http.Request) {
	v.login(w, r, func(b map[string]string) bool { return b["role"] == "ci" && b["jwt"] == v.JWT }, "error validating token")
}

func (v *Vault) login(w http.ResponseWriter, r *http.Request, good func(map[string]string) bool, otherwise string) {
	var body map[string]string
	if json.NewDecoder(r.Body).Decode(&body) != nil || !good(body) {
		vaultError(w, 400, "%s", otherwise)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.logins++
	v.Token = fmt.Sprintf("hvs.login-%d", v.logins)
	answer(w, 200, map[string]any{"auth": map[string]any{"client_token": v.Token, "lease_duration": 1200, "renewable": true}})
}

func (v *Vault) read(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("key") != "codesign" {
		vaultError(w, 404, "")
		return
	}
	keys := map[string]any{}
	for i, k := range v.Keys {
		der, err := x509.MarshalPKIXPublicKey(k.Public())
		if err != nil {
			panic(err) // the test gave a key that has no such form
		}
		e := map[string]any{"creation_time": "2026-01-01T00:00:00Z", "name": v.Type,
			"public_key": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}
		if v.Chain != "" && i == len(v.Keys)-1 {
			e["certificate_chain"] = v.Chain
		}
		keys[strconv.Itoa(i+1)] = e
	}
	answer(w, 200, map[string]any{"request_id": "r-1", "data": map[string]any{
		"name": "codesign", "type": v.Type, "keys": keys, "latest_version": len(v.Keys), "min_encryption_version": v.Least, "supports_signing": true}})
}

func (v *Vault) sign(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Input     []byte `json:"input"`
		Prehashed bool   `json:"prehashed"`
		Hash      string `json:"hash_algorithm"`
		Algorithm string `json:"signature_algorithm"`
		Salt      string `json:"salt_length"`
		Version   int    `json:"key_version"`
	}
	if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
		vaultError(w, 400, "failed to parse JSON input: %v", err)
		return
	}
	h := map[string]crypto.Hash{"sha2-256": crypto.SHA256, "sha2-384": crypto.SHA384, "sha2-512": crypto.SHA512}[r.PathValue("hash")]
	if b.Version == 0 {
		b.Version = len(v.Keys)
	}
	switch {
	case r.PathValue("key") != "codesign":
		vaultError(w, 400, "signing key not found")
		return
	case h == 0 || !b.Prehashed || len(b.Input) != h.Size():
		vaultError(w, 500, "1 error occurred:\n\t* crypto/rsa: input must be hashed message\n\n")
		return
	case b.Version > len(v.Keys):
		vaultError(w, 500, "requested version for signing is higher than the latest key version")
		return
	case b.Version < v.Least:
		vaultError(w, 500, "requested version for signing is less than the minimum encryption key version")
		return
	}
	var o crypto.SignerOpts = h
	key := v.Keys[b.Version-1]
	if _, ok := key.(*ecdsa.PrivateKey); !ok && b.Algorithm != "pkcs1v15" {
		o = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto, Hash: h}
		if b.Salt == "hash" {
			o = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}
		}
	}
	signature, err := key.Sign(rand.Reader, b.Input, o)
	if err != nil {
		vaultError(w, 500, "%v", err)
		return
	}
	answer(w, 200, map[string]any{"data": map[string]any{"key_version": b.Version,
		"signature": fmt.Sprintf("vault:v%d:%s", b.Version, base64.StdEncoding.EncodeToString(signature))}})
}

func (v *Vault) capabilities(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Paths []string `json:"paths"`
	}
	json.NewDecoder(r.Body).Decode(&b)
	out := map[string]any{}
	for _, p := range b.Paths {
		out[p] = []string{"deny"}
		if p == "transit/sign/codesign/sha2-256" {
			out[p] = v.Rights
		}
	}
	answer(w, 200, map[string]any{"data": out})
}
