package timeserver

import (
	"context"
	"crypto"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/rfc3161"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/identity"
)

// nobody is asked for an identity by real time servers.
func nobody(context.Context) (*identity.Identity, error) {
	return nil, errors.New("the identity was asked for")
}

func TestRealServer(t *testing.T) {
	tsa := formatstest.NewPKI(t).TSA
	h, err := rfc3161.NewServer(rfc3161.ServerOptions{Key: tsa.Key, Certificate: tsa.Certificate, Chain: tsa.Chain})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	s, stop, err := Open(t.Context(), Options{Servers: []string{srv.URL}, Hash: crypto.SHA512, Attempts: 1}, nil, nobody)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	value := []byte("the value of a signature")
	der, server, err := s.Stamp(t.Context(), value)
	if err != nil || server != srv.URL {
		t.Fatalf("server is %q, error %v", server, err)
	}
	token, err := rfc3161.ParseToken(der)
	if err != nil {
		t.Fatal(err)
	}
	if err := token.Check(value, rfc3161.CheckOptions{Trust: rfc3161.TrustAny}); err != nil {
		t.Errorf("the token is not over the value: %v", err)
	}
	if err := token.Check([]byte("another value"), rfc3161.CheckOptions{Trust: rfc3161.TrustAny}); err == nil {
		t.Error("the token is good for any value")
	}
	if stamp, _, err := s.StampLegacy(t.Context(), value); err != nil || len(stamp.Raw) == 0 {
		t.Errorf("the older protocol: %v", err)
	}
}

func TestServerFails(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "closed for today", http.StatusServiceUnavailable)
	}))
	defer srv.Close()
	s, stop, err := Open(t.Context(), Options{Servers: []string{srv.URL}, Attempts: 1, Hash: crypto.SHA256}, nil, nobody)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	_, _, err = s.Stamp(t.Context(), []byte("x"))
	_, _, legacy := s.StampLegacy(t.Context(), []byte("x"))
	for _, err := range []error{err, legacy} {
		if fault.Status(err) != fault.Service {
			t.Errorf("%v has status %d, want %d", err, fault.Status(err), fault.Service)
			continue
		}
		for _, want := range []string{srv.URL, "503", "hint:"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error lacks %q: %v", want, err)
			}
		}
	}
}

func TestTestServer(t *testing.T) {
	id, err := identity.Open(t.Context(), identity.KindTest, identity.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer id.Close()
	s, stop, err := Open(t.Context(), Options{Servers: []string{Test}, Hash: crypto.SHA256}, nil, func(context.Context) (*identity.Identity, error) { return id, nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, server, err := s.Stamp(t.Context(), []byte("x")); err != nil || server != "the test time server" {
		t.Errorf("server is %q, error %v", server, err)
	}
	var url string
	for url = range s.names {
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if resp, err := http.Get(url); err == nil {
		resp.Body.Close()
		t.Error("the server still answers after it was stopped")
	}
}

func TestTestServerNeedsATestIdentity(t *testing.T) {
	_, _, err := Open(t.Context(), Options{Servers: []string{Test}, Hash: crypto.SHA256}, nil, nobody)
	if err == nil || !strings.Contains(err.Error(), "was asked for") {
		t.Errorf("error is %v, want that of the identity", err)
	}
	if _, _, err := Serve(&identity.Identity{Ref: "pem:x"}); fault.Status(err) != fault.Usage {
		t.Errorf("error is %v, want wrong usage", err)
	}
}

// TestUntrustedServer: where roots are given, a server that nobody trusts has
// failed, and the next one is asked. If none is trusted, the release is wrong
// and not the service.
func TestUntrustedServer(t *testing.T) {
	pki := formatstest.NewPKI(t)
	h, err := rfc3161.NewServer(rfc3161.ServerOptions{Key: pki.TSA.Key, Certificate: pki.TSA.Certificate, Chain: pki.TSA.Chain})
	if err != nil {
		t.Fatal(err)
	}
	good := httptest.NewServer(h)
	defer good.Close()
	down := httptest.NewServer(http.NotFoundHandler())
	defer down.Close()
	id, err := identity.Open(t.Context(), identity.KindTest, identity.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer id.Close()
	stranger, stop, err := Serve(id)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	roots := &certchain.Roots{CodeSigning: certchain.NewPool(id.Root), TimeStamping: certchain.NewPool(pki.TSARoot)}
	for name, c := range map[string]struct {
		servers []string
		status  int
	}{
		"the next is trusted": {[]string{stranger, good.URL}, 0},
		"the only one":        {[]string{stranger}, fault.Verification},
		"the next is down":    {[]string{stranger, down.URL}, fault.Service},
	} {
		t.Run(name, func(t *testing.T) {
			s, stop, err := Open(t.Context(), Options{Servers: c.servers, Attempts: 1, Hash: crypto.SHA256}, roots, nobody)
			if err != nil {
				t.Fatal(err)
			}
			defer stop()
			_, server, err := s.Stamp(t.Context(), []byte("x"))
			_, legacy, lerr := s.StampLegacy(t.Context(), []byte("x"))
			if c.status == 0 {
				if err != nil || lerr != nil || server != good.URL || legacy != good.URL {
					t.Errorf("servers are %q and %q, errors %v and %v", server, legacy, err, lerr)
				}
				return
			}
			if fault.Status(err) != c.status || fault.Status(lerr) != c.status || !strings.Contains(err.Error(), "hint:") {
				t.Errorf("errors are %v and %v, want status %d", err, lerr, c.status)
			}
		})
	}
}
