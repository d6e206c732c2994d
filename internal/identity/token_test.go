//go:build cgo

package identity

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/pkcs11"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

const (
	tokenPIN   = "64821973"
	wrongPIN   = "11223344"
	tokenLabel = "Hallmark release"
)

// softHSM is a SoftHSM2 with one or more tokens in a folder of its own.
type softHSM struct {
	t      *testing.T
	module string
}

// newSoftHSM makes one with an empty token.
func newSoftHSM(t *testing.T) *softHSM {
	t.Helper()
	dir := t.TempDir()
	s := useSoftHSM(t, dir)
	s.addToken(tokenLabel)
	return s
}

// useSoftHSM lets this test see the tokens in dir.
func useSoftHSM(t *testing.T, dir string) *softHSM {
	t.Helper()
	formatstest.Tool(t, "softhsm2-util")
	formatstest.Tool(t, "pkcs11-tool")
	s := &softHSM{t: t, module: softHSMModule(t)}
	tokens := filepath.Join(dir, "tokens")
	if err := os.MkdirAll(tokens, 0o700); err != nil {
		t.Fatal(err)
	}
	conf := writeFile(t, "softhsm2.conf", []byte("directories.tokendir = "+tokens+"\nobjectstore.backend = file\nlog.level = ERROR\n"))
	t.Setenv("SOFTHSM2_CONF", conf)
	return s
}

func softHSMModule(t *testing.T) string {
	t.Helper()
	for _, path := range []string{os.Getenv("SOFTHSM2_MODULE"), "/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so",
		"/usr/local/lib/softhsm/libsofthsm2.so", "/opt/homebrew/lib/softhsm/libsofthsm2.so"} {
		if _, err := os.Stat(path); path != "" && err == nil {
			return path
		}
	}
	t.Skip("libsofthsm2.so not found; set SOFTHSM2_MODULE to its path")
	return ""
}

var sharedOnce sync.Once

// sharedSoftHSM is one that is filled once a process: "rsa key", "ec key" and
// "careful", which wants the PIN before each signature, with certificates.
// There is an empty "other token" beside it.
func sharedSoftHSM(t *testing.T) *softHSM {
	t.Helper()
	s := useSoftHSM(t, filepath.Join(scratch, "softhsm"))
	sharedOnce.Do(func() {
		pki := formatstest.NewPKI(t)
		s.addToken(tokenLabel)
		s.addToken("other token")
		s.put(pki.Leaf, "rsa key", "a1ff")
		s.put(pki.ECDSA, "ec key", "a2")
		der := openssl(t, "rsa", "-in", pki.Second.KeyFile(t), "-outform", "DER", "-traditional")
		s.tool("--write-object", der, "--type", "privkey", "--id", "09", "--label", "careful", "--always-auth", "--usage-sign")
		s.putCertificate(pki.Leaf.Certificate, "rsa", "a1ff")
		s.putCertificate(pki.ECDSA.Certificate, "ec", "a2")
		s.putCertificate(pki.Second.Certificate, "second", "09")
		s.putCertificate(pki.Intermediate, "ca", "ca")
	})
	return s
}

func (s *softHSM) addToken(label string) {
	s.t.Helper()
	formatstest.MustRun(s.t, "softhsm2-util", "--init-token", "--free", "--label", label, "--pin", tokenPIN, "--so-pin", "0987654321")
}

// put stores the key of p, without its certificate.
func (s *softHSM) put(p *formatstest.Identity, label, id string) {
	s.t.Helper()
	formatstest.MustRun(s.t, "softhsm2-util", "--import", p.KeyFile(s.t), "--token", tokenLabel, "--label", label, "--id", id, "--pin", tokenPIN)
}

// tool runs pkcs11-tool, logged in.
func (s *softHSM) tool(args ...string) {
	s.t.Helper()
	formatstest.MustRun(s.t, "pkcs11-tool", append([]string{"--module", s.module, "--token-label", tokenLabel, "--login", "--pin", tokenPIN}, args...)...)
}

func (s *softHSM) putCertificate(c *x509.Certificate, label, id string) {
	s.t.Helper()
	s.tool("--write-object", writeFile(s.t, "c.der", c.Raw), "--type", "cert", "--label", label, "--id", id)
}

// uri is the short form of a key of the token.
func (s *softHSM) uri(attributes string) string {
	return "pkcs11:token=" + url.PathEscape(tokenLabel) + attributes + "?module-path=" + s.module
}

