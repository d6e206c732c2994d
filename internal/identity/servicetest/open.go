package servicetest

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/identity"
)

// Surroundings are what an identity is opened in: environment variables, and
// the certificate files of sign.chain.
type Surroundings struct {
	Env      map[string]string
	Password string // the value of sign.password; "" is none
	Chain    []string
	Hash     crypto.Hash
	Edit     func(*identity.Options)
}

// Open opens the identity ref in nothing but these surroundings: the home
// folder is empty, the root of the test PKI is known.
func Open(t testing.TB, ref string, s Surroundings) (*identity.Identity, error) {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	t.Setenv("PATH", home) // no command of a vendor is found
	env := func(name string) string {
		if name == "SIGNING_SECRET" {
			return s.Password
		}
		return s.Env[name]
	}
	o := identity.Options{Dir: t.TempDir(), Roots: []*x509.Certificate{formatstest.NewPKI(t).Root}, Getenv: env, ChainFiles: s.Chain, Hash: s.Hash}
	if s.Password != "" {
		o.Password = "env:SIGNING_SECRET"
	}
	if s.Edit != nil {
		s.Edit(&o)
	}
	id, err := identity.Open(context.Background(), ref, o)
	if id != nil {
		t.Cleanup(func() { id.Close() })
	}
	return id, err
}

// WantSigns opens an identity and has it judged and sign with each hash.
func WantSigns(t testing.TB, ref string, s Surroundings) *identity.Identity {
	t.Helper()
	id, err := Open(t, ref, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := identity.Err(id.Judge(time.Now())); err != nil {
		t.Fatal(err)
	}
	for _, h := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		if s.Hash != 0 && s.Hash != h {
			continue
		}
		w := h.New()
		w.Write([]byte("x"))
		if _, err := id.Key.Sign(rand.Reader, w.Sum(nil), h); err != nil { // verified by the key itself
			t.Errorf("%v: %v", h, err)
		}
	}
	return id
}

// Judged opens an identity and returns every problem with it as one error.
func Judged(t testing.TB, ref string, s Surroundings) error {
	t.Helper()
	id, err := Open(t, ref, s)
	if err != nil {
		return err
	}
	return identity.Err(id.Judge(time.Now()))
}

// WantError checks status and text of an error, that it has a hint, and that
// it holds no secret of the surroundings.
func WantError(t testing.TB, err error, s Surroundings, status int, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, text := range append(texts, "\nhint: ") {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error lacks %q: %v", text, err)
		}
	}
	if got := fault.Status(err); got != status {
		t.Errorf("status %d, want %d: %v", got, status, err)
	}
	secrets := []string{s.Password}
	for name, v := range s.Env {
		if strings.Contains(name, "SECRET") || strings.Contains(name, "TOKEN") && !strings.Contains(name, "FILE") && !strings.Contains(name, "URL") && !strings.Contains(name, "CREDENTIALS") {
			secrets = append(secrets, v)
		}
	}
	for _, v := range secrets {
		if len(v) > 3 && strings.Contains(err.Error(), v) {
			t.Errorf("the error holds a secret: %v", err)
		}
	}
}
