package gcpkms_test

import (
	"context"
	"crypto"
	"crypto/rand"
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

// world is a key version with its certificate and a service account.
func world(t *testing.T) (*st.Google, st.Surroundings) {
	t.Helper()
	pki := formatstest.NewPKI(t)
	g := st.NewGoogle(t, pki.Leaf.Key)
	return g, st.Surroundings{
		Env:   map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": write(t, g.ServiceAccount()), "GCE_METADATA_HOST": "127.0.0.1:1"},
		Chain: []string{pki.Leaf.CertFile(t)}, Hash: crypto.SHA256,
	}
}

func write(t *testing.T, text string) string {
	t.Helper()
	f := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSigns(t *testing.T) {
	g, s := world(t)
	id := st.WantSigns(t, g.Ref(), s)
	if g.Given() != 1 || g.Calls("/v1/") != 3 {
		t.Errorf("%d tokens and %d calls, want the public key, the trial and one", g.Given(), g.Calls("/v1/"))
	}
	for _, c := range g.Requests("/v1/") {
		if c.Header.Get("X-Goog-User-Project") != "billing-1" {
			t.Errorf("%s is counted for %q", c.Path, c.Header.Get("X-Goog-User-Project"))
		}
	}
	if err := id.Permitted(context.Background()); err != nil {
		t.Error(err)
	}
	g.Rights = g.Rights[1:]
	st.WantError(t, id.Permitted(context.Background()), s, fault.Usage, "lacks the right cloudkms.cryptoKeyVersions.useToSign", "roles/cloudkms.signerVerifier")
}

// TestAlgorithms: the key version fixes padding and hash; raw keys sign any.
func TestAlgorithms(t *testing.T) {
	pki := formatstest.NewPKI(t)
	g, s := world(t)
	s.Hash = crypto.SHA384
	st.WantError(t, st.Judged(t, g.Ref(), s), s, fault.Usage, "RSA_SIGN_PKCS1_3072_SHA256 only", "set sign.digest (or -digest=) to sha256")
	if g.Calls(":asymmetricSign") != 0 {
		t.Error("a signature was asked for")
	}
	g.Algorithm = "RSA_SIGN_PSS_3072_SHA384"
	st.WantError(t, st.Judged(t, g.Ref(), s), s, fault.Usage, "RSA_SIGN_PSS_3072_SHA384 only", "make a key of the algorithm")
	g.Algorithm = "RSA_SIGN_PKCS1_4096_SHA384"
	st.WantSigns(t, g.Ref(), s)
	g.Algorithm, s.Hash = "RSA_SIGN_RAW_PKCS1_3072", 0
	st.WantSigns(t, g.Ref(), s)
	g, s = world(t)
	g.Key, g.Algorithm, s.Chain = pki.ECDSA.Key, "EC_SIGN_P256_SHA256", []string{pki.ECDSA.CertFile(t)}
	s.Edit = func(o *identity.Options) { o.AllowECDSA = true }
	st.WantSigns(t, g.Ref(), s)
}

// TestDamage: every value that guards an answer is looked at.
func TestDamage(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(map[string]any)
		want string
	}{
		"the public key":              {func(v map[string]any) { v["pemCrc32c"] = "1" }, "damaged under way, or of another key"},
		"another key's":               {func(v map[string]any) { v["name"] = "projects/x" }, "of another key"},
		"the digest, not verified":    {func(v map[string]any) { v["verifiedDigestCrc32c"] = false }, "over something that was damaged"},
		"the digest, nothing said":    {func(v map[string]any) { delete(v, "verifiedDigestCrc32c") }, "over something that was damaged"},
		"the signature":               {func(v map[string]any) { v["signatureCrc32c"] = "7" }, "a signature that was damaged"},
		"the signature's own, gone":   {func(v map[string]any) { delete(v, "signatureCrc32c") }, "a signature that was damaged"},
		"no signature":                {func(v map[string]any) { delete(v, "signature") }, "a signature that was damaged"},
		"a signature that is no text": {func(v map[string]any) { v["signature"] = "%" }, "JSON of another shape"},
	} {
		t.Run(name, func(t *testing.T) {
			g, s := world(t)
			publicKey := strings.Contains(c.want, "another key")
			g.Break = func(v map[string]any) {
				if _, is := v["pem"]; is == publicKey {
					c.edit(v)
				}
			}
			st.WantError(t, st.Judged(t, g.Ref(), s), s, fault.Service, "Google Cloud KMS: ", c.want)
		})
	}
}

func TestWhereTokensComeFrom(t *testing.T) {
	subject := write(t, "jwt-of-tests")
	for name, c := range map[string]struct {
		env    func(g *st.Google) map[string]string
		pass   func(g *st.Google) string
		gcloud bool
		tokens int
	}{
		"a service account in the password": {pass: func(g *st.Google) string { return g.ServiceAccount() }, tokens: 1},
		"a user's file": {env: func(g *st.Google) map[string]string {
			return map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": write(t, g.User())}
		}, tokens: 1},
		"the file of gcloud": {env: func(g *st.Google) map[string]string {
			dir := t.TempDir()
			os.WriteFile(filepath.Join(dir, "application_default_credentials.json"), []byte(g.User()), 0o600)
			return map[string]string{"CLOUDSDK_CONFIG": dir}
		}, tokens: 1},
		"a CI service's identity token": {env: func(g *st.Google) map[string]string {
			return map[string]string{"GOOGLE_APPLICATION_CREDENTIALS": write(t, g.External(subject))}
		}, tokens: 2},
		"a machine": {env: func(g *st.Google) map[string]string {
			g.Machine = true
			return map[string]string{"GCE_METADATA_HOST": strings.TrimPrefix(g.URL, "http://")}
		}, tokens: 1},
		"gcloud": {env: func(g *st.Google) map[string]string {
			return map[string]string{"GCE_METADATA_HOST": strings.TrimPrefix(g.URL, "http://")}
		}, gcloud: true, tokens: 1},
	} {
		t.Run(name, func(t *testing.T) {
			g, s := world(t)
			s.Env = map[string]string{}
			if c.env != nil {
				s.Env = c.env(g)
			}
			if c.pass != nil {
				s.Password = c.pass(g)
			}
			if c.gcloud {
				if runtime.GOOS == "windows" {
					t.Skip("the stand-in for gcloud is a shell script")
				}
				s.Edit = func(*identity.Options) {
					script := "#!/bin/sh\ntest \"$*\" = 'auth print-access-token' && echo " + g.Give() + "\n"
					os.WriteFile(filepath.Join(os.Getenv("PATH"), "gcloud"), []byte(script), 0o700)
				}
			}
			st.WantSigns(t, g.Ref(), s)
			if g.Given() != c.tokens {
				t.Errorf("%d tokens, want %d", g.Given(), c.tokens)
			}
		})
	}
}

func TestFails(t *testing.T) {
	for name, c := range map[string]struct {
		edit   func(*st.Google, *st.Surroundings)
		path   string
		fault  http.HandlerFunc
		status int
		want   []string
	}{
		"no credential":            {func(_ *st.Google, s *st.Surroundings) { delete(s.Env, "GOOGLE_APPLICATION_CREDENTIALS") }, "", nil, fault.Usage, []string{"no Google credential", "GOOGLE_APPLICATION_CREDENTIALS"}},
		"a file that is not there": {func(_ *st.Google, s *st.Surroundings) { s.Env["GOOGLE_APPLICATION_CREDENTIALS"] = "/nothing" }, "", nil, fault.Usage, []string{"/nothing"}},
		"another file": {func(_ *st.Google, s *st.Surroundings) {
			s.Env["GOOGLE_APPLICATION_CREDENTIALS"] = write(t, `{"type":"magic"}`)
		}, "", nil, fault.Usage, []string{"is not a credential file"}},
		"an address elsewhere": {func(g *st.Google, s *st.Surroundings) {
			s.Env["GOOGLE_APPLICATION_CREDENTIALS"] = write(t, strings.ReplaceAll(g.External("x"), g.URL+"/sts", "http://evil.example/sts"))
		}, "", nil, fault.Usage, []string{"names the address http://evil.example", "must be https"}},
		"a withdrawn key": {func(g *st.Google, s *st.Surroundings) {
			g.Account = st.NewGoogle(t, g.Key).Account // the file holds the earlier key
		}, "", nil, fault.Usage, []string{"Google credentials: get token: HTTP 400", "invalid_grant", "make a new key"}},
		"a refused job": {func(g *st.Google, s *st.Surroundings) {
			s.Env["GOOGLE_APPLICATION_CREDENTIALS"] = write(t, g.External(write(t, "another-jwt")))
		}, "", nil, fault.Usage, []string{"unauthorized_client", "attribute conditions"}},
		"an outage of OAuth":  {nil, "/token", st.Status(503, ""), fault.Service, []string{"Google credentials: get token: HTTP 503", "5 tries"}},
		"no right":            {nil, ":asymmetricSign", st.Status(403, `{"error":{"code":403,"status":"PERMISSION_DENIED","message":"Permission denied"}}`), fault.Usage, []string{"PERMISSION_DENIED", "roles/cloudkms.signerVerifier", "service_account of GOOGLE_APPLICATION_CREDENTIALS"}},
		"a quota":             {nil, ":asymmetricSign", st.Status(429, `{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"Quota exceeded"}}`), fault.Service, []string{"RESOURCE_EXHAUSTED", "5 tries"}},
		"disabled":            {func(g *st.Google, _ *st.Surroundings) { g.State = "DISABLED" }, "", nil, fault.Usage, []string{"FAILED_PRECONDITION", "is disabled or destroyed"}},
		"another version":     {func(g *st.Google, _ *st.Surroundings) { g.Name = strings.TrimSuffix(g.Name, "3") + "4" }, "", nil, fault.Usage, []string{"NOT_FOUND", "check project"}},
		"another certificate": {func(_ *st.Google, s *st.Surroundings) { s.Chain = []string{formatstest.NewPKI(t).Second.CertFile(t)} }, "", nil, fault.Usage, []string{"none of 2 certificates"}},
		"huge":                {nil, ":asymmetricSign", st.Huge, fault.Service, []string{"more than 1048576 bytes"}},
	} {
		t.Run(name, func(t *testing.T) {
			g, s := world(t)
			ref := g.Ref()
			if c.edit != nil {
				c.edit(g, &s)
			}
			if c.fault != nil {
				g.Fail(c.path, st.Always, c.fault)
			}
			err := st.Judged(t, ref, s)
			st.WantError(t, err, s, c.status, c.want...)
			if strings.Contains(err.Error(), "PRIVATE KEY") {
				t.Errorf("the key is shown: %v", err)
			}
		})
	}
}

func TestTokenEndsUnderWay(t *testing.T) {
	g, s := world(t)
	id := st.WantSigns(t, g.Ref(), s)
	g.Expire()
	if _, err := id.Key.Sign(rand.Reader, make([]byte, 32), crypto.SHA256); err != nil || g.Given() != 2 {
		t.Errorf("%d tokens: %v", g.Given(), err)
	}
}

func TestForm(t *testing.T) {
	const key = "projects/p-1/locations/europe-west1/keyRings/r/cryptoKeys/k"
	for s, want := range map[string]string{
		"gcpkms:":                                "not the name of a key version",
		"gcpkms:" + key:                          "no version of it",
		"gcpkms:" + key + "/cryptoKeyVersions/x": "not the name",
		"gcpkms:" + key + "/cryptoKeyVersions/1/publicKey":                   "not the name",
		"gcpkms:projects/p/../../x/cryptoKeyVersions/1":                      "not the name",
		"gcpkms:" + key + "/cryptoKeyVersions/1?project=x":                   "unknown option",
		"gcpkms:" + key + "/cryptoKeyVersions/1?endpoint=http://kms.example": "not an https address",
	} {
		_, err := identity.ParseRef(s)
		if fault.Status(err) != fault.Usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", s, err, want)
		}
	}
	if _, err := identity.ParseRef("gcpkms:projects/example.com:p/locations/global/keyRings/r_1/cryptoKeys/k-1/cryptoKeyVersions/12"); err != nil {
		t.Error(err)
	}
}
