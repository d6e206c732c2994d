package vault_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/identity"
	st "github.com/hallmark-dev/hallmark/internal/identity/servicetest"
)

const ref = "vault:transit/codesign"

// world is a key with two versions, of which the first has a certificate.
func world(t *testing.T) (*st.Vault, st.Surroundings) {
	t.Helper()
	pki := formatstest.NewPKI(t)
	v := st.NewVault(t, pki.Leaf.Key, pki.Second.Key)
	return v, st.Surroundings{
		Env:   map[string]string{"VAULT_ADDR": v.URL, "VAULT_TOKEN": v.Token},
		Chain: []string{pki.Leaf.CertFile(t)},
	}
}

func TestSigns(t *testing.T) {
	v, s := world(t)
	id := st.WantSigns(t, ref, s)
	if id.Parallel != 4 {
		t.Errorf("parallel %d", id.Parallel)
	}
	if n := v.Calls("/sign/"); n != 4 {
		t.Errorf("%d signatures, want the trial and one for each hash", n)
	}
	digest := make([]byte, 32)
	pss := &rsa.PSSOptions{Hash: crypto.SHA256, SaltLength: rsa.PSSSaltLengthEqualsHash}
	if _, err := id.Key.Sign(rand.Reader, digest, pss); err != nil {
		t.Errorf("PSS: %v", err)
	}
	if err := id.Permitted(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestVersionOfTheCertificate: after a rotation the version that the
// certificate belongs to signs, not the newest.
func TestVersionOfTheCertificate(t *testing.T) {
	v, s := world(t)
	pki := formatstest.NewPKI(t)
	st.WantSigns(t, ref, s)
	s.Chain = []string{pki.Second.CertFile(t)}
	st.WantSigns(t, ref+"?version=2", s)
	err := st.Judged(t, ref+"?version=1", s)
	st.WantError(t, err, s, fault.Usage, "none of 2 certificates belongs to the key")
	err = st.Judged(t, ref+"?version=3", s)
	st.WantError(t, err, s, fault.Usage, "no version 3 that may sign")
	v.Least, s.Chain = 2, []string{pki.Leaf.CertFile(t)}
	err = st.Judged(t, ref, s)
	st.WantError(t, err, s, fault.Usage, "none of 2 certificates belongs")
}

func TestCertificateChainOfTheKey(t *testing.T) {
	pki := formatstest.NewPKI(t)
	v, s := world(t)
	var b bytes.Buffer
	for _, c := range append(pki.Second.Chain, pki.Second.Certificate) {
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	v.Chain, s.Chain = b.String(), nil
	id := st.WantSigns(t, ref, s)
	if !id.Certificate.Equal(pki.Second.Certificate) || len(id.Chain) != 1 {
		t.Errorf("got %q and %d intermediates", id.Certificate.Subject, len(id.Chain))
	}
}

func TestEllipticCurve(t *testing.T) {
	pki := formatstest.NewPKI(t)
	v := st.NewVault(t, pki.ECDSA.Key)
	s := st.Surroundings{Env: map[string]string{"VAULT_ADDR": v.URL, "VAULT_TOKEN": v.Token}, Chain: []string{pki.ECDSA.CertFile(t)},
		Edit: func(o *identity.Options) { o.AllowECDSA = true }}
	v.Type = "ecdsa-p256"
	st.WantSigns(t, ref, s)
}

func TestWhereTheTokenComesFrom(t *testing.T) {
	v, s := world(t)
	good := s.Env["VAULT_TOKEN"]
	t.Run("OpenBao before Vault", func(t *testing.T) {
		s.Env = map[string]string{"BAO_ADDR": v.URL, "VAULT_ADDR": "https://no.invalid", "BAO_TOKEN": good, "VAULT_TOKEN": "old"}
		st.WantSigns(t, ref, s)
	})
	t.Run("the password before the environment", func(t *testing.T) {
		s.Env = map[string]string{"VAULT_ADDR": v.URL, "VAULT_TOKEN": "old"}
		s.Password = good
		st.WantSigns(t, ref, s)
	})
	t.Run("none", func(t *testing.T) {
		s.Env, s.Password = map[string]string{"VAULT_ADDR": v.URL}, ""
		st.WantError(t, st.Judged(t, ref, s), s, fault.Usage, "there is no token", "set VAULT_TOKEN", "approle=")
	})
	t.Run("the file of vault login", func(t *testing.T) {
		s.Edit = func(*identity.Options) {
			home, _ := os.UserHomeDir()
			os.WriteFile(filepath.Join(home, ".vault-token"), []byte(good+"\n"), 0o600)
		}
		st.WantSigns(t, ref, s)
	})
}

func TestAppRole(t *testing.T) {
	v, s := world(t)
	s.Env, s.Password = map[string]string{"VAULT_ADDR": v.URL}, v.SecretID
	st.WantSigns(t, ref+"?approle=role-1", s)
	if v.Logins() != 1 {
		t.Errorf("%d logins for 5 calls", v.Logins())
	}
	// The token ends under way: a 403 means one more login, once.
	v.Fail("/sign/", 1, st.Status(403, `{"errors":["permission denied"]}`))
	st.WantSigns(t, ref+"?approle=role-1&auth=approle", s)
	if v.Logins() != 3 {
		t.Errorf("%d logins, want one and one after the token was refused", v.Logins()-1)
	}
	s.Password = "wrong-secret-id"
	st.WantError(t, st.Judged(t, ref+"?approle=role-1", s), s, fault.Usage, "log in: HTTP 400", "invalid role or secret ID")
	s.Password = ""
	st.WantError(t, st.Judged(t, ref+"?approle=role-1", s), s, fault.Usage, "approle needs the secret_id")
}

func TestIdentityToken(t *testing.T) {
	v, s := world(t)
	s.Env = map[string]string{"VAULT_ADDR": v.URL, "VAULT_ID_TOKEN": v.JWT}
	st.WantSigns(t, ref+"?jwt_role=ci&oidc_token=env:VAULT_ID_TOKEN", s)
	github := st.NewGitHub(t, v.JWT)
	s.Env = github.Env(map[string]string{"VAULT_ADDR": v.URL})
	st.WantSigns(t, ref+"?jwt_role=ci&audience=https%3A%2F%2Fvault.example", s)
	if got := github.Audiences(); len(got) != 1 || got[0] != "https://vault.example" {
		t.Errorf("audiences %q", got)
	}
	s.Env = map[string]string{"VAULT_ADDR": v.URL}
	st.WantError(t, st.Judged(t, ref+"?jwt_role=ci", s), s, fault.Usage, "no identity token", "id-token: write", "id_tokens")
}

func TestFails(t *testing.T) {
	for name, c := range map[string]struct {
		ref    string
		fault  http.HandlerFunc
		path   string
		status int
		calls  int // of the path that fails
		want   []string
	}{
		"a wrong key":       {"vault:transit/other", nil, "/keys/", fault.Usage, 1, []string{"HTTP 404", "vault list transit/keys"}},
		"a wrong mount":     {"vault:secret/codesign", nil, "/keys/", fault.Usage, 1, []string{"no handler for route", `no transit engine at "secret"`}},
		"no right":          {ref, st.Status(403, `{"errors":["1 error occurred:\n\t* permission denied\n\n"]}`), "/sign/", fault.Usage, 1, []string{"permission denied", `update on "transit/sign/codesign*"`, "VAULT_TOKEN"}},
		"sealed":            {ref, st.Status(503, `{"errors":["Vault is sealed"]}`), "/keys/", fault.Service, 5, []string{"Vault is sealed", "vault status"}},
		"an engine's 500":   {ref, st.Status(500, `{"errors":["requested version"]}`), "/sign/", fault.Service, 1, []string{"HTTP 500", "requested version"}},
		"a quota":           {ref, st.Throttle(""), "/sign/", fault.Service, 5, []string{"HTTP 429"}},
		"HTML":              {ref, st.Status(200, "<html>hello"), "/keys/", fault.Service, 1, []string{"answered with something that is not JSON"}},
		"another shape":     {ref, st.Status(200, `{"data":[]}`), "/keys/", fault.Service, 1, []string{"JSON of another shape"}},
		"a symmetric key":   {ref, st.Status(200, `{"data":{"type":"aes256-gcm96","keys":{"1":1700000000}}}`), "/keys/", fault.Service, 1, []string{"version 1 without a public key"}},
		"a key that cannot": {ref, st.Status(200, `{"data":{"type":"aes256-gcm96","supports_signing":false,"keys":{"1":1700000000}}}`), "/keys/", fault.Usage, 1, []string{"aes256-gcm96, which does not sign"}},
		"another version":   {ref, st.Status(200, `{"data":{"signature":"vault:v2:AAAA"}}`), "/sign/", fault.Service, 1, []string{"no signature of key version 1"}},
		"a wrong signature": {ref, st.Status(200, `{"data":{"signature":"vault:v1:AAAA"}}`), "/sign/", fault.Service, 1, []string{"does not verify"}},
		"huge":              {ref, st.Huge, "/sign/", fault.Service, 1, []string{"more than 1048576 bytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			v, s := world(t)
			if c.fault != nil {
				v.Fail(c.path, st.Always, c.fault)
			}
			st.WantError(t, st.Judged(t, c.ref, s), s, c.status, append(c.want, "Vault: ")...)
			if n := v.Calls(c.path); n != c.calls {
				t.Errorf("%d calls, want %d", n, c.calls)
			}
		})
	}
}

func TestNotPermitted(t *testing.T) {
	v, s := world(t)
	v.Rights = []string{"read"}
	id, err := st.Open(t, ref, s)
	if err != nil {
		t.Fatal(err)
	}
	st.WantError(t, id.Permitted(context.Background()), s, fault.Usage, "may not sign with transit/codesign: it has read")
	if v.Calls("/sign/") != 0 {
		t.Error("a signature was made")
	}
}

func TestStandbyIsTriedAgain(t *testing.T) {
	v, s := world(t)
	v.Fail("/sign/", 1, st.Status(472, ""))
	v.Fail("/keys/", 1, st.Status(412, ""))
	st.WantSigns(t, ref, s)
}

// TestRedirectOfAStandby: one 307 to https is followed, with the token, if the
// first address was https, too.
func TestRedirectOfAStandby(t *testing.T) {
	v, s := world(t)
	active := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxy(w, r, v.URL)
	}))
	defer active.Close()
	standby := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, active.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	defer standby.Close()
	roots := filepath.Join(t.TempDir(), "ca.pem")
	var b bytes.Buffer
	for _, srv := range []*httptest.Server{active, standby} {
		pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	}
	os.WriteFile(roots, b.Bytes(), 0o600)
	s.Env["VAULT_ADDR"], s.Env["VAULT_CACERT"] = standby.URL, roots
	st.WantSigns(t, ref, s)
	delete(s.Env, "VAULT_CACERT")
	s.Env["VAULT_CAPATH"] = filepath.Dir(roots)
	st.WantSigns(t, ref, s)
	delete(s.Env, "VAULT_CAPATH")
	st.WantError(t, st.Judged(t, ref, s), s, fault.Service, "certificate")
	s.Env["VAULT_SKIP_VERIFY"] = "true"
	st.WantError(t, st.Judged(t, ref, s), s, fault.Usage, "VAULT_SKIP_VERIFY would send the token to any server")
}

