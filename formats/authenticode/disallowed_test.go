package authenticode_test

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"regexp"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func hashes(ids ...[]byte) *certchain.Disallowed {
	d := &certchain.Disallowed{}
	for _, id := range ids {
		d.AddHash(id)
	}
	return d
}

// opensslKeyBits gives the bits of subjectPublicKey as openssl cuts them out.
func opensslKeyBits(t *testing.T, c *x509.Certificate) []byte {
	t.Helper()
	spki := writeTemp(t, c.RawSubjectPublicKeyInfo)
	list := formatstest.MustRun(t, "openssl", "asn1parse", "-inform", "DER", "-in", spki)
	m := regexp.MustCompile(`(?m)^ *(\d+):d=1 .*BIT STRING`).FindStringSubmatch(list)
	if m == nil {
		t.Fatalf("no BIT STRING in\n%s", list)
	}
	out := writeTemp(t, nil)
	formatstest.MustRun(t, "openssl", "asn1parse", "-inform", "DER", "-in", spki, "-strparse", m[1], "-noout", "-out", out)
	return readFile(t, out)
}

// TestDisallowed condemns each certificate of a chain in each of the ways in which a
// list can name it.
func TestDisallowed(t *testing.T) {
	formatstest.Tool(t, "openssl")
	v := newVfiles(t)
	thumb := func(sum []byte) *certchain.Disallowed {
		d := &certchain.Disallowed{}
		d.AddThumbprint(sum)
		return d
	}
	s1 := sha1.Sum(v.pki.Leaf.Certificate.Raw)
	s256 := sha256.Sum256(v.pki.Intermediate.Raw)
	tbs := sha256.Sum256(v.pki.Root.RawTBSCertificate)
	key := md5.Sum(opensslKeyBits(t, v.pki.Leaf.Certificate))
	tsaKey := md5.Sum(opensslKeyBits(t, v.pki.TSA.Certificate))
	spki := md5.Sum(v.pki.Leaf.Certificate.RawSubjectPublicKeyInfo)
	const good, bad = authenticode.VerdictTrusted, authenticode.VerdictExplicitDistrust
	for name, c := range map[string]struct {
		list *certchain.Disallowed
		want authenticode.Verdict
		says string
	}{
		"empty":                              {&certchain.Disallowed{}, good, ""},
		"thumbprint of the publisher":        {thumb(s1[:]), bad, `"Hallmark Test Publisher" (SHA-1 ` + hex.EncodeToString(s1[:])},
		"SHA-256 of the intermediate":        {thumb(s256[:]), bad, `"Hallmark Test Code Signing CA"`},
		"signature hash of the root":         {hashes(tbs[:]), bad, `"Hallmark Test Root"`},
		"key of the publisher":               {hashes(key[:]), bad, `"Hallmark Test Publisher"`},
		"MD5 of more than the key":           {hashes(spki[:]), good, ""},
		"a signature hash is no thumbprint":  {thumb(tbs[:]), good, ""},
		"a thumbprint is no signature hash":  {hashes(s1[:], s256[:]), good, ""},
		"part of an identifier":              {hashes(key[:8]), good, ""},
		"key of the time-stamping authority": {hashes(tsaKey[:]), authenticode.VerdictTimeStamp, "TRUST_E_EXPLICIT_DISTRUST"},
	} {
		t.Run(name, func(t *testing.T) {
			r := verifyBytes(t, v.stampedFile(), authenticode.VerifyOptions{Roots: v.roots(), Disallowed: c.list})
			if r.Windows != c.want || r.Trusted != (c.want == good) || !strings.Contains(r.String(), c.says) {
				t.Errorf("want %v, %q:\n%s", c.want, c.says, r)
			}
		})
	}
}

// TestNoDisallowedList: a report without the list says so once.
func TestNoDisallowedList(t *testing.T) {
	v := newVfiles(t)
	const says = "list of disallowed certificates is not at hand"
	for name, c := range map[string]struct {
		file []byte
		o    authenticode.VerifyOptions
		want int
	}{
		"none":      {v.stampedFile(), authenticode.VerifyOptions{}, 1},
		"a list":    {v.stampedFile(), authenticode.VerifyOptions{Disallowed: &certchain.Disallowed{}}, 0},
		"unsigned":  {readFile(t, v.exe), authenticode.VerifyOptions{}, 0},
		"hash only": {v.stampedFile(), authenticode.VerifyOptions{HashOnly: true}, 0},
	} {
		c.o.Roots = v.roots()
		r := verifyBytes(t, c.file, c.o)
		if n := strings.Count(r.String(), says); n != c.want {
			t.Errorf("%s: said %d times, want %d\n%s", name, n, c.want, r)
		}
		if len(r.Problems()) > 0 && name == "none" {
			t.Errorf("it counts as a problem: %v", r.Problems())
		}
	}
}

// TestDisallowedAsWindows puts a publisher into the store of untrusted certificates,
// which is where Windows keeps what its list condemns: Microsoft's wintrust answers as
// we do. It looks at the publisher; issuers are the chain engine's business, which is
// wine's there.
func TestDisallowedAsWindows(t *testing.T) {
	if testing.Short() {
		t.Skip("needs wine")
	}
	rig := formatstest.NewRig(t)
	p := formatstest.NewPKI(t)
	id := p.Issue(t, "Hallmark Test Condemned", nil) // of its own: the store is the whole prefix's
	file := writeTemp(t, signed(t, readFile(t, formatstest.GoProgram(t, "amd64")), authenticode.SignOptions{Signer: signer(id)}))
	if v := rig.Verify(file)[0]; !v.OK() {
		t.Fatalf("before: %v", v)
	}
	rig.Disallow(id.Certificate)
	sum := sha1.Sum(id.Certificate.Raw)
	d := &certchain.Disallowed{}
	d.AddThumbprint(sum[:])
	ours := verifyBytes(t, readFile(t, file), authenticode.VerifyOptions{Roots: certchain.NewRoots(p.Root), Disallowed: d})
	if v := rig.Verify(file)[0]; v.HRESULT != uint32(ours.Windows) || ours.Windows != authenticode.VerdictExplicitDistrust {
		t.Errorf("Microsoft answers %v, we %v", v, ours.Windows)
	}
}
