package file

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// TestUntrustedTimeServer: a stamp that no verifier would accept is not put into a file, of neither kind.
func TestUntrustedTimeServer(t *testing.T) {
	b := newBench(t)
	before := b.read("a.exe")
	s := b.signing("a.exe")
	s.Servers, s.Trusted = b.server, args.Trusted{}
	refused := func(err error) {
		t.Helper()
		if fault.Status(err) != fault.Verification || !strings.Contains(err.Error(), "-tsroots=") {
			t.Errorf("error is %v, want a refusal that names -tsroots", err)
		}
	}
	refused(Sign(t.Context(), b.console(), s))
	if b.read("a.exe") != before {
		t.Error("the file was changed")
	}
	b.sign(b.signing("a.exe"))
	signed := b.read("a.exe")
	for _, legacy := range []bool{false, true} {
		refused(Timestamp(t.Context(), b.console(), Stamping{Files: args.Files{In: b.path("a.exe")}, Stampers: args.Stampers{Servers: b.server, Legacy: legacy}}))
	}
	if b.read("a.exe") != signed {
		t.Error("a refused stamp is in the file")
	}
	// A root that is trusted for code signing and time stamping will do, too.
	err := Timestamp(t.Context(), b.console(), Stamping{Files: args.Files{In: b.path("a.exe")}, Stampers: args.Stampers{Servers: b.server}, Trusted: args.Trusted{Roots: b.tsroot}})
	if err != nil {
		t.Error(err)
	}
	b.accepted("a.exe", true)
}

// TestOwnTimeStampingKey stamps with a key at hand, without any server, as osslsigncode's -TSA-key does.
func TestOwnTimeStampingKey(t *testing.T) {
	b := newBench(t)
	tsa := formatstest.NewPKI(t).TSA
	b.sign(b.signing("*.exe"))
	t.Setenv("TSA_PASSWORD", "secret")
	stamp := func(edit func(*Stamping)) error {
		s := Stamping{Files: args.Files{In: b.path("a.exe")}, Trusted: args.Trusted{TimestampRoots: b.tsroot},
			Stampers: args.Stampers{Servers: "pkcs12:" + tsa.PFXFile(t, "secret"), KeyPassword: "env:TSA_PASSWORD"}}
		edit(&s)
		return Timestamp(t.Context(), b.console(), s)
	}
	usage(t, stamp(func(s *Stamping) { s.Servers, s.KeyPassword = b.pem, "" }), "timeStamping")
	usage(t, stamp(func(s *Stamping) { s.Servers = b.server }), "-tspassword")
	usage(t, stamp(func(s *Stamping) { s.KeyPassword = "secret" }), "-tspassword")
	if err := stamp(func(s *Stamping) { s.TimestampRoots = "" }); fault.Status(err) != fault.Verification {
		t.Errorf("a key that nobody trusts: %v", err)
	}
	if err := stamp(func(*Stamping) {}); err != nil {
		t.Fatal(err)
	}
	b.accepted("a.exe", true)
	pem := "pem:" + tsa.KeyFile(t) + "," + formatstest.PEMFile(t, tsa.Certificate)
	if err := stamp(func(s *Stamping) {
		s.In, s.Stampers = b.path("b.exe"), args.Stampers{Servers: pem, Legacy: true}
	}); err != nil {
		t.Fatal(err)
	}
	b.accepted("b.exe", true)
}

// Without an answer a file stays as it was, and another run with -existing=skip does what is left.
func TestServerDown(t *testing.T) {
	b := newBench(t)
	b.sign(b.signing("b.exe"))
	before, done := b.read("a.exe"), b.read("b.exe")
	down := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(down.Close)
	s := b.signing("a.exe")
	s.Servers = down.URL
	err := Sign(t.Context(), b.console(), s)
	if fault.Status(err) != fault.Service || !strings.Contains(err.Error(), "hint: the file stays as it was") || strings.Count(err.Error(), "hint:") != 1 {
		t.Errorf("error is %v", err)
	}
	if b.read("a.exe") != before {
		t.Error("the file was changed")
	}
	s = b.signing("*.exe")
	s.Existing = "skip"
	b.sign(s)
	if b.read("a.exe") == before || b.read("b.exe") != done {
		t.Error("the second run did not do what was left, or did more")
	}
}
