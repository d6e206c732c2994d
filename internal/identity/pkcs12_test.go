package identity

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

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
		"certificates alone": {exportPFX(t, pki.Leaf, "-nokeys"), password, "holds no private key"},
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

// twoKeys has openssl write each half, and puts the safe items of both under
// one MAC-less authenticated safe, as no single openssl call does.
func twoKeys(t *testing.T) string {
	t.Helper()
	pki := formatstest.NewPKI(t)
	var items []asn1.RawValue
	for _, id := range []*formatstest.Identity{pki.Leaf, pki.Second} {
		b, err := pkcs12.Modern.Encode(id.Key, id.Certificate, id.Chain, password)
		if err != nil {
			t.Fatal(err)
		}
		var pfx struct {
			Version int
			Safe    struct {
				Type asn1.ObjectIdentifier
				Data []byte `asn1:"explicit,tag:0"`
			}
			Mac asn1.RawValue `asn1:"optional"`
		}
		if _, err := asn1.Unmarshal(b, &pfx); err != nil {
			t.Fatal(err)
		}
		var safe []asn1.RawValue
		if _, err := asn1.Unmarshal(pfx.Safe.Data, &safe); err != nil {
			t.Fatal(err)
		}
		items = append(items, safe...)
	}
	safe, err := asn1.Marshal(items)
	if err != nil {
		t.Fatal(err)
	}
	var out struct {
		Version int
		Safe    struct {
			Type asn1.ObjectIdentifier
			Data []byte `asn1:"explicit,tag:0"`
		}
	}
	out.Version, out.Safe.Type, out.Safe.Data = 3, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}, safe
	b, err := asn1.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, "two.pfx", b)
}

// TestPKCS12SeveralKeys: a file with several keys lists them, and each can be
// named by thumbprint.
func TestPKCS12SeveralKeys(t *testing.T) {
	pki, file := formatstest.NewPKI(t), twoKeys(t)
	_, err := open(t, "pkcs12:"+file, password)
	wantError(t, err, fault.Usage, "holds 2 private keys", "#NAME", pki.Leaf.Certificate.Subject.CommonName, pki.Second.Certificate.Subject.CommonName)
	for _, want := range []*formatstest.Identity{pki.Leaf, pki.Second} {
		sum := sha1.Sum(want.Certificate.Raw)
		for _, pick := range []string{hex.EncodeToString(sum[:]), strings.ToUpper(hex.EncodeToString(sum[:]))} {
			id, err := open(t, "pkcs12:"+file+"#"+pick, password)
			if err != nil {
				t.Fatal(err)
			}
			if !id.Certificate.Equal(want.Certificate) {
				t.Errorf("#%s chose %s", pick, id.Certificate.Subject)
			}
		}
	}
	_, err = open(t, "pkcs12:"+file+"#nobody", password)
	wantError(t, err, fault.Usage, `holds no key "nobody"`, "thumbprint")
	_, err = open(t, "pkcs12:"+file+"#", password)
	wantError(t, err, fault.Usage, "no key is named after #")
}

// TestOtherKeyFiles: what people take for a PFX file is named.
func TestOtherKeyFiles(t *testing.T) {
	for name, c := range map[string]struct{ magic, want string }{
		"JKS": {"\xFE\xED\xFE\xED\x00\x00\x00\x02", "keytool -importkeystore"},
		"PVK": {"\x1E\xF1\xB5\xB0", "openssl rsa -inform PVK"},
		"PEM": {"-----BEGIN CERTIFICATE-----", "pem:KEY,CHAIN"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := open(t, "pkcs12:"+writeFile(t, "x.pfx", []byte(c.magic)), password)
			wantError(t, err, fault.Usage, c.want)
		})
	}
}
