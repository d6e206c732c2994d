package file

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/rfc3161"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// bench is a folder with programs, the files of an identity and a time server.
type bench struct {
	t            *testing.T
	dir, pem     string // pem is the identity's short form
	cert         string // the signer's certificate and the intermediate
	root, tsroot string
	server       string
	out          bytes.Buffer
}

func newBench(t *testing.T) *bench {
	t.Helper()
	pki := formatstest.NewPKI(t)
	b := &bench{t: t, dir: t.TempDir(), root: formatstest.PEMFile(t, pki.Root), tsroot: formatstest.PEMFile(t, pki.TSARoot)}
	b.cert = formatstest.PEMFile(t, pki.Leaf.Certificate, pki.Intermediate)
	b.pem = "pem:" + pki.Leaf.KeyFile(t) + "," + b.cert
	h, err := rfc3161.NewServer(rfc3161.ServerOptions{Key: pki.TSA.Key, Certificate: pki.TSA.Certificate, Chain: pki.TSA.Chain})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	b.server = srv.URL
	for _, name := range []string{"a.exe", "b.exe"} {
		program, err := os.ReadFile(formatstest.GoProgram(t, "amd64"))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(b.path(name), program, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) read(name string) string {
	b.t.Helper()
	text, err := os.ReadFile(b.path(name))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

func (b *bench) console() *console.Console { return console.New(&b.out, console.Options{}) }

func (b *bench) signing(in string) Signing {
	return Signing{Files: args.Files{In: b.path(in)}, Signer: args.Signer{Key: args.Key{Identity: b.pem, Chain: b.root}, Trusted: args.Trusted{TimestampRoots: b.tsroot}}}
}

func (b *bench) sign(s Signing) {
	b.t.Helper()
	if err := Sign(b.t.Context(), b.console(), s); err != nil {
		b.t.Fatal(err)
	}
}

// accepted tells whether osslsigncode takes the file, and demands a timestamp
// where one is wanted. It does not exist for Windows, where we judge ourselves.
func (b *bench) accepted(name string, stamped bool) {
	b.t.Helper()
	if runtime.GOOS == "windows" {
		v := args.Verification{In: b.path(name), Roots: b.root, TimestampRoots: b.tsroot, Only: true}
		if !stamped {
			v.Allow = "no-timestamp"
		}
		var report bytes.Buffer
		if err := Verify(b.t.Context(), b.console(), &report, v); err != nil {
			b.t.Errorf("%s (stamped: %v): %v\n%s", name, stamped, err, report.String())
		}
		return
	}
	ok, out := formatstest.VerifyOssl(b.t, b.path(name), b.root, b.tsroot)
	if !ok || strings.Contains(out, "Timestamp verified using") != stamped {
		b.t.Errorf("osslsigncode on %s (stamped: %v):\n%s", name, stamped, out)
	}
}

func usage(t *testing.T, err error, want string) {
	t.Helper()
	if fault.Status(err) != fault.Usage || err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v, want wrong usage and %q", err, want)
	}
}

func TestSignStampStrip(t *testing.T) {
	b := newBench(t)
	before := b.read("a.exe")
	b.sign(b.signing("*.exe")) // both, in place
	b.accepted("a.exe", false)
	b.accepted("b.exe", false)
	err := Timestamp(t.Context(), b.console(), Stamping{Files: args.Files{In: b.path("a.exe")}, Trusted: args.Trusted{TimestampRoots: b.tsroot}, Stampers: args.Stampers{Servers: b.server}})
	if err != nil {
		t.Fatal(err)
	}
	b.accepted("a.exe", true)
	err = Timestamp(t.Context(), b.console(), Stamping{Files: args.Files{In: b.path("b.exe")}, Trusted: args.Trusted{TimestampRoots: b.tsroot}, Stampers: args.Stampers{Servers: b.server, Legacy: true}})
	if err != nil {
		t.Fatal(err)
	}
	b.accepted("b.exe", true)
	if err := Strip(t.Context(), b.console(), Stripping{Files: args.Files{In: b.path("a.exe")}}); err != nil {
		t.Fatal(err)
	}
	if b.read("a.exe") != before {
		t.Error("strip does not give back the program as it was")
	}
}

func TestOutFolder(t *testing.T) {
	b := newBench(t)
	before := b.read("a.exe")
	s := b.signing("*.exe")
	s.Out, s.Servers = b.path("signed"), b.server
	usage(t, Sign(t.Context(), b.console(), s), "is not a folder")
	if err := os.Mkdir(s.Out, 0o755); err != nil {
		t.Fatal(err)
	}
	b.sign(s)
	b.accepted("signed/a.exe", true)
	b.accepted("signed/b.exe", true)
	if b.read("a.exe") != before {
		t.Error("the input was changed")
	}
}

// TestParallel: -parallel bounds the signatures that are made at a time.
func TestParallel(t *testing.T) {
	b := newBench(t)
	s := b.signing("*.exe")
	s.Parallel = -1
	usage(t, Sign(t.Context(), b.console(), s), "-parallel")
	s.Parallel = 1
	b.sign(s)
	b.accepted("a.exe", false)
	b.accepted("b.exe", false)
}

func TestExisting(t *testing.T) {
	b := newBench(t)
	b.sign(b.signing("a.exe"))
	signed := b.read("a.exe")
	if err := Sign(t.Context(), b.console(), b.signing("a.exe")); err == nil || b.read("a.exe") != signed {
		t.Errorf("a second signature without -existing: %v", err)
	}
	s := b.signing("a.exe")
	s.Existing = "skip"
	b.sign(s)
	if b.read("a.exe") != signed {
		t.Error("skip changed the file")
	}
	s.Existing = "replace"
	b.sign(s)
	b.accepted("a.exe", false)
	s.Existing, s.Digest = "append", "sha384"
	b.sign(s)
	b.accepted("a.exe", false)
	var report bytes.Buffer
	if err := Inspect(t.Context(), &report, b.path("a.exe"), true); err != nil || !strings.Contains(report.String(), "SHA-384") {
		t.Errorf("the appended signature does not show: %v\n%s", err, report.String())
	}
	// The second signature has an index of its own, a third has not.
	err := Timestamp(t.Context(), b.console(), Stamping{Files: args.Files{In: b.path("a.exe")}, Trusted: args.Trusted{TimestampRoots: b.tsroot}, Stampers: args.Stampers{Servers: b.server}, Index: 1})
	if err != nil {
		t.Error(err)
	}
	err = Timestamp(t.Context(), b.console(), Stamping{Files: args.Files{In: b.path("a.exe")}, Trusted: args.Trusted{TimestampRoots: b.tsroot}, Stampers: args.Stampers{Servers: b.server}, Index: 2})
	if err == nil {
		t.Error("a signature that is not there was stamped")
	}
}

func TestExtractAttach(t *testing.T) {
	b := newBench(t)
	b.sign(b.signing("a.exe"))
	for _, pem := range []bool{false, true} {
		if err := Extract(t.Context(), b.console(), args.Files{In: b.path("a.exe")}, pem); err != nil {
			t.Fatal(err)
		}
		out := args.Files{In: b.path("b.exe"), Out: b.path("joined.exe")}
		if err := Attach(t.Context(), b.console(), out, b.path("a.exe.p7s"), ""); err != nil {
			t.Fatal(err)
		}
		if b.read("joined.exe") != b.read("a.exe") {
			t.Errorf("PEM %v: the same program with the same signature is another file", pem)
		}
	}
	other := b.read("b.exe")
	if err := Attach(t.Context(), b.console(), args.Files{In: b.path("b.exe")}, b.path("a.exe.p7s"), ""); err != nil || b.read("b.exe") != b.read("a.exe") {
		t.Errorf("in place: %v", err)
	}
	if err := os.WriteFile(b.path("b.exe"), []byte(other), 0o644); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(b.path("other.exe"), []byte(other[:0x1400]+"x"+other[0x1401:]), 0o644)
	if err := Attach(t.Context(), b.console(), args.Files{In: b.path("other.exe")}, b.path("a.exe.p7s"), ""); err == nil {
		t.Error("the signature of another program was attached")
	}
	usage(t, Attach(t.Context(), b.console(), args.Files{In: b.path("b.exe")}, "", ""), "-signature=")
	usage(t, Attach(t.Context(), b.console(), args.Files{In: b.path("*.exe")}, b.path("a.exe.p7s"), ""), "one at a time")
	usage(t, Extract(t.Context(), b.console(), args.Files{In: b.path("a.exe"), Out: b.path("a.exe")}, false), "would replace the program")
	if err := Extract(t.Context(), b.console(), args.Files{In: b.path("b.exe")}, false); err == nil {
		t.Error("a signature was extracted from an unsigned program")
	}
}

func TestAddCerts(t *testing.T) {
	b := newBench(t)
	b.sign(b.signing("a.exe"))
	signed := b.read("a.exe")
	cross := formatstest.PEMFile(t, formatstest.NewPKI(t).CrossRoot)
	if err := AddCerts(t.Context(), b.console(), Adding{Files: args.Files{In: b.path("a.exe")}, Certs: cross}); err != nil {
		t.Fatal(err)
	}
	b.accepted("a.exe", false)
	if b.read("a.exe") == signed {
		t.Error("nothing was added")
	}
	stranger := formatstest.PEMFile(t, formatstest.NewPKI(t).WrongEKU.Certificate)
	usage(t, AddCerts(t.Context(), b.console(), Adding{Files: args.Files{In: b.path("a.exe")}, Certs: stranger}), "hint: embed only certificates that the chain leads through")
	usage(t, AddCerts(t.Context(), b.console(), Adding{Files: args.Files{In: b.path("a.exe")}}), "-certs= is missing")
	usage(t, AddCerts(t.Context(), b.console(), Adding{Files: args.Files{In: b.path("a.exe")}, Certs: cross, Index: 3}), "-index")
}

// TestPathTo: the root that the certificates have to lead to is one that is known, or one of -roots.
func TestPathTo(t *testing.T) {
	b := newBench(t)
	pki := formatstest.NewPKI(t)
	sum := sha1.Sum(pki.Root.Raw)
	s := b.signing("a.exe")
	s.Chain, s.Trusted.Roots, s.RequirePathTo = "", b.root, hex.EncodeToString(sum[:])
	b.sign(s)
	signed := b.read("a.exe")
	add := Adding{Files: args.Files{In: b.path("a.exe")}, Certs: formatstest.PEMFile(t, pki.CrossRoot), RequirePathTo: s.RequirePathTo}
	if err := AddCerts(t.Context(), b.console(), add); err == nil || b.read("a.exe") != signed {
		t.Errorf("a root that nobody knows will do: %v", err)
	}
	add.Roots = b.root
	if err := AddCerts(t.Context(), b.console(), add); err != nil {
		t.Error(err)
	}
}

func TestVerifyRefusesAChangedByte(t *testing.T) {
	b := newBench(t)
	s := b.signing("*.exe")
	s.Servers = b.server
	b.sign(s)
	v := args.Verification{In: b.path("*.exe"), Roots: b.root, TimestampRoots: b.tsroot}
	var out bytes.Buffer
	if err := Verify(t.Context(), b.console(), &out, v); err != nil {
		t.Fatal(err)
	}
	bad := []byte(b.read("b.exe"))
	bad[0x1400] ^= 1
	if err := os.WriteFile(b.path("b.exe"), bad, 0o644); err != nil {
		t.Fatal(err)
	}
	err := Verify(t.Context(), b.console(), &out, v)
	if fault.Status(err) != fault.Verification || !strings.Contains(err.Error(), "b.exe: refused (Windows: TRUST_E_BAD_DIGEST") || strings.Contains(err.Error(), "a.exe:") {
		t.Errorf("error is %v, want b.exe refused and a.exe not named", err)
	}
}

func TestWrongFlags(t *testing.T) {
	b := newBench(t)
	before := b.read("a.exe")
	for name, c := range map[string]struct {
		edit func(*Signing)
		want string
	}{
		"no file":             {func(s *Signing) { s.In = " " }, "-in= is missing"},
		"nothing after comma": {func(s *Signing) { s.In += "," }, "comma"},
		"no such file":        {func(s *Signing) { s.In = b.path("*.dll") }, "no file matches"},
		"bad pattern":         {func(s *Signing) { s.In = "[" }, "not a pattern"},
		"no identity":         {func(s *Signing) { s.Identity = "" }, "-identity= is missing"},
		"literal password":    {func(s *Signing) { s.Password = "hunter2" }, "-password"},
		"unknown digest":      {func(s *Signing) { s.Digest = "md5" }, "md5"},
		"unknown policy":      {func(s *Signing) { s.Existing = "maybe" }, "append, refuse, repair, replace, skip"},
		"legacy, no server":   {func(s *Signing) { s.Legacy = true }, "-server="},
		"no address":          {func(s *Signing) { s.Servers = b.server + ",ftp://x/" }, "-server: "},
		"description":         {func(s *Signing) { s.Description = "\xff" }, "not UTF-8"},
		"test identity":       {func(s *Signing) { s.Identity = "test" }, "have no effect with -identity=test"},
		"test server":         {func(s *Signing) { s.Servers = "test" }, "identity test"},
		"no such certificate": {func(s *Signing) { s.AdditionalCerts = "none.cer" }, "none.cer"},
	} {
		t.Run(name, func(t *testing.T) {
			s := b.signing("a.exe")
			c.edit(&s)
			err := Sign(t.Context(), b.console(), s)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the password is shown")
			}
			if b.read("a.exe") != before {
				t.Error("the file was changed")
			}
		})
	}
	usage(t, Timestamp(t.Context(), b.console(), Stamping{Files: args.Files{In: b.path("a.exe")}}), "-server= is missing")
	usage(t, Timestamp(t.Context(), b.console(), Stamping{Files: args.Files{In: b.path("a.exe")}, Stampers: args.Stampers{Servers: b.server, Legacy: true}, Digest: "sha512"}), "-legacy")
	usage(t, Verify(t.Context(), b.console(), io.Discard, args.Verification{In: b.path("a.exe"), Only: true}), "-only=true")
	usage(t, Strip(t.Context(), b.console(), Stripping{Files: args.Files{In: b.path("a.exe")}, Checksum: "maybe"}), "auto, computed, zero")
}
