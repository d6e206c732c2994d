package certchain_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestBuiltinRoots compares the embedded certificates with their table.
func TestBuiltinRoots(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("roots", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join("roots", "*.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots, err := certchain.BuiltinRoots()
	if err != nil {
		t.Fatal(err)
	}
	if roots.CodeSigning.Len() != len(files) || roots.TimeStamping.Len() != len(files) || strings.Count(string(readme), "\n| ")-2 != len(files) {
		t.Errorf("%d files, %d and %d in the pools", len(files), roots.CodeSigning.Len(), roots.TimeStamping.Len())
	}
	for _, c := range roots.CodeSigning.Certificates() {
		s1, s256 := sha1.Sum(c.Raw), sha256.Sum256(c.Raw)
		if row := "| " + hex.EncodeToString(s1[:]) + " | " + hex.EncodeToString(s256[:]) + " |"; !strings.Contains(string(readme), row) {
			t.Errorf("%s: its row is not in the table: %s", c.Subject, row)
		}
		if _, err := os.Stat(filepath.Join("roots", hex.EncodeToString(s1[:])+".pem")); err != nil {
			t.Errorf("%s: the file is not named after the thumbprint: %v", c.Subject, err)
		}
	}
}

func TestParseCertificates(t *testing.T) {
	c := formatstest.NewPKI(t).Root
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	p7 := &cms.SignedData{Version: 1, ContentType: cms.OIDData}
	p7.AddCertificate(c.Raw)
	p7b, err := p7.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("not looked at")})
	for name, in := range map[string]struct {
		b    []byte
		want int // certificates; 0 is an error
	}{
		"PEM":             {block, 1},
		"PEM, others too": {append(append(key, block...), block...), 2},
		"PEM, touching":   {append(bytes.TrimSpace(block), block...), 2},
		"PEM with a mark": {append([]byte("\xEF\xBB\xBF"), append(block, block...)...), 2},
		"PEM, one broken": {append(bytes.Replace(block, []byte("\n"), []byte("\n!"), 1), block...), 0},
		"DER":             {c.Raw, 1},
		"two DER":         {append(append([]byte(nil), c.Raw...), c.Raw...), 2},
		"PKCS#7":          {p7b, 1},
		"PKCS#7, newline": {append(p7b[:len(p7b):len(p7b)], '\n'), 1},
		"PKCS#7, more":    {append(p7b[:len(p7b):len(p7b)], 0, 0, 0), 0},
		"PKCS#7 as PEM":   {pem.EncodeToMemory(&pem.Block{Type: "PKCS7", Bytes: p7b}), 1},
		"OpenSSL's trust": {pem.EncodeToMemory(&pem.Block{Type: "TRUSTED CERTIFICATE", Bytes: c.Raw}), 0},
		"key only":        {key, 0},
		"cut off":         {c.Raw[:len(c.Raw)-1], 0},
		"PEM of nonsense": {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}), 0},
		"empty":           {nil, 0},
	} {
		got, err := certchain.ParseCertificates(in.b)
		if len(got) != in.want || (err == nil) != (in.want > 0) {
			t.Errorf("%s: %d certificates, %v", name, len(got), err)
		}
	}
}

func TestClassify(t *testing.T) {
	p := formatstest.NewPKI(t)
	for name, c := range map[string]struct {
		id   *formatstest.Identity
		want certchain.Class
	}{
		"ev":               {p.EV, certchain.ClassEV},
		"ov":               {p.Leaf, certchain.ClassOV},
		"artifact signing": {p.Artifact, certchain.ClassArtifactSigningPublic},
		"tsa":              {p.TSA, certchain.ClassTSA},
		"tls server":       {p.WrongEKU, certchain.ClassOther},
		"no usage":         {p.NoEKU, certchain.ClassOther},
		"self-signed":      {p.SelfSigned, certchain.ClassSelfSigned},
	} {
		if got := certchain.Classify(c.id.Certificate); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if got := certchain.Classify(p.Intermediate); got != certchain.ClassCA {
		t.Errorf("intermediate: %s", got)
	}
	if got := certchain.SubscriberEKU(p.Artifact.Certificate); !strings.HasPrefix(got, "1.3.6.1.4.1.311.97.") || got == "1.3.6.1.4.1.311.97.1.0" {
		t.Errorf("subscriber usage is %q", got)
	}
	if got := certchain.SubscriberEKU(p.Leaf.Certificate); got != "" {
		t.Errorf("subscriber usage of an ordinary certificate is %q", got)
	}
}

func TestVerdictText(t *testing.T) {
	for _, v := range []certchain.Verdict{certchain.VerdictTrusted, certchain.VerdictExpired, 0x80070005} {
		b, err := v.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back certchain.Verdict
		if err := back.UnmarshalText(b); err != nil || back != v {
			t.Errorf("%s is read as %v, %v", b, back, err)
		}
	}
	if got := certchain.VerdictExpired.String() + " " + certchain.VerdictExpired.Code(); got != "CERT_E_EXPIRED 0x800B0101" {
		t.Error(got)
	}
	var v certchain.Verdict
	if err := v.UnmarshalText([]byte("CERT_E_EXPIRED")); err == nil {
		t.Error("a name without its code is taken")
	}
}

// TestAddLenient: what cannot be read, at once or when it is needed, is no anchor and spoils none.
func TestAddLenient(t *testing.T) {
	pki := formatstest.NewPKI(t)
	broken := bytes.Clone(pki.Root.Raw)
	key := bytes.Index(broken, pki.Root.RawSubjectPublicKeyInfo)
	broken[key+4] ^= 0xff // the header and the subject can still be read
	roots := certchain.NewRoots()
	for _, der := range [][]byte{nil, []byte("no certificate"), broken, pki.Root.Raw, pki.Root.Raw, append(bytes.Clone(pki.TSARoot.Raw), 0)} {
		roots.AddLenient(der)
	}
	more := certchain.NewRoots(pki.TSARoot)
	more.Add(roots)
	for _, p := range []*certchain.Pool{more.CodeSigning, more.TimeStamping} {
		if p.Len() != 2 || !p.Contains(pki.Root) || !p.Contains(pki.TSARoot) || !p.Certificates()[1].Equal(pki.Root) {
			t.Errorf("the pool has %d anchors: %v", p.Len(), p.Certificates())
		}
	}
}