func proxy(w http.ResponseWriter, r *http.Request, to string) {
	req, _ := http.NewRequest(r.Method, to+r.URL.Path, r.Body)
	req.Header = r.Header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.WriteHeader(502)
		return
	}
	defer resp.Body.Close()
	w.WriteHeader(resp.StatusCode)
	io.Copy(w, resp.Body)
}

func TestNamespaceIsSent(t *testing.T) {
	v, s := world(t)
	s.Env["VAULT_NAMESPACE"] = "team/a"
	st.WantSigns(t, ref, s)
	st.WantSigns(t, ref+"?namespace=team/b", s)
	got := map[string]bool{}
	for _, c := range v.Requests("") {
		got[c.Header.Get("X-Vault-Namespace")] = true
	}
	if len(got) != 2 || !got["team/a"] || !got["team/b"] {
		t.Errorf("got %v", got)
	}
}

func TestForm(t *testing.T) {
	for s, want := range map[string]string{
		"vault:":                                           "needs the mount",
		"vault:transit":                                    "needs the mount",
		"vault:/codesign":                                  "needs the mount",
		"vault:transit/":                                   "needs the mount",
		"vault:a//b":                                       "needs the mount",
		"vault:transit/code sign":                          "needs the mount",
		"vault:transit/k?version=x":                        `version "x" is not the number`,
		"vault:transit/k?version=0":                        `version "0" is not the number`,
		"vault:transit/k?versoin=1":                        `unknown option "versoin"`,
		"vault:transit/k?version=1&version=2":              "given 2 times",
		"vault:transit/k?endpoint=":                        "is empty",
		"vault:transit/k?endpoint=http://x.test":           "not an https address",
		"vault:transit/k?approle=a&jwt_role=b":             "both given",
		"vault:transit/k?auth=x":                           "needs approle or jwt_role",
		"vault:transit/k?audience=x":                       "needs jwt_role",
		"vault:transit/k?jwt_role=r&oidc_token=eyJhbGciOi": "must be given as a reference",
		"vault:transit/k?%zz":                              "cannot be read",
		"Vault:transit/k":                                  "did you mean vault",
	} {
		_, err := identity.ParseRef(s)
		if fault.Status(err) != fault.Usage || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "eyJ") {
			t.Errorf("%s: got %v, want %q", s, err, want)
		}
	}
	for _, s := range []string{"vault:transit/codesign", "vault:team/a/transit/k?version=3", "vault:transit/k?endpoint=https://v:8200"} {
		if r, err := identity.ParseRef(s); err != nil || r.String() != s || r.Parallel() != 4 {
			t.Errorf("%s: %v", s, err)
		}
	}
}
