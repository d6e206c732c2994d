package identity

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

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
		"PBES1":           {encrypt(t, key, "-v1", "PBE-MD5-DES", "-provider", "legacy", "-provider", "default"), certs, password, []string{"PBE-MD5-DES", "not supported", "openssl pkcs8"}},
		"unknown cipher":  {encrypt(t, key, "-v2", "camellia-256-cbc"), certs, password, []string{"Camellia-256-CBC", "not supported", "openssl pkcs8"}},
		"two keys":        {writeFile(t, "k", slices.Concat(readAll(t, key), readAll(t, key))), certs, "", []string{"more than one private key"}},
		"no key":          {certs, certs, "", []string{"holds no private key", "PKCS #8"}},
		"Ed25519":         {writeFile(t, "k", edPEM), certs, "", []string{"cannot make Authenticode signatures"}},
		"key is text":     {writeFile(t, "k", []byte("hello")), certs, "", []string{"holds no private key"}},
		"key is empty":    {writeFile(t, "k", nil), certs, "", []string{"holds no private key"}},
		"key is a cert":   {writeFile(t, "k", pki.Root.Raw), certs, "", []string{"k"}},
		"mismatch":        {key, pki.Second.CertFile(t), "", []string{"does not match the certificate", "Second Publisher", "same request"}},
		"certs are keys":  {key, key, "", []string{"no certificate found"}},
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
