package servicetest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Google stands in for Cloud KMS with one key version, and for what gives
// tokens: OAuth, the Security Token Service, impersonation, the metadata server.
type Google struct {
	*Server
	Key       crypto.Signer
	Algorithm string
	Name      string // of the key version
	Rights    []string
	State     string               // "" is enabled
	Account   *rsa.PrivateKey      // of the service account
	JWT       string               // subject token that the Security Token Service accepts
	Refresh   string               // refresh token of a user
	Machine   bool                 // there is a metadata server
	Break     func(map[string]any) // changes answers that sign

	tokens map[string]bool
	given  int
}

// NewGoogle starts one.
func NewGoogle(t testing.TB, key crypto.Signer) *Google {
	account, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	g := &Google{Key: key, Algorithm: "RSA_SIGN_PKCS1_3072_SHA256", Account: account, JWT: "jwt-of-tests", Refresh: "refresh-token-of-tests",
		Name:   "projects/p-1/locations/europe-west1/keyRings/release/cryptoKeys/codesign/cryptoKeyVersions/3",
		Rights: []string{"cloudkms.cryptoKeyVersions.useToSign", "cloudkms.cryptoKeyVersions.viewPublicKey"}, tokens: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/", g.with(g.kms))
	mux.HandleFunc("POST /token", g.token)
	mux.HandleFunc("POST /sts", g.exchange)
	mux.HandleFunc("POST /impersonate", g.with(g.impersonate))
	mux.HandleFunc("GET /computeMetadata/v1/instance/service-accounts/default/token", g.metadata)
	g.Server = New(t, mux)
	return g
}

// Ref is the short form of the key version.
func (g *Google) Ref() string { return "gcpkms:" + g.Name + "?endpoint=" + g.URL }

// Given counts the tokens that were given out.
func (g *Google) Given() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.given
}

// Expire ends all tokens.
func (g *Google) Expire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.tokens)
}

// Give gives out a token.
func (g *Google) Give() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.given++
	token := fmt.Sprintf("google-token-%d", g.given)
	g.tokens[token] = true
	return token
}

// ServiceAccount is a credential file with the account's key.
func (g *Google) ServiceAccount() string {
	der, err := x509.MarshalPKCS8PrivateKey(g.Account)
	if err != nil {
		panic(err) // the key was just made
	}
	return file(map[string]any{"type": "service_account", "client_email": "release@p-1.iam.gserviceaccount.com", "private_key_id": "k1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": g.URL + "/token", "quota_project_id": "billing-1"})
}

// User is a credential file of a person.
func (g *Google) User() string {
	return file(map[string]any{"type": "authorized_user", "client_id": "c", "client_secret": "user-client-secret", "refresh_token": g.Refresh, "token_uri": g.URL + "/token"})
}

// External is a credential file that trades the token in tokenFile.
func (g *Google) External(tokenFile string) string {
	return file(map[string]any{"type": "external_account", "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/ci/providers/github",
		"subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": g.URL + "/sts", "credential_source": map[string]any{"file": tokenFile},
		"service_account_impersonation_url": g.URL + "/impersonate"})
}

func file(v map[string]any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a constant of this file is wrong
	}
	return string(b)
}

func googleError(w http.ResponseWriter, code int, status, format string, args ...any) {
	answer(w, code, map[string]any{"error": map[string]any{"code": code, "status": status, "message": fmt.Sprintf(format, args...)}})
}

func (g *Google) with(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		g.mu.Lock()
		known := g.tokens[token]
		g.mu.Unlock()
		if !known {
			googleError(w, 401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
			return
		}
		h(w, r)
	}
}

func crc(b []byte) string {
	return strconv.FormatUint(uint64(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))), 10)
}

func (g *Google) kms(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	key, _, _ := strings.Cut(g.Name, "/cryptoKeyVersions/")
	switch {
	case path == key+":testIamPermissions" && r.Method == http.MethodPost:
		answer(w, 200, map[string]any{"permissions": g.Rights})
	case !strings.HasPrefix(path, g.Name+"/") && !strings.HasPrefix(path, g.Name+":"):
		googleError(w, 404, "NOT_FOUND", "CryptoKeyVersion not found.")
	case g.State != "":
		googleError(w, 400, "FAILED_PRECONDITION", "%s is not enabled, current state is: %s.", g.Name, g.State)
	case path == g.Name+"/publicKey" && r.Method == http.MethodGet:
		der, err := x509.MarshalPKIXPublicKey(g.Key.Public())
		if err != nil {
			panic(err) // the test gave a key that has no such form
		}
		text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		g.send(w, map[string]any{"pem": text, "algorithm": g.Algorithm, "pemCrc32c": crc([]byte(text)), "name": g.Name, "protectionLevel": "HSM"})
	case path == g.Name+":asymmetricSign" && r.Method == http.MethodPost:
		g.sign(w, r)
	default:
		googleError(w, 404, "NOT_FOUND", "")
	}
}

