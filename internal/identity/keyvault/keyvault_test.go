package keyvault_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/identity"
	st "github.com/hallmark-dev/hallmark/internal/identity/servicetest"
)

// world is a vault with a certificate and the secret of an application.
func world(t *testing.T) (*st.KeyVault, st.Surroundings) {
	t.Helper()
	pki := formatstest.NewPKI(t)
	e := st.NewEntra(t)
	k := st.NewKeyVault(t, e, pki.Leaf)
	return k, st.Surroundings{Env: e.Env(), Password: e.Secret, Chain: []string{formatstest.PEMFile(t, pki.Intermediate)}}
}

func ref(k *st.KeyVault) string { return "keyvault:" + k.URL + "/codesign" }

func TestSigns(t *testing.T) {
	k, s := world(t)
	id := st.WantSigns(t, ref(k), s)
	if k.Entra.Given() != 1 || k.Calls("") != 6 {
		t.Errorf("%d tokens and %d calls, want the challenge, the certificate, the trial and one for each hash", k.Entra.Given(), k.Calls(""))
	}
	if _, err := id.Key.Sign(rand.Reader, make([]byte, 32), &rsa.PSSOptions{Hash: crypto.SHA256, SaltLength: rsa.PSSSaltLengthEqualsHash}); err != nil {
		t.Errorf("PSS: %v", err)
	}
	if id.Permitted(context.Background()) != nil {
		t.Error("not permitted")
	}
}

func TestBareKey(t *testing.T) {
	pki := formatstest.NewPKI(t)
	k, s := world(t)
	s.Chain = []string{pki.Leaf.CertFile(t)}
	st.WantSigns(t, "keyvault:"+k.URL+"/keys/codesign", s)
	s.Chain = []string{pki.Second.CertFile(t)}
	st.WantError(t, st.Judged(t, "keyvault:"+k.URL+"/keys/codesign", s), s, fault.Usage, "none of 2 certificates belongs")
}

func TestEllipticCurves(t *testing.T) {
	pki := formatstest.NewPKI(t)
	for hash, id := range map[crypto.Hash]*formatstest.Identity{crypto.SHA256: pki.ECDSA, crypto.SHA384: pki.P384} {
		e := st.NewEntra(t)
		k := st.NewKeyVault(t, e, id)
		s := st.Surroundings{Env: e.Env(), Password: e.Secret, Hash: hash, Chain: []string{id.CertFile(t)},
			Edit: func(o *identity.Options) { o.AllowECDSA = true }}
		st.WantSigns(t, ref(k), s)
		st.WantSigns(t, "keyvault:"+k.URL+"/keys/codesign", s)
		s.Hash = crypto.SHA512
		st.WantError(t, st.Judged(t, ref(k), s), s, fault.Usage, "signs with SHA-", "only")
	}
}

// TestRotation: when the certificate is renewed during a run, the version that
// the run began with goes on signing.
func TestRotation(t *testing.T) {
	pki := formatstest.NewPKI(t)
	k, s := world(t)
	id := st.WantSigns(t, ref(k), s)
	k.Versions = append(k.Versions, pki.Second)
	if _, err := id.Key.Sign(rand.Reader, make([]byte, 32), crypto.SHA256); err != nil {
		t.Error(err)
	}
	if next := st.WantSigns(t, ref(k), s); !next.Certificate.Equal(pki.Second.Certificate) {
		t.Error("a new run does not take the new certificate")
	}
	if old := st.WantSigns(t, ref(k)+"/"+st.VersionName(1), s); !old.Certificate.Equal(pki.Leaf.Certificate) {
		t.Error("a named version is not the one that is used")
	}
}

