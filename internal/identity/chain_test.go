package identity

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// leafOnly is the short form of p without its intermediates.
func leafOnly(t *testing.T, p *formatstest.Identity) string {
	t.Helper()
	return "pem:" + p.KeyFile(t) + "," + formatstest.PEMFile(t, p.Certificate)
}

func chainProblems(id *Identity) (found []Problem) {
	for _, p := range id.JudgeCertificate(time.Now()) {
		if p.Rule == RuleChain {
			found = append(found, p)
		}
	}
	return found
}

func TestChainFromFiles(t *testing.T) {
	pki := formatstest.NewPKI(t)
	p := pki.Leaf
	noRoots := func(o *Options) { o.Roots = nil }
	for name, c := range map[string]struct {
		files       []string
		chain       int
		complete    bool
		wantProblem string
	}{
		"nothing":           {nil, 0, false, "Code Signing CA"},
		"intermediate":      {[]string{formatstest.PEMFile(t, p.Chain...)}, 1, false, "Test Root"},
		"root alone":        {[]string{p.RootFile(t)}, 0, false, "Code Signing CA"},
		"both in two files": {[]string{p.RootFile(t), formatstest.PEMFile(t, p.Chain...)}, 1, true, ""},
		"both in one file":  {[]string{formatstest.PEMFile(t, p.Root, p.Chain[0])}, 1, true, ""},
		"beside strangers":  {[]string{formatstest.PEMFile(t, pki.TSARoot, pki.UntrustedRoot, p.Root, pki.Second.Certificate, p.Chain[0])}, 1, true, ""},
		"cross and root":    {[]string{formatstest.PEMFile(t, pki.CrossRoot, p.Root, p.Chain[0], pki.UntrustedRoot)}, 1, true, ""},
		"cross-certificate": {[]string{formatstest.PEMFile(t, pki.CrossRoot, p.Chain[0], pki.UntrustedRoot)}, 2, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := open(t, leafOnly(t, p), "", noRoots, func(o *Options) { o.ChainFiles = c.files })
			if err != nil {
				t.Fatal(err)
			}
			if len(id.Chain) != c.chain || (id.Root != nil) != c.complete {
				t.Errorf("chain of %d, root %v", len(id.Chain), id.Root != nil)
			}
			problems := chainProblems(id)
			if c.complete != (len(problems) == 0) {
				t.Fatalf("problems %+v", problems)
			}
			if !c.complete && (problems[0].Severity != Error || !strings.Contains(problems[0].Text, c.wantProblem) || !strings.Contains(problems[0].Hint, "sign.chain")) {
				t.Errorf("problem %+v", problems[0])
			}
		})
	}
}

func TestIncompleteChainAllowed(t *testing.T) {
	id, err := open(t, leafOnly(t, formatstest.NewPKI(t).Leaf), "", func(o *Options) { o.AllowIncompleteChain = true })
	if err != nil {
		t.Fatal(err)
	}
	problems := chainProblems(id)
	if len(problems) != 1 || problems[0].Severity != Warning || Err(problems) != nil {
		t.Errorf("got %+v", problems)
	}
}

func TestChainFileMissing(t *testing.T) {
	_, err := open(t, leafOnly(t, formatstest.NewPKI(t).Leaf), "", func(o *Options) { o.ChainFiles = []string{"none.pem"} })
	wantError(t, err, fault.Usage, "none.pem")
}

func TestSelfSigned(t *testing.T) {
	pki := formatstest.NewPKI(t)
	id, err := open(t, "pkcs12:"+pki.SelfSigned.PFXFile(t, password), password)
	if err != nil {
		t.Fatal(err)
	}
	if id.Root != id.Certificate || len(id.Chain) != 0 {
		t.Errorf("root %v, chain %d", id.Root, len(id.Chain))
	}
	if ps := chainProblems(id); len(ps) != 1 || ps[0].Severity != Warning || !strings.Contains(ps[0].Text, "self-signed") {
		t.Errorf("got %+v", ps)
	}
}

// aiaServer serves what answer says and counts requests; leaf is a
// certificate that names it as the address of its issuer.
type aiaServer struct {
	*httptest.Server
	hits atomic.Int32
}