func (g *Google) send(w http.ResponseWriter, v map[string]any) {
	if g.Break != nil {
		g.Break(v)
	}
	answer(w, 200, v)
}

// sign follows the algorithm of the key version.
func (g *Google) sign(w http.ResponseWriter, r *http.Request) {
	var b struct {
		Digest    map[string]string
		DigestCRC string `json:"digestCrc32c"`
		Data      string
		DataCRC   string `json:"dataCrc32c"`
	}
	if json.NewDecoder(r.Body).Decode(&b) != nil {
		googleError(w, 400, "INVALID_ARGUMENT", "Invalid JSON payload received.")
		return
	}
	h := map[string]crypto.Hash{"sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512}
	var o crypto.SignerOpts
	var in []byte
	v := map[string]any{"name": g.Name, "protectionLevel": "HSM"}
	if strings.Contains(g.Algorithm, "_RAW_") {
		in, o = decode64(b.Data), crypto.Hash(0)
		v["verifiedDataCrc32c"] = crc(in) == b.DataCRC
	} else {
		want := strings.ToLower(g.Algorithm[strings.LastIndex(g.Algorithm, "_")+1:])
		in, o = decode64(b.Digest[want]), h[want]
		v["verifiedDigestCrc32c"] = crc(in) == b.DigestCRC
		if len(in) != h[want].Size() {
			googleError(w, 400, "INVALID_ARGUMENT", "The digest must be %s.", want)
			return
		}
		if _, ok := g.Key.(*ecdsa.PrivateKey); !ok && strings.Contains(g.Algorithm, "_PSS_") {
			o = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h[want]}
		}
	}
	signature, err := g.Key.Sign(rand.Reader, in, o)
	if err != nil {
		googleError(w, 500, "INTERNAL", "%v", err)
		return
	}
	v["signature"], v["signatureCrc32c"] = base64.URLEncoding.EncodeToString(signature), crc(signature)
	g.send(w, v)
}

// decode64 reads either alphabet, as the API does.
func decode64(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		b, _ = base64.URLEncoding.DecodeString(s)
	}
	return b
}

// token is OAuth's token endpoint: a JWT that the service account's key signed
// (RFC 7523), or a refresh token.
func (g *Google) token(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	good := false
	switch r.PostForm.Get("grant_type") {
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		good = g.checkJWT(r.PostForm.Get("assertion"))
	case "refresh_token":
		good = r.PostForm.Get("refresh_token") == g.Refresh
	}
	if !good {
		answer(w, 400, map[string]string{"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
		return
	}
	answer(w, 200, map[string]any{"access_token": g.Give(), "expires_in": 3599, "token_type": "Bearer"})
}

func (g *Google) checkJWT(jwt string) bool {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return false
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return false
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	return rsa.VerifyPKCS1v15(&g.Account.PublicKey, crypto.SHA256, digest[:], signature) == nil
}

// exchange is the Security Token Service (RFC 8693).
func (g *Google) exchange(w http.ResponseWriter, r *http.Request) {
	r.ParseForm()
	if r.PostForm.Get("subject_token") != g.JWT {
		answer(w, 400, map[string]string{"error": "unauthorized_client", "error_description": "The given credential is rejected by the attribute condition."})
		return
	}
	answer(w, 200, map[string]any{"access_token": g.Give(), "issued_token_type": "urn:ietf:params:oauth:token-type:access_token", "token_type": "Bearer", "expires_in": 3599})
}

func (g *Google) impersonate(w http.ResponseWriter, _ *http.Request) {
	answer(w, 200, map[string]any{"accessToken": g.Give(), "expireTime": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
}

func (g *Google) metadata(w http.ResponseWriter, r *http.Request) {
	if !g.Machine || r.Header.Get("Metadata-Flavor") != "Google" {
		w.WriteHeader(403)
		io.WriteString(w, "Missing Metadata-Flavor:Google header.")
		return
	}
	w.Header().Set("Metadata-Flavor", "Google")
	answer(w, 200, map[string]any{"access_token": g.Give(), "expires_in": 3599, "token_type": "Bearer"})
}
