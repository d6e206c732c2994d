package artifactsigning_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/identity"
	st "github.com/hallmark-dev/hallmark/internal/identity/servicetest"
)

// world is a profile with today's certificate and the secret of an
// application.
func world(t *testing.T) (*st.ArtifactSigning, st.Surroundings) {
	t.Helper()
	e := st.NewEntra(t)
	a := st.NewArtifactSigning(t, e, st.Daily(t, formatstest.NewPKI(t).Leaf.Key))
	return a, st.Surroundings{Env: e.Env(), Password: e.Secret}
}

func TestSigns(t *testing.T) {
	a, s := world(t)
	id := st.WantSigns(t, a.Ref(), s)
	if !id.Certificate.Equal(a.Days[0].Certificate) || len(id.Chain) != 1 || id.Root == nil || !id.ShortLived() {
		t.Errorf("got %q, %d intermediates, root %v", id.Certificate.Subject, len(id.Chain), id.Root)
	}
	// The trial signature is the fetch of the certificate: four in all.
	if n := a.Calls("") - a.Calls("/sign/"); n != 4 || a.Entra.Given() != 1 {
		t.Errorf("%d signatures and %d tokens, want the trial and one for each hash with one token", n, a.Entra.Given())
	}
	a.Plain, a.Polls = true, 0
	st.WantSigns(t, a.Ref(), s)
}

