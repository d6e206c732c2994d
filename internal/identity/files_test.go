package identity

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/hallmark-dev/hallmark/formats/formatstest"
	"github.com/hallmark-dev/hallmark/internal/fault"
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

func exportPFX(t *testing.T, p *formatstest.Identity, args ...string) string {
	t.Helper()
	return openssl(t, append([]string{"pkcs12", "-export", "-inkey", p.KeyFile(t), "-in", p.CertFile(t),
		"-name", "code", "-passout", "env:TEST_PASSWORD"}, args...)...)
}

func TestPKCS12MadeByOpenSSL(t *testing.T) {
	pki := formatstest.NewPKI(t)
	for name, c := range map[string]struct {
		who  *formatstest.Identity
		args []string
	}{
		"today's":     {pki.Leaf, nil},
		"AES-256":     {pki.Leaf, []string{"-keypbe", "AES-256-CBC", "-certpbe", "AES-256-CBC", "-macalg", "SHA512"}},
		"RC2 legacy":  {pki.Leaf, []string{"-legacy"}},
		"3DES":        {pki.Leaf, []string{"-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "SHA1"}},
		"ECDSA":       {pki.ECDSA, nil},
		"root inside": {pki.Leaf, []string{"-certfile", formatstest.PEMFile(t, pki.Root)}},
	} {
		t.Run(name, func(t *testing.T) {
			file := exportPFX(t, c.who, c.args...)
			id, err := open(t, "pkcs12:"+file, password)
			if err != nil {
				t.Fatal(err)
			}
			wantLeaf(t, id, c.who)
			if id.Test || id.Kind != KindPKCS12 || strings.Contains(id.Ref, password) {
				t.Errorf("got %+v", id)
			}
		})
	}
}

func TestPKCS12PicksTheLeafWhereverItStands(t *testing.T) {
	p := formatstest.NewPKI(t).Leaf
	b, err := pkcs12.Modern.Encode(p.Key, p.Root, []*x509.Certificate{p.Chain[0], p.Certificate}, password)
	if err != nil {
		t.Fatal(err)
	}
	id, err := open(t, "pkcs12:"+writeFile(t, "x.pfx", b), password)
	if err != nil {
		t.Fatal(err)
	}
	wantLeaf(t, id, p)
	if len(id.Held) != 3 {
		t.Errorf("holds %d certificates", len(id.Held))
	}
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

func TestPKCS12Refuses(t *testing.T) {
	pki := formatstest.NewPKI(t)
	good := pki.Leaf.PFXFile(t, password)
	legacy := exportPFX(t, pki.Leaf, "-legacy")
	mismatch, err := pkcs12.Modern.Encode(pki.Leaf.Key, pki.Second.Certificate, nil, password)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file, pass, want string
	}{
		"wrong password":     {good, "an0ther passw0rd", "password of " + good + " is wrong"},
		"wrong, legacy":      {legacy, "an0ther passw0rd", "password of " + legacy + " is wrong"},
		"no password":        {good, "", "needs a password and none was given"},
		"missing":            {filepath.Join(t.TempDir(), "none.pfx"), password, "none.pfx"},
		"garbage":            {writeFile(t, "g.pfx", []byte("garbage")), password, "g.pfx"},
		"cut off":            {writeFile(t, "c.pfx", readAll(t, good)[:900]), password, "c.pfx"},
		"too large":          {writeFile(t, "l.pfx", make([]byte, maxFile+1)), password, "larger than"},
		"key of another":     {writeFile(t, "m.pfx", mismatch), password, "does not match the certificate"},
		"certificates alone": {exportPFX(t, pki.Leaf, "-nokeys"), password, "private key missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, "pkcs12:"+c.file, c.pass)
			wantError(t, err, fault.Usage, c.want)
			if lines := strings.Count(strings.SplitN(err.Error(), "\nhint", 2)[0], "\n"); lines != 0 {
				t.Errorf("more than one error: %v", err)
			}
		})
	}
}

func TestPKCS12WithoutPassword(t *testing.T) {
	p := formatstest.NewPKI(t).Leaf
	b, err := pkcs12.Passwordless.Encode(p.Key, p.Certificate, p.Chain, "")
	if err != nil {
		t.Fatal(err)
	}
	id, err := open(t, "pkcs12:"+writeFile(t, "x.pfx", b), "")
	if err != nil {
		t.Fatal(err)
	}
	wantLeaf(t, id, p)
}

func TestPEMKeys(t *testing.T) {
	pki := formatstest.NewPKI(t)
	rsaKey, ecKey := pki.Leaf.KeyFile(t), pki.ECDSA.KeyFile(t)
	for name, c := range map[string]struct {
		who  *formatstest.Identity
		key  func(*testing.T) string
		pass string
	}{
		"PKCS 8": {pki.Leaf, func(t *testing.T) string { return rsaKey }, ""},
		"PKCS 1": {pki.Leaf, func(t *testing.T) string { return openssl(t, "rsa", "-in", rsaKey, "-traditional") }, ""},
		"SEC 1":  {pki.ECDSA, func(t *testing.T) string { return openssl(t, "ec", "-in", ecKey) }, ""},
		"DER": {pki.Leaf, func(t *testing.T) string {
			return openssl(t, "pkcs8", "-topk8", "-nocrypt", "-in", rsaKey, "-outform", "DER")
		}, ""},
		"AES-256":       {pki.Leaf, func(t *testing.T) string { return encrypt(t, rsaKey, "-v2", "aes-256-cbc") }, password},
		"encrypted DER": {pki.Leaf, func(t *testing.T) string { return encrypt(t, rsaKey, "-v2", "aes-128-cbc", "-outform", "DER") }, password},
		"scrypt":        {pki.Leaf, func(t *testing.T) string { return encrypt(t, rsaKey, "-scrypt") }, password},
		"3DES PBES2":    {pki.ECDSA, func(t *testing.T) string { return encrypt(t, ecKey, "-v2", "des3") }, password},
		"with its certs": {pki.Leaf, func(t *testing.T) string {
			return writeFile(t, "both", append(readAll(t, rsaKey), readAll(t, pki.Leaf.CertFile(t))...))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := open(t, "pem:"+c.key(t)+","+c.who.CertFile(t), c.pass)
			if err != nil {
				t.Fatal(err)
			}
			wantLeaf(t, id, c.who)
		})
	}
}

func encrypt(t *testing.T, key string, args ...string) string {
	t.Helper()
	return openssl(t, append([]string{"pkcs8", "-topk8", "-in", key, "-passout", "env:TEST_PASSWORD"}, args...)...)
}

func TestPEMCertificates(t *testing.T) {
	pki := formatstest.NewPKI(t)
	p := pki.Leaf
	crlf := strings.ReplaceAll("some text\n"+string(readAll(t, p.CertFile(t))), "\n", "\r\n")
	for name, file := range map[string]string{
		"PEM":           p.CertFile(t),
		"reversed":      formatstest.PEMFile(t, p.Root, p.Chain[0], p.Certificate),
		"DER":           writeFile(t, "c.cer", slices.Concat(p.Certificate.Raw, p.Chain[0].Raw)),
		"p7b":           openssl(t, "crl2pkcs7", "-nocrl", "-certfile", p.CertFile(t), "-outform", "DER"),
		"p7b as PEM":    openssl(t, "crl2pkcs7", "-nocrl", "-certfile", p.CertFile(t)),
		"CRLF and text": writeFile(t, "c.pem", []byte(crlf)),
	} {
		t.Run(name, func(t *testing.T) {
			id, err := open(t, "pem:"+p.KeyFile(t)+","+file, "")
			if err != nil {
				t.Fatal(err)
			}
			wantLeaf(t, id, p)
		})
	}
}

func TestPEMRefuses(t *testing.T) {
	pki := formatstest.NewPKI(t)
	key, certs := pki.Leaf.KeyFile(t), pki.Leaf.CertFile(t)
	encrypted := encrypt(t, key, "-v2", "aes-256-cbc")
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edDER, err := x509.MarshalPKCS8PrivateKey(ed)
	if err != nil {
		t.Fatal(err)
	}
	edPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: edDER})
	damaged := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})
	for name, c := range map[string]struct {
		key, certs, pass string
		want             []string
	}{
		"key missing":     {"none.key", certs, "", []string{"reading private key", "none.key"}},
		"certs missing":   {key, "none.pem", "", []string{"reading certificates", "none.pem"}},
		"wrong password":  {encrypted, certs, "an0ther passw0rd", []string{"the password is wrong"}},
		"no password":     {encrypted, certs, "", []string{"encrypted and no password was given", "env:NAME"}},
		"damaged":         {writeFile(t, "k", damaged), certs, password, []string{"damaged"}},
		"old PEM":         {openssl(t, "rsa", "-in", key, "-aes128", "-traditional", "-passout", "env:TEST_PASSWORD"), certs, password, []string{"DEK-Info", "openssl pkcs8 -topk8"}},
		"PBES1":           {encrypt(t, key, "-v1", "PBE-SHA1-3DES"), certs, password, []string{"old algorithm", "openssl pkcs8"}},
		"two keys":        {writeFile(t, "k", slices.Concat(readAll(t, key), readAll(t, key))), certs, "", []string{"more than one private key"}},
		"no key":          {certs, certs, "", []string{"holds no private key", "PKCS #8"}},
		"Ed25519":         {writeFile(t, "k", edPEM), certs, "", []string{"cannot make Authenticode signatures"}},
		"key is text":     {writeFile(t, "k", []byte("hello")), certs, "", []string{"holds no private key"}},
		"key is empty":    {writeFile(t, "k", nil), certs, "", []string{"holds no private key"}},
		"key is a cert":   {writeFile(t, "k", pki.Root.Raw), certs, "", []string{"k"}},
		"mismatch":        {key, pki.Second.CertFile(t), "", []string{"does not match the certificate", "Second Publisher", "same request"}},
		"certs are keys":  {key, key, "", []string{"no certificate among the PEM blocks"}},
		"certs are text":  {key, writeFile(t, "c", []byte("hello")), "", []string{"neither PEM nor DER"}},
		"certs are empty": {key, writeFile(t, "c", nil), "", []string{"PEM, DER or PKCS #7"}},
		"trusted certs":   {key, openssl(t, "x509", "-in", certs, "-trustout", "-addtrust", "codeSigning"), "", []string{"openssl x509"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, "pem:"+c.key+","+c.certs, c.pass)
			wantError(t, err, fault.Usage, c.want...)
		})
	}
}

func TestPEMWarnings(t *testing.T) {
	p := formatstest.NewPKI(t).Leaf
	key := writeFile(t, "k", readAll(t, p.KeyFile(t)))
	var told []string
	warn := func(o *Options) { o.Warn = func(s string) { told = append(told, s) } }
	id, err := open(t, "pem:"+key+","+p.CertFile(t), password, warn)
	if err != nil {
		t.Fatal(err)
	}
	if len(id.Warnings) != 1 || !strings.Contains(id.Warnings[0], "password was not used") || !slices.Equal(told, id.Warnings) {
		t.Errorf("warnings %q, told %q", id.Warnings, told)
	}
	if runtime.GOOS == "windows" {
		return
	}
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	if id, err = open(t, "pem:"+key+","+p.CertFile(t), ""); err != nil {
		t.Fatal(err)
	}
	if len(id.Warnings) != 1 || !strings.Contains(id.Warnings[0], "chmod 600") {
		t.Errorf("warnings %q", id.Warnings)
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
		certs, err := parseCertificates(b)
		if err == nil && len(certs) == 0 {
			t.Error("neither certificates nor an error")
		}
	})
}