func TestTokenSigns(t *testing.T) {
	pki := formatstest.NewPKI(t)
	s := sharedSoftHSM(t)
	pss := &rsa.PSSOptions{Hash: crypto.SHA384, SaltLength: rsa.PSSSaltLengthEqualsHash}
	for name, c := range map[string]struct {
		uri  string
		who  *formatstest.Identity
		opts []crypto.SignerOpts
	}{
		"RSA-3072 by label": {";object=rsa%20key", pki.Leaf, []crypto.SignerOpts{crypto.SHA256, crypto.SHA384, crypto.SHA512, crypto.SHA1, pss}},
		"RSA-3072 by id":    {";id=%a1%ff;type=private", pki.Leaf, []crypto.SignerOpts{crypto.SHA256}},
		"P-256 by both":     {";object=ec%20key;id=%a2", pki.ECDSA, []crypto.SignerOpts{crypto.SHA256, crypto.SHA384}},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := open(t, s.uri(c.uri), tokenPIN)
			if err != nil {
				t.Fatal(err)
			}
			wantLeaf(t, id, c.who)
			wantSigns(t, id, c.opts...)
			if id.Parallel != 1 || len(id.Held) != 4 || id.Kind != KindPKCS11 {
				t.Errorf("got %+v", id)
			}
			if err := id.Close(); err != nil {
				t.Error(err)
			}
			if err := id.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTokenCertificateFromFile(t *testing.T) {
	pki := formatstest.NewPKI(t)
	s := newSoftHSM(t)
	s.put(pki.ECDSA, "k", "01")
	pinFile := writeFile(t, "pin", []byte(tokenPIN+"\n"))
	id, err := open(t, s.uri("")+"&pin-source=file:"+pinFile, "", func(o *Options) { o.ChainFiles = []string{pki.ECDSA.CertFile(t)} })
	if err != nil {
		t.Fatal(err)
	}
	wantLeaf(t, id, pki.ECDSA)
	id.Close()
	_, err = open(t, s.uri(""), tokenPIN, func(o *Options) { o.ChainFiles = []string{pki.Leaf.CertFile(t)} })
	wantError(t, err, fault.Usage, "does not match the certificate")
	_, err = open(t, s.uri(""), tokenPIN)
	wantError(t, err, fault.Usage, "holds no certificate", "sign.chain")
}

func TestTokenAlwaysAuthenticate(t *testing.T) {
	s := sharedSoftHSM(t)
	id, err := open(t, s.uri(";object=careful"), tokenPIN)
	if err != nil {
		t.Fatal(err)
	}
	if !id.Key.(*tokenKey).always {
		t.Fatal("the key does not ask for the PIN: the test proves nothing")
	}
	wantLeaf(t, id, formatstest.NewPKI(t).Second)
	wantSigns(t, id, crypto.SHA256, crypto.SHA384, crypto.SHA256)
}

func TestTokenQueuesCallers(t *testing.T) {
	id, err := open(t, sharedSoftHSM(t).uri(";object=ec%20key"), tokenPIN)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { wantSigns(t, id, crypto.SHA256, crypto.SHA256) })
	}
	wg.Wait()
}

func TestTokenRefuses(t *testing.T) {
	s := sharedSoftHSM(t)
	text := writeFile(t, "text.so", []byte("no library"))
	for name, c := range map[string]struct {
		ref, pin string
		want     []string
	}{
		"no such key":      {s.uri(";object=three"), tokenPIN, []string{`label "three"`, "it holds:", `label "rsa key", id a1ff`}},
		"which key":        {s.uri(""), tokenPIN, []string{"3 private keys match", `label "careful", id 09`}},
		"label not id":     {s.uri(";object=rsa%20key;id=%a2"), tokenPIN, []string{"no private key"}},
		"no such token":    {strings.Replace(s.uri(""), "release", "x", 1), tokenPIN, []string{"no token matches", tokenLabel, "other token"}},
		"wrong serial":     {s.uri(";serial=123"), tokenPIN, []string{"no token matches", `serial "123"`}},
		"empty token":      {"pkcs11:token=other%20token?module-path=" + s.module, tokenPIN, []string{"holds no private key"}},
		"no PIN":           {s.uri(";object=rsa%20key"), "", []string{"needs a PIN and none was given"}},
		"PIN twice":        {s.uri(";object=rsa%20key") + "&pin-source=env:PIN", tokenPIN, []string{"given twice"}},
		"module missing":   {"pkcs11:token=x?module-path=/none/at/all.so", tokenPIN, []string{"opening module", "/none/at/all.so"}},
		"module no module": {"pkcs11:token=x?module-path=" + text, tokenPIN, []string{"cannot be loaded"}},
		"bare module":      {"pkcs11:token=x?module-path=hallmark-none.so", tokenPIN, []string{"cannot be loaded"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, c.ref, c.pin)
			wantError(t, err, fault.Usage, append(c.want, "hint: ")...)
		})
	}
}

func TestTokenMissing(t *testing.T) {
	s := useSoftHSM(t, t.TempDir())
	// SoftHSM always shows one uninitialised token, which has no label.
	_, err := open(t, s.uri(""), tokenPIN)
	wantError(t, err, fault.Usage, "no token matches")
}

func TestReason(t *testing.T) {
	for err, want := range map[error]string{
		pkcs11.Error(pkcs11.CKR_PIN_LOCKED): "CKR_PIN_LOCKED",
		pkcs11.Error(0x80001234):            "return value 0x80001234",
		os.ErrNotExist:                      os.ErrNotExist.Error(),
	} {
		if got := reason(err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestECSignature(t *testing.T) {
	for name, c := range map[string]struct {
		raw  string
		want string
	}{
		"short":    {"0102", "3006020101020102"},
		"high bit": {"80ff", "300802020080020200ff"},
		"zero pad": {"00010002", "3006020101020102"},
		"odd":      {"010203", ""},
		"empty":    {"", ""},
	} {
		raw, err := hex.DecodeString(c.raw)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ecSignature(raw)
		if (err != nil) != (c.want == "") || fmt.Sprintf("%x", got) != c.want {
			t.Errorf("%s: got %x, %v", name, got, err)
		}
	}
}