func newAIA(t *testing.T, answer http.HandlerFunc) *aiaServer {
	t.Helper()
	s := &aiaServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.hits.Add(1)
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func leafNaming(t *testing.T, addresses ...string) *formatstest.Identity {
	t.Helper()
	return formatstest.NewPKI(t).Issue(t, "AIA leaf", func(c *x509.Certificate) { c.IssuingCertificateURL = addresses })
}

func fetching(o *Options) { o.FetchIntermediates = true }

func TestAIAFetchesOnceAndKeeps(t *testing.T) {
	pki := formatstest.NewPKI(t)
	s := newAIA(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(pki.Intermediate.Raw) })
	p := leafNaming(t, s.URL+"/ca.cer")
	ref, state := leafOnly(t, p), filepath.Join(t.TempDir(), "state")
	keep := func(o *Options) { o.StateDir = state }
	for n := range 3 {
		id, err := open(t, ref, "", fetching, keep)
		if err != nil {
			t.Fatal(err)
		}
		if len(id.Chain) != 1 || !id.Chain[0].Equal(pki.Intermediate) || id.Root == nil || len(chainProblems(id)) != 0 {
			t.Fatalf("round %d: chain %d, problems %+v", n, len(id.Chain), chainProblems(id))
		}
	}
	if n := s.hits.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
	cached, _ := filepath.Glob(filepath.Join(state, "aia", "*"))
	if len(cached) != 1 {
		t.Fatalf("cache holds %v", cached)
	}
	// A damaged entry is fetched again.
	if err := os.WriteFile(cached[0], []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if id, err := open(t, ref, "", fetching, keep); err != nil || id.Root == nil || s.hits.Load() != 2 {
		t.Errorf("damaged cache: %v, %d requests", err, s.hits.Load())
	}
}

func TestAIAOnlyWhenAllowed(t *testing.T) {
	s := newAIA(t, func(http.ResponseWriter, *http.Request) {})
	id, err := open(t, leafOnly(t, leafNaming(t, s.URL)), "")
	if err != nil {
		t.Fatal(err)
	}
	if s.hits.Load() != 0 || len(chainProblems(id)) != 1 {
		t.Errorf("%d requests, problems %+v", s.hits.Load(), chainProblems(id))
	}
}

func TestAIAAnswers(t *testing.T) {
	pki := formatstest.NewPKI(t)
	p7c := readAll(t, openssl(t, "crl2pkcs7", "-nocrl", "-certfile", formatstest.PEMFile(t, pki.TSARoot, pki.Intermediate), "-outform", "DER"))
	send := func(b []byte) http.HandlerFunc { return func(w http.ResponseWriter, _ *http.Request) { w.Write(b) } }
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string // "" means that the chain is complete
	}{
		"DER":       {send(pki.Intermediate.Raw), ""},
		"PEM":       {send(certPEM(pki.Intermediate)), ""},
		"p7c":       {send(p7c), ""},
		"404":       {http.NotFound, "404"},
		"500":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "500"},
		"garbage":   {send([]byte("<html>")), "neither PEM nor DER"},
		"empty":     {send(nil), "no certificate found"},
		"stranger":  {send(pki.UntrustedRoot.Raw), "did not sign it"},
		"too large": {send(make([]byte, maxFetched+1)), "larger than"},
		"slow": {func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
		}, "deadline"},
		"loop": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) }, "too many redirects"},
		"to file": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		}, "not an http"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newAIA(t, c.answer)
			id, err := open(t, leafOnly(t, leafNaming(t, s.URL)), "", fetching, func(o *Options) { o.Timeout = 300 * time.Millisecond })
			if err != nil {
				t.Fatal(err)
			}
			problems := chainProblems(id)
			if c.want == "" {
				if len(problems) != 0 || id.Root == nil {
					t.Errorf("problems %+v", problems)
				}
				return
			}
			if len(problems) != 1 || !strings.Contains(problems[0].Text, c.want) {
				t.Fatalf("problems %+v, want %q", problems, c.want)
			}
			wantError(t, Err(problems), fault.Service, "incomplete", "hint: ")
		})
	}
}

func TestAIASecondAddress(t *testing.T) {
	pki := formatstest.NewPKI(t)
	s := newAIA(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/good" {
			http.NotFound(w, r)
			return
		}
		w.Write(pki.Intermediate.Raw)
	})
	p := leafNaming(t, "ldap://directory.example/cn=ca", s.URL+"/bad", s.URL+"/good")
	id, err := open(t, leafOnly(t, p), "", fetching)
	if err != nil || id.Root == nil {
		t.Errorf("got %v, root %v", err, id.Root)
	}
	id, err = open(t, leafOnly(t, leafNaming(t, "ldap://directory.example/cn=ca")), "", fetching)
	if err != nil {
		t.Fatal(err)
	}
	if ps := chainProblems(id); len(ps) != 1 || !strings.Contains(ps[0].Text, "not an http") {
		t.Errorf("got %+v", ps)
	}
}

func TestAIARequestsAreBounded(t *testing.T) {
	s := newAIA(t, http.NotFound)
	f := newFetcher(Options{StateDir: t.TempDir()})
	var addresses []string
	for n := range 5 {
		addresses = append(addresses, fmt.Sprintf("%s/%d", s.URL, n))
	}
	c := leafNaming(t, addresses...).Certificate
	for range 10 {
		if _, err := f.issuers(context.Background(), c); err == nil {
			t.Fatal("no error")
		}
	}
	if n := s.hits.Load(); n != maxFetches {
		t.Errorf("%d requests", n)
	}
}

func TestErrJoins(t *testing.T) {
	service := fault.New(fault.Service, "down")
	for name, c := range map[string]struct {
		problems []Problem
		want     int
	}{
		"none":        {nil, 0},
		"warnings":    {[]Problem{{Severity: Warning}}, 0},
		"usage":       {[]Problem{{Severity: Error, Text: "a"}, {Severity: Error, Text: "b", Err: errors.New("x")}}, fault.Usage},
		"service":     {[]Problem{{Severity: Error, Text: "a", Err: service}}, fault.Service},
		"both, usage": {[]Problem{{Severity: Error, Text: "a", Err: service}, {Severity: Error, Text: "b"}}, fault.Usage},
	} {
		err := Err(c.problems)
		if (err == nil) != (c.want == 0) || err != nil && fault.Status(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFetchIssuers: the issuer of any certificate is fetched, and a wrong answer named.
func TestFetchIssuers(t *testing.T) {
	pki := formatstest.NewPKI(t)
	s := newAIA(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wrong" {
			w.Write(pki.TSARoot.Raw)
			return
		}
		w.Write(pki.Intermediate.Raw)
	})
	find := FetchIssuers(Options{StateDir: t.TempDir()})
	certs, err := find(t.Context(), leafNaming(t, s.URL+"/ca.cer").Certificate)
	if err != nil || len(certs) != 1 || !certs[0].Equal(pki.Intermediate) {
		t.Errorf("got %d certificates, %v", len(certs), err)
	}
	_, err = find(t.Context(), leafNaming(t, s.URL+"/wrong").Certificate)
	wantError(t, err, fault.Service, "did not sign it")
}