// TestCertificateChangesDuringTheRun: two keys and certificates take turns, and
// each signature is built with its own.
func TestCertificateChangesDuringTheRun(t *testing.T) {
	pki := formatstest.NewPKI(t)
	a, s := world(t)
	a.Days = append(a.Days, st.Daily(t, pki.Second.Key))
	s.Edit = func(o *identity.Options) {
		o.ExpectEKUs, o.ExpectSubject = []string{st.SubscriberEKU}, "Release Test Ltd"
	}
	id, err := st.Open(t, a.Ref(), s)
	if err != nil {
		t.Fatal(err)
	}
	if err := identity.Err(id.Judge(time.Now())); err != nil {
		t.Fatal(err)
	}
	sd, err := cms.Sign(context.Background(), cms.ContentInfo{Type: cms.OIDSpcIndirectData, DER: []byte{0x30, 0}},
		cms.Signer{Key: id.Key, Certificate: id.Certificate, Chain: id.Chain}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := sd.SignerCertificate(0)
	if err != nil || !cert.Equal(a.Days[1].Certificate) || sd.Signers[0].CheckSignature(cert) != nil {
		t.Errorf("built with another certificate: %v", err)
	}
	if !id.Owns(cert) {
		t.Error("tomorrow's certificate is not the identity's own")
	}
	_, err = id.Key.Sign(rand.Reader, make([]byte, 32), crypto.SHA256)
	st.WantError(t, err, s, fault.Service, "changed its key during the run")
}

func TestWrongSubscriber(t *testing.T) {
	a, s := world(t)
	s.Edit = func(o *identity.Options) {
		o.ExpectEKUs, o.ExpectSubject = []string{"1.3.6.1.4.1.311.97.1.2.3.4"}, "Somebody Else"
	}
	st.WantError(t, st.Judged(t, a.Ref(), s), s, fault.Usage, "sign.expect_eku", "sign.expect_subject")
}

func TestFails(t *testing.T) {
	for name, c := range map[string]struct {
		edit   func(*st.ArtifactSigning, *st.Surroundings)
		path   string
		fault  http.HandlerFunc
		status int
		posts  int
		want   []string
	}{
		"an empty 403": {nil, "/sign", st.Status(403, "", "X-Azure-Ref", "ref-9"), fault.Usage, 1, []string{"HTTP 403 Forbidden (request ref-9)",
			"Artifact Signing Certificate Profile Signer", "another region than 127.0.0.1", "accountUri", "identity validation", "half an hour"}},
		"a wrong audience": {func(a *st.ArtifactSigning, s *st.Surroundings) {
			s.Env["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = wrongAudience(t)
			s.Password = ""
			s.Env["AZURE_TOKEN_CREDENTIALS"] = "ManagedIdentityCredential"
		}, "", nil, fault.Usage, 2, []string{"InvalidAudience", "https://codesigning.azure.net"}},
		"a wrong profile":      {nil, "/sign", st.Status(404, ""), fault.Usage, 1, []string{"no profile public-trust in the account release-account"}},
		"a failed operation":   {func(a *st.ArtifactSigning, _ *st.Surroundings) { a.State = "Failed" }, "", nil, fault.Service, 1, []string{`ended as "Failed"`, "subscription is disabled"}},
		"an operation in time": {func(a *st.ArtifactSigning, _ *st.Surroundings) { a.State = "TimedOut" }, "", nil, fault.Service, 1, []string{`"TimedOut"`}},
		"problem JSON":         {nil, "/sign", st.Status(400, `{"status":400,"title":"One or more","errors":{"Digest":["is short"]}}`), fault.Usage, 1, []string{"One or more; Digest: is short"}},
		"throttled for ever":   {nil, "/sign", st.Throttle(""), fault.Service, 5, []string{"HTTP 429", "5 tries"}},
		"an outage":            {nil, "/sign", st.Status(500, ""), fault.Service, 5, []string{"HTTP 500", "may have been counted"}},
		"no signature":         {nil, "/sign/", st.Status(200, `{"status":"Succeeded","signature":null,"signingCertificate":null}`), fault.Service, 1, []string{"a signature without certificate"}},
		"no certificates":      {nil, "/sign/", st.Status(200, `{"status":"Succeeded","signature":"AAAA","signingCertificate":"%%%"}`), fault.Service, 1, []string{"certificates that cannot be read"}},
		"base64 for ever":      {nil, "/sign/", st.Status(200, `{"status":"Succeeded","signature":"AAAA","signingCertificate":"UVVGQlFRPT0="}`), fault.Service, 1, []string{"no DER within"}},
		"no id":                {nil, "/sign", st.Status(202, `{"status":"InProgress"}`), fault.Service, 1, []string{"an operation without an id"}},
		"HTML":                 {nil, "/sign", st.Status(200, "<html>"), fault.Service, 1, []string{"not JSON"}},
		"huge":                 {nil, "/sign/", st.Huge, fault.Service, 1, []string{"more than 1048576 bytes"}},
		"an expired certificate": {func(a *st.ArtifactSigning, _ *st.Surroundings) {
			a.Days = []*formatstest.Identity{st.Daily(t, formatstest.NewPKI(t).Leaf.Key, func(c *x509.Certificate) {
				c.NotBefore, c.NotAfter = time.Now().Add(-100*time.Hour), time.Now().Add(-28*time.Hour)
			})}
		}, "", nil, fault.Usage, 1, []string{"the certificate expired"}},
	} {
		t.Run(name, func(t *testing.T) {
			a, s := world(t)
			if c.edit != nil {
				c.edit(a, &s)
			}
			if c.fault != nil {
				a.Fail(c.path, st.Always, c.fault)
			}
			st.WantError(t, st.Judged(t, a.Ref(), s), s, c.status, c.want...)
			if n := a.Calls("") - a.Calls("/sign/"); n != c.posts {
				t.Errorf("%d signatures were asked for, want %d", n, c.posts)
			}
		})
	}
}

// wrongAudience is a machine whose tokens are for something else.
func wrongAudience(t *testing.T) string {
	return st.New(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Metadata") == "" {
			w.WriteHeader(400)
			return
		}
		w.Write([]byte(`{"access_token":"for-something-else","expires_in":"3599"}`))
	})).URL
}

// TestThrottledOnce: the pause that the service asks for is kept, and nothing is
// signed twice.
func TestThrottledOnce(t *testing.T) {
	a, s := world(t)
	a.Fail("/sign", 1, st.Throttle("1"))
	began := time.Now()
	st.WantSigns(t, a.Ref(), s)
	if took := time.Since(began); took < time.Second {
		t.Errorf("took %v", took)
	}
}