func TestWhereTokensComeFrom(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in for the command az is a shell script")
	}
	token := filepath.Join(t.TempDir(), "token")
	os.WriteFile(token, []byte("jwt-of-tests\n"), 0o600)
	without := func(e *st.Entra, more ...string) map[string]string {
		env := e.Env(more...)
		delete(env, "AZURE_TENANT_ID")
		delete(env, "AZURE_CLIENT_ID")
		return env
	}
	for name, c := range map[string]struct {
		env     func(e *st.Entra) map[string]string
		pass    string
		options string
		az      bool
	}{
		"a client secret":             {env: func(e *st.Entra) map[string]string { return e.Env("AZURE_CLIENT_SECRET", e.Secret) }},
		"the tenant of the challenge": {env: func(e *st.Entra) map[string]string { return without(e) }, pass: "client-secret-of-tests", options: "?client_id=" + st.EntraClient + "&tenant_id=" + st.EntraTenant},
		"a client certificate": {env: func(e *st.Entra) map[string]string {
			e.Assertion = func(jwt, audience string) bool { return strings.Count(jwt, ".") == 2 && strings.HasPrefix(jwt, "eyJ") }
			return e.Env("AZURE_CLIENT_CERTIFICATE_PATH", formatstest.NewPKI(t).Leaf.PFXFile(t, "pfx-password"), "AZURE_CLIENT_CERTIFICATE_PASSWORD", "pfx-password")
		}},
		"a token file":   {env: func(e *st.Entra) map[string]string { return e.Env("AZURE_FEDERATED_TOKEN_FILE", token) }},
		"GitHub Actions": {env: func(e *st.Entra) map[string]string { return st.NewGitHub(t, e.JWT).Env(e.Env()) }},
		"GitHub before an old file": {env: func(e *st.Entra) map[string]string {
			return st.NewGitHub(t, e.JWT).Env(e.Env("AZURE_FEDERATED_TOKEN_FILE", "/stale"))
		}},
		"Azure Pipelines": {env: func(e *st.Entra) map[string]string {
			env := st.NewPipelines(t, e.JWT).Env(without(e))
			env["AZURESUBSCRIPTION_CLIENT_ID"], env["AZURESUBSCRIPTION_TENANT_ID"] = st.EntraClient, st.EntraTenant
			return env
		}},
		"GitLab":    {env: func(e *st.Entra) map[string]string { return e.Env("AZURE_ID_TOKEN", e.JWT) }, options: "?oidc_token=env:AZURE_ID_TOKEN"},
		"a machine": {env: func(e *st.Entra) map[string]string { e.Machine = true; return without(e) }},
		"a machine, named": {env: func(e *st.Entra) map[string]string {
			e.Machine = true
			return e.Env("AZURE_TOKEN_CREDENTIALS", "ManagedIdentityCredential")
		}},
		"App Service": {env: func(e *st.Entra) map[string]string {
			return without(e, "IDENTITY_ENDPOINT", e.URL+"/msi", "IDENTITY_HEADER", "header-of-tests")
		}},
		"az": {env: func(e *st.Entra) map[string]string { return without(e) }, az: true},
		"az, since it is dev": {env: func(e *st.Entra) map[string]string {
			e.Machine = true
			return e.Env("AZURE_CLIENT_SECRET", "wrong", "AZURE_TOKEN_CREDENTIALS", "dev")
		}, az: true},
	} {
		t.Run(name, func(t *testing.T) {
			k, s := world(t)
			s.Env, s.Password = c.env(k.Entra), c.pass
			if c.az {
				s.Edit = func(*identity.Options) { fakeAz(t, k) }
			}
			st.WantSigns(t, ref(k)+c.options, s)
		})
	}
}

