package file

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

func TestPrepareFinish(t *testing.T) {
	b := newBench(t)
	split := Split{Files: args.Files{In: b.path("a.exe")}, Cert: b.cert, Key: args.Key{Chain: b.root}}
	if err := Prepare(t.Context(), b.console(), split); err != nil {
		t.Fatal(err)
	}
	digest, err := hex.DecodeString(strings.TrimSpace(b.read("a.exe.digest")))
	if err != nil {
		t.Fatal(err)
	}
	key := formatstest.NewPKI(t).Leaf.Key.(*rsa.PrivateKey)
	value, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, text []byte) string {
		if err := os.WriteFile(b.path(name), text, 0o644); err != nil {
			t.Fatal(err)
		}
		return b.path(name)
	}
	bad := append([]byte(nil), value...)
	bad[9] ^= 1
	if err := Finish(t.Context(), b.console(), args.Files{In: b.path("a.exe")}, "", write("bad", bad), ""); err == nil {
		t.Error("a wrong signature value was taken")
	}
	for name, text := range map[string][]byte{"raw": value, "hex": []byte(hex.EncodeToString(value) + "\n"),
		"hex of Windows": []byte("\xEF\xBB\xBF" + hex.EncodeToString(value) + "\r\n")} {
		f := args.Files{In: b.path("a.exe"), Out: b.path(name + ".exe")}
		if err := Finish(t.Context(), b.console(), f, "", write(name, text), ""); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		b.accepted(name+".exe", false)
	}
	if err := Finish(t.Context(), b.console(), args.Files{In: b.path("a.exe")}, "", b.path("raw"), ""); err != nil || b.read("a.exe") != b.read("raw.exe") {
		t.Errorf("in place: %v", err)
	}
	usage(t, Prepare(t.Context(), b.console(), Split{Files: args.Files{In: b.path("a.exe")}}), "-cert= is missing")
	finished := args.Files{In: b.path("raw.exe")}
	unfinished, before := b.path("a.exe.unfinished"), b.read("raw.exe")
	usage(t, Finish(t.Context(), b.console(), finished, unfinished, b.path("raw"), "skip"), "append, refuse, repair, replace")
	usage(t, Prepare(t.Context(), b.console(), Split{Files: finished, Cert: b.cert, Existing: "skip"}), "append, refuse, repair, replace")
	if err := Prepare(t.Context(), b.console(), Split{Files: finished, Cert: b.cert, Key: split.Key}); err == nil || !strings.Contains(err.Error(), "-existing=replace") {
		t.Errorf("preparing a signed program: %v", err)
	}
	if err := Finish(t.Context(), b.console(), finished, unfinished, b.path("raw"), ""); err == nil {
		t.Error("a signed program was signed again without -existing")
	}
	if b.read("raw.exe") != before {
		t.Error("a refused finish changed the program")
	}
}

// The key's owner should not be troubled with what Windows would refuse.
func TestPrepareJudgesTheCertificate(t *testing.T) {
	b := newBench(t)
	pki := formatstest.NewPKI(t)
	pem := func(c *x509.Certificate) string { return formatstest.PEMFile(t, c, pki.Intermediate, pki.Root) }
	for name, c := range map[string]struct {
		split Split
		want  string
	}{
		"wrong usage":      {Split{Cert: pem(pki.WrongEKU.Certificate)}, "code signing"},
		"expired":          {Split{Cert: pem(pki.Expired.Certificate)}, "expired"},
		"incomplete":       {Split{Cert: b.cert}, "incomplete"},
		"elliptic":         {Split{Cert: pem(pki.ECDSA.Certificate)}, "ECDSA"},
		"incomplete, said": {Split{Cert: b.cert, Key: args.Key{Incomplete: true}}, ""},
		"elliptic, said":   {Split{Cert: pem(pki.ECDSA.Certificate), Key: args.Key{ECDSA: true}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			os.Remove(b.path("a.exe.tbs"))
			c.split.In = b.path("a.exe")
			err := Prepare(t.Context(), b.console(), c.split)
			_, none := os.Stat(b.path("a.exe.tbs"))
			switch {
			case c.want != "":
				usage(t, err, c.want)
				if none == nil {
					t.Error("something was prepared")
				}
			case err != nil || none != nil:
				t.Errorf("refused: %v, %v", err, none)
			case c.split.ECDSA && !strings.Contains(b.out.String(), "accept RSA only"):
				t.Errorf("no warning: %s", b.out.String())
			}
		})
	}
}
