package counterparts

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys/fake"
	"github.com/nsmithuk/local-kms/src"
	"github.com/nsmithuk/local-kms/src/config"
	"github.com/nsmithuk/local-kms/src/data"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/identity"
	st "github.com/hallmark-dev/hallmark/internal/identity/servicetest"
)

// localKMS serves local-kms on loopback: its own program listens on all
// addresses.
func localKMS(t *testing.T) (url string) {
	t.Helper()
	config.AWSRegion, config.AWSAccountId = "eu-west-1", "111122223333"
	db := data.NewDatabase(t.TempDir())
	t.Cleanup(db.Close)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { src.HandleRequest(w, r, db) }))
	t.Cleanup(srv.Close)
	return srv.URL
}

// ask makes a call of local-kms by hand.
func ask(t *testing.T, url, operation string, in, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := http.NewRequest("POST", url, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "TrentService."+operation)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x/20260101/eu-west-1/kms/aws4_request, SignedHeaders=host, Signature=x")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if err := json.Unmarshal(b, out); err != nil || resp.StatusCode != 200 {
		t.Fatalf("%s: %d %s", operation, resp.StatusCode, b)
	}
}

// public is a key whose private half is elsewhere.
type public struct{ key crypto.PublicKey }

func (p public) Public() crypto.PublicKey { return p.key }
func (p public) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	panic("the private key is not here")
}

func TestLocalKMS(t *testing.T) {
	url := localKMS(t)
	for _, spec := range []string{"RSA_3072", "RSA_4096", "ECC_NIST_P256"} {
		t.Run(spec, func(t *testing.T) {
			var made struct{ KeyMetadata struct{ Arn string } }
			ask(t, url, "CreateKey", map[string]string{"KeyUsage": "SIGN_VERIFY", "CustomerMasterKeySpec": spec}, &made)
			var got struct{ PublicKey []byte }
			ask(t, url, "GetPublicKey", map[string]string{"KeyId": made.KeyMetadata.Arn}, &got)
			key, err := x509.ParsePKIXPublicKey(got.PublicKey)
			if err != nil {
				t.Fatal(err)
			}
			leaf := formatstest.NewPKI(t).IssueFor(t, public{key}, "Local KMS Publisher", nil)
			s := st.Surroundings{
				Env:   map[string]string{"AWS_ENDPOINT_URL_KMS": url, "AWS_ACCESS_KEY_ID": "AKIDX", "AWS_SECRET_ACCESS_KEY": "secret-access-key"},
				Chain: []string{leaf.CertFile(t)}, Edit: func(o *identity.Options) { o.AllowECDSA = true },
			}
			if strings.HasPrefix(spec, "ECC") {
				s.Hash = crypto.SHA256
			}
			st.WantSigns(t, "awskms:"+made.KeyMetadata.Arn, s)
			st.WantError(t, st.Judged(t, "awskms:alias/nothing?region=eu-west-1", s), s, fault.Usage, "NotFoundException")
		})
	}
}

// keyVault serves Microsoft's fake, which is a transport and no server, with a
// key behind it.
func keyVault(t *testing.T, id *formatstest.Identity) *httptest.Server {
	t.Helper()
	key := id.Key.Public().(*rsa.PublicKey)
	var srv *httptest.Server
	kid := func() *azkeys.ID { v := azkeys.ID(srv.URL + "/keys/codesign/" + st.VersionName(1)); return &v }
	kty, op := azkeys.KeyTypeRSAHSM, azkeys.KeyOperationSign
	server := fake.Server{
		GetKey: func(context.Context, string, string, *azkeys.GetKeyOptions) (r azfake.Responder[azkeys.GetKeyResponse], e azfake.ErrorResponder) {
			r.SetResponse(200, azkeys.GetKeyResponse{KeyBundle: azkeys.KeyBundle{Key: &azkeys.JSONWebKey{KID: kid(), Kty: &kty, KeyOps: []*azkeys.KeyOperation{&op},
				N: key.N.Bytes(), E: big.NewInt(int64(key.E)).Bytes()}}}, nil)
			return
		},
		Sign: func(_ context.Context, _, _ string, p azkeys.SignParameters, _ *azkeys.SignOptions) (r azfake.Responder[azkeys.SignResponse], e azfake.ErrorResponder) {
			h := map[azkeys.SignatureAlgorithm]crypto.Hash{azkeys.SignatureAlgorithmRS256: crypto.SHA256, azkeys.SignatureAlgorithmRS384: crypto.SHA384, azkeys.SignatureAlgorithmRS512: crypto.SHA512}[*p.Algorithm]
			signature, err := id.Key.Sign(rand.Reader, p.Value, h)
			if err != nil {
				e.SetError(err)
				return
			}
			r.SetResponse(200, azkeys.SignResponse{KeyOperationResult: azkeys.KeyOperationResult{KID: kid(), Result: signature}}, nil)
			return
		},
	}
	transport := fake.NewServerTransport(&server)
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := "Client.GetKey"
		if strings.HasSuffix(r.URL.Path, "/sign") {
			name = "Client.Sign"
		}
		r.URL.Scheme, r.URL.Host = "https", "release.vault.azure.net" // the fake makes its challenge of the vault's name
		resp, err := transport.Do(r.WithContext(context.WithValue(r.Context(), runtime.CtxAPINameKey{}, name)))
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		defer resp.Body.Close()
		for n, v := range resp.Header {
			w.Header()[n] = v
		}
		if c := w.Header().Get("WWW-Authenticate"); c != "" { // and on loopback the vault is its own domain
			w.Header().Set("WWW-Authenticate", strings.ReplaceAll(c, "https://vault.azure.net", srv.URL))
		}
		w.WriteHeader(resp.StatusCode)
		io.Copy(w, resp.Body)
	}))
	t.Cleanup(srv.Close)
	return srv
}

func TestKeyVaultOfMicrosoft(t *testing.T) {
	pki := formatstest.NewPKI(t)
	srv := keyVault(t, pki.Leaf)
	e := st.NewEntra(t)
	s := st.Surroundings{Env: e.Env(), Password: e.Secret, Chain: []string{pki.Leaf.CertFile(t)}}
	st.WantSigns(t, "keyvault:"+srv.URL+"/keys/codesign", s)
}