func TestMetadata(t *testing.T) {
	a, s := world(t)
	write := func(text string) func(*identity.Options) {
		return func(o *identity.Options) {
			o.Warn = func(w string) { t.Log(w) }
			os.WriteFile(filepath.Join(o.Dir, "metadata.json"), []byte(strings.ReplaceAll(text, "URL", a.URL)), 0o600)
		}
	}
	const ref = "artifact-signing:metadata.json"
	for name, text := range map[string]string{
		"as documented":     `{"Endpoint":"URL","CodeSigningAccountName":"release-account","CertificateProfileName":"public-trust"}`,
		"other case, slash": "\xef\xbb\xbf" + `{"endpoint":"URL/","CodesigningAccountName":"release-account","CertificateProfileName":"public-trust","CorrelationId":"build-7"}`,
		"further keys":      `{"Endpoint":"URL","CodeSigningAccountName":"release-account","CertificateProfileName":"public-trust","ExcludeCredentials":["ManagedIdentityCredential"],"X":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			s.Edit = write(text)
			id := st.WantSigns(t, ref, s)
			if name == "further keys" && (len(id.Warnings) != 1 || !strings.Contains(id.Warnings[0], "X is unknown")) {
				t.Errorf("warnings %q", id.Warnings)
			}
		})
	}
	for name, c := range map[string]struct{ text, want string }{
		"not JSON":            {"Endpoint: x", "not a JSON object"},
		"a list":              {"[]", "not a JSON object"},
		"no endpoint":         {`{"CodeSigningAccountName":"release-account","CertificateProfileName":"public-trust"}`, "Endpoint is not the address"},
		"no account":          {`{"Endpoint":"URL","CertificateProfileName":"public-trust"}`, `"" is not the name of an account`},
		"a token":             {`{"Endpoint":"URL","AccessToken":"eyJ0secret"}`, "holds an access token"},
		"a wrong type":        {`{"Endpoint":["URL"]}`, "Endpoint has the wrong type"},
		"everything excluded": {`{"Endpoint":"URL","CodeSigningAccountName":"release-account","CertificateProfileName":"public-trust","ExcludeCredentials":["EnvironmentCredential","WorkloadIdentityCredential","ManagedIdentityCredential","AzureCliCredential"]}`, "no Azure credential"},
	} {
		t.Run(name, func(t *testing.T) {
			s, s2 := s, s
			s.Edit, s.Password = write(c.text), ""
			err := st.Judged(t, ref, s)
			st.WantError(t, err, s2, fault.Usage, c.want)
			if strings.Contains(err.Error(), "eyJ0") {
				t.Errorf("the token is shown: %v", err)
			}
		})
	}
	s.Edit = nil
	st.WantError(t, st.Judged(t, "artifact-signing:nothing.json", s), s, fault.Usage, "nothing.json")
}

func TestForm(t *testing.T) {
	for s, want := range map[string]string{
		"artifact-signing:":              "an account and a certificate profile",
		"artifact-signing:account":       "an account and a certificate profile",
		"artifact-signing:acc/profile-1": "needs the endpoint",
		"artifact-signing:ac/profile-1?endpoint=weu.codesigning.azure.net":         `"ac" is not the name of an account`,
		"artifact-signing:acc/prof?endpoint=weu.codesigning.azure.net":             `"prof" is not the name of a certificate profile`,
		"artifact-signing:1acc/profile-1?endpoint=weu.codesigning.azure.net":       "is not the name",
		"artifact-signing:a--cc/profile-1?endpoint=weu.codesigning.azure.net":      "is not the name",
		"artifact-signing:acc/pro/file?endpoint=weu.codesigning.azure.net":         "is not the name",
		"artifact-signing:acc/profile-1?endpoint=http://weu.codesigning.azure.net": "not an https address",
		"artifact-signing:metadata.json?endpoint=x":                                "names the endpoint",
		"artifact-signing:acc/profile-1?region=weu":                                "unknown option",
	} {
		_, err := identity.ParseRef(s)
		if fault.Status(err) != fault.Usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", s, err, want)
		}
	}
	r, err := identity.ParseRef("artifact-signing:ci/metadata.json")
	if err != nil || len(r.Files()) != 1 || r.Files()[0] != "ci/metadata.json" {
		t.Errorf("files %q, %v", r.Files(), err)
	}
}
