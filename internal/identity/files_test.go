package identity

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/secret"
)

// password is long and odd, so that finding it anywhere means a leak.
const password = `c0rrect horse "battery" $taple`

func TestMain(m *testing.M) {
	if mode := os.Getenv("HALLMARK_TEST_SIGNER"); mode != "" {
		actAsSigner(mode)
	}
	dir, err := os.MkdirTemp("", "identity")
	if err != nil {
		panic(err)
	}
	scratch = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// scratch is a folder for what several tests share.
var scratch string

// open opens ref with a state folder of its own, the test PKI's root known
// and the password in the variable PASSWORD.
func open(t *testing.T, ref, pass string, edit ...func(*Options)) (*Identity, error) {
	t.Helper()
	o := Options{
		StateDir: filepath.Join(t.TempDir(), ".hallmark"),
		Roots:    []*x509.Certificate{formatstest.NewPKI(t).Root},
		Getenv:   func(string) string { return pass },
	}
	if pass != "" {
		o.Password = "env:PASSWORD"
	}
	for _, e := range edit {
		e(&o)
	}
	id, err := Open(context.Background(), ref, o)
	if id != nil {
		t.Cleanup(func() { id.Close() })
	}
	noSecret(t, err, pass)
	return id, err
}

// noSecret fails the test when an error holds the secret.
func noSecret(t *testing.T, err error, hidden string) {
	t.Helper()
	if err != nil && hidden != "" && strings.Contains(err.Error(), hidden) {
		t.Errorf("the error holds the secret: %v", err)
	}
}

// wantLeaf checks that id signs for p with the PKI's chain above it.
func wantLeaf(t *testing.T, id *Identity, p *formatstest.Identity) {
	t.Helper()
	if !id.Certificate.Equal(p.Certificate) {
		t.Fatalf("certificate is %q", id.Certificate.Subject)
	}
	if len(id.Chain) != len(p.Chain) || len(p.Chain) > 0 && !id.Chain[0].Equal(p.Chain[0]) {
		t.Errorf("chain has %d certificates", len(id.Chain))
	}
	if id.Root == nil || !id.Root.Equal(p.Root) {
		t.Errorf("root is %v", id.Root)
	}
	if err := id.Probe(); err != nil {
		t.Error(err)
	}
}

// wantError checks an error's text, status and that it has a hint.
func wantError(t *testing.T, err error, status int, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error lacks %q: %v", text, err)
		}
	}
	if got := fault.Status(err); got != status {
		t.Errorf("status %d, want %d: %v", got, status, err)
	}
}