// fakeAz puts a command az on PATH that prints a token.
func fakeAz(t *testing.T, k *st.KeyVault) {
	t.Helper()
	script := fmt.Sprintf("#!/bin/sh\ncase \"$*\" in\n*'--resource %s --tenant'*) printf '%%s' '{\"accessToken\":\"%s\",\"expires_on\":4102444800}';;\n*) echo \"ERROR: $*\" >&2; exit 1;;\nesac\n", k.URL, k.Entra.Give(k.URL))
	if err := os.WriteFile(filepath.Join(os.Getenv("PATH"), "az"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestFails(t *testing.T) {
	type edit func(*st.KeyVault, *st.Surroundings)
	for name, c := range map[string]struct {
		edit   edit
		path   string
		fault  http.HandlerFunc
		status int
		want   []string
	}{
		"a wrong secret": {func(_ *st.KeyVault, s *st.Surroundings) { s.Password = "wrong-client-secret" }, "", nil, fault.Usage, []string{"Microsoft Entra: get token: HTTP 401", "AADSTS7000215", "(request entra-req-1)", "the secret's value"}},
		"a wrong tenant": {func(_ *st.KeyVault, s *st.Surroundings) { s.Env["AZURE_TENANT_ID"] = "other" }, "", nil, fault.Usage, []string{"AADSTS90002", "check AZURE_TENANT_ID"}},
		"a wrong client": {func(_ *st.KeyVault, s *st.Surroundings) { s.Env["AZURE_CLIENT_ID"] = "other" }, "", nil, fault.Usage, []string{"AADSTS700016"}},
		"no client":      {func(_ *st.KeyVault, s *st.Surroundings) { delete(s.Env, "AZURE_CLIENT_ID") }, "", nil, fault.Usage, []string{"set AZURE_CLIENT_ID"}},
		"no tenant":      {func(_ *st.KeyVault, s *st.Surroundings) { delete(s.Env, "AZURE_TENANT_ID") }, "", nil, fault.Usage, []string{"set AZURE_TENANT_ID"}},
		"no credential": {func(_ *st.KeyVault, s *st.Surroundings) {
			s.Password = ""
			clear(s.Env)
			s.Env["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = "http://127.0.0.1:1"
		}, "", nil, fault.Usage, []string{"no Azure credential", "az login", "the command az is not installed"}},
		"an unknown choice": {func(_ *st.KeyVault, s *st.Surroundings) { s.Env["AZURE_TOKEN_CREDENTIALS"] = "magic" }, "", nil, fault.Usage, []string{"AZURE_TOKEN_CREDENTIALS"}},
		"a refused job": {func(_ *st.KeyVault, s *st.Surroundings) {
			s.Password = ""
			s.Env["AZURE_FEDERATED_TOKEN_FILE"] = staleToken(t)
		}, "", nil, fault.Usage, []string{"AADSTS700213", "issuer, subject and audience"}},
		"no role":            {func(k *st.KeyVault, _ *st.Surroundings) { k.Forbidden = "ForbiddenByRbac" }, "", nil, fault.Usage, []string{"HTTP 403", "ForbiddenByRbac", "Key Vault Crypto User", "(request kv-req-1)"}},
		"a firewall":         {func(k *st.KeyVault, _ *st.Surroundings) { k.Forbidden = "ForbiddenByFirewall" }, "", nil, fault.Usage, []string{"network rules"}},
		"disabled":           {func(k *st.KeyVault, _ *st.Surroundings) { k.Disabled = true }, "", nil, fault.Usage, []string{"codesign is disabled"}},
		"a key elsewhere":    {func(k *st.KeyVault, _ *st.Surroundings) { k.Kid = "https://evil.example/keys/codesign/1" }, "", nil, fault.Service, []string{"a key that is not in this vault"}},
		"a token for others": {func(k *st.KeyVault, _ *st.Surroundings) { k.Resource = "https://management.azure.com" }, "", nil, fault.Usage, []string{"not the vault's own domain", "no token was sent"}},
		"no challenge":       {nil, "/certificates/", st.Status(401, ""), fault.Service, []string{"no challenge"}},
		"throttled":          {nil, "/sign", st.Status(429, `{"error":{"code":"Throttled","innererror":{"code":"VaultRequestTypeLimitReached"},"message":"m"}}`), fault.Service, []string{"VaultRequestTypeLimitReached", "5 tries"}},
		"an outage":          {nil, "/sign", st.Status(500, ""), fault.Service, []string{"HTTP 500", "5 tries"}},
		"no version in kid":  {nil, "/sign", st.Status(200, `{"kid":"x","value":"AAAA"}`), fault.Service, []string{"no signature of the key version"}},
		"no signature":       {nil, "/sign", st.Status(200, `{}`), fault.Service, []string{"no signature of the key version"}},
		"a bad certificate":  {nil, "/certificates/", st.Status(200, `{"kid":"x","cer":"AAAA"}`), fault.Service, []string{"no challenge"}},
		"huge":               {nil, "/sign", st.Huge, fault.Service, []string{"more than 1048576 bytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			k, s := world(t)
			if c.edit != nil {
				c.edit(k, &s)
			}
			if c.fault != nil {
				k.Fail(c.path, st.Always, c.fault)
			}
			st.WantError(t, st.Judged(t, ref(k), s), s, c.status, c.want...)
			if k.Resource != "" && k.Entra.Given() != 0 {
				t.Error("a token was asked for")
			}
		})
	}
}

func staleToken(t *testing.T) string {
	f := filepath.Join(t.TempDir(), "stale")
	os.WriteFile(f, []byte("another-jwt"), 0o600)
	return f
}

// TestTokenEndsUnderWay: a 401 means a new token, once.
func TestTokenEndsUnderWay(t *testing.T) {
	k, s := world(t)
	id := st.WantSigns(t, ref(k), s)
	k.Entra.Expire()
	if _, err := id.Key.Sign(rand.Reader, make([]byte, 32), crypto.SHA256); err != nil || k.Entra.Given() != 2 {
		t.Errorf("%d tokens: %v", k.Entra.Given(), err)
	}
}

func TestForm(t *testing.T) {
	for s, want := range map[string]string{
		"keyvault:":         "not the address",
		"keyvault:codesign": "name of a certificate",
		"keyvault:http://release.vault.azure.net/c":                              "not an https address",
		"keyvault:https://release.vault.azure.net":                               "name of a certificate",
		"keyvault:https://release.vault.azure.net/":                              "name of a certificate",
		"keyvault:https://release.vault.azure.net/a b":                           "name of a certificate",
		"keyvault:https://release.vault.azure.net/c/1":                           `"1" is not a version`,
		"keyvault:https://release.vault.azure.net/c/" + st.VersionName(1) + "/x": "name of a certificate",
		"keyvault:https://h.managedhsm.azure.net/c":                              "holds no certificates",
		"keyvault:https://r.vault.azure.net/c?secret=x":                          "unknown option",
		"keyvault:https://r.vault.azure.net/c?client_id=a/b":                     "not an id",
		"keyvault:https://r.vault.azure.net/c?oidc_token=eyJ":                    "must be given as a reference",
		"keyvault:https://user@r.vault.azure.net/c":                              "not the address",
	} {
		_, err := identity.ParseRef(s)
		if fault.Status(err) != fault.Usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", s, err, want)
		}
	}
	for _, s := range []string{"keyvault:https://release.vault.azure.net/codesign", "keyvault:release.vault.azure.net/codesign",
		"keyvault:https://h.managedhsm.azure.net/keys/codesign", "keyvault:https://r.vault.azure.cn/certificates/c/" + st.VersionName(7)} {
		if _, err := identity.ParseRef(s); err != nil {
			t.Errorf("%s: %v", s, err)
		}
	}
}