func writeFile(t *testing.T, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func readAll(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// openssl runs openssl with the password in its environment and returns the
// path of the file it wrote, which is the value after -out.
func openssl(t *testing.T, args ...string) string {
	t.Helper()
	t.Setenv("TEST_PASSWORD", password)
	out := filepath.Join(t.TempDir(), "out")
	formatstest.MustRun(t, "openssl", append(args, "-out", out)...)
	if err := os.Chmod(out, 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

// A YubiKey shows an attestation certificate of the same key beside the one
// from the CA.
func TestLeafIsTheOneForCodeSigning(t *testing.T) {
	pki := formatstest.NewPKI(t)
	issue := func(cn string, edit func(*x509.Certificate)) *x509.Certificate {
		return pki.Issue(t, cn, edit).Certificate
	}
	code := issue("code", nil)
	attestation := issue("attestation", func(c *x509.Certificate) { c.ExtKeyUsage, c.NotAfter = nil, c.NotAfter.AddDate(20, 0, 0) })
	older := issue("older", func(c *x509.Certificate) { c.NotAfter = c.NotAfter.AddDate(0, -1, 0) })
	authority := issue("authority", func(c *x509.Certificate) { c.IsCA, c.NotAfter = true, c.NotAfter.AddDate(1, 0, 0) })
	certs := []*x509.Certificate{attestation, older, authority, code, pki.Root}
	for range certs {
		leaf, rest := pickLeaf(code.PublicKey, certs)
		if leaf != code || len(rest) != 4 {
			t.Errorf("took %q", leaf.Subject)
		}
		certs = append(certs[1:], certs[0])
	}
}

func TestPathsStartAtDir(t *testing.T) {
	p := formatstest.NewPKI(t).Leaf
	dir := t.TempDir()
	for name, b := range map[string][]byte{"a.pfx": readAll(t, p.PFXFile(t, password)), "pass": []byte(password + "\n"), "root.pem": readAll(t, p.RootFile(t))} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	id, err := open(t, "pkcs12:a.pfx", "", func(o *Options) {
		o.Dir, o.Password, o.Roots, o.ChainFiles = dir, "file:pass", nil, []string{"root.pem"}
	})
	if err != nil {
		t.Fatal(err)
	}
	wantLeaf(t, id, p)
}

func TestPasswordReferences(t *testing.T) {
	p := formatstest.NewPKI(t).Leaf
	file := p.PFXFile(t, password)
	for name, c := range map[string]struct {
		ref  string
		want string
	}{
		"literal": {password, "given as a reference"},
		"unset":   {"env:PASSWORD", "PASSWORD is not set"},
		"missing": {"file:none", "reading secret"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, "pkcs12:"+file, "", func(o *Options) { o.Password = secret.Ref(c.ref) })
			wantError(t, err, fault.Usage, c.want)
			noSecret(t, err, password)
		})
	}
}

// wantSigns checks signatures of every hash that the key must make.
func wantSigns(t *testing.T, id *Identity, opts ...crypto.SignerOpts) {
	t.Helper()
	for _, o := range opts {
		h := o.HashFunc().New()
		h.Write([]byte("some file"))
		digest := h.Sum(nil)
		signature, err := id.Key.Sign(rand.Reader, digest, o)
		if err != nil {
			t.Errorf("%v: %v", o, err)
			continue
		}
		if err := checkSignature(id.Certificate.PublicKey, digest, signature, o); err != nil {
			t.Errorf("%v: %v", o, err)
		}
		digest[0] ^= 1
		if checkSignature(id.Certificate.PublicKey, digest, signature, o) == nil {
			t.Errorf("%v: verifies another digest", o)
		}
	}
}

func TestProbeSignsOnce(t *testing.T) {
	id, err := openTest(t, testStore(t), testNow)
	if err != nil {
		t.Fatal(err)
	}
	counter := &countingKey{Signer: id.Key}
	id.Key = counter
	for range 3 {
		if err := id.Probe(); err != nil {
			t.Fatal(err)
		}
		id.Judge(testNow)
		id.List(testNow)
	}
	if counter.calls != 1 {
		t.Errorf("%d signatures", counter.calls)
	}
}

func TestProbeFindsTheWrongKey(t *testing.T) {
	id, err := openTest(t, testStore(t), testNow)
	if err != nil {
		t.Fatal(err)
	}
	id.Key = id.TSA.Key
	problems := id.Judge(testNow)
	if len(problems) != 1 || problems[0].Rule != RuleKey || problems[0].Severity != Error || !strings.Contains(problems[0].Text, "does not match") {
		t.Errorf("got %+v", problems)
	}
	wantError(t, Err(problems), fault.Usage, "does not match", "hint: ")
}

type countingKey struct {
	crypto.Signer
	calls int
}

func (k *countingKey) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	k.calls++
	return k.Signer.Sign(r, digest, o)
}

func FuzzParseCertificates(f *testing.F) {
	pki := formatstest.NewPKI(f)
	f.Add(pki.Leaf.Certificate.Raw)
	f.Add(certPEM(pki.Leaf.Certificate, pki.Intermediate))
	f.Add([]byte("-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		certs, err := certchain.ParseCertificates(b)
		if err == nil && len(certs) == 0 {
			t.Error("neither certificates nor an error")
		}
	})
}
