package trust

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

var (
	md5ID = bytes.Repeat([]byte{1}, md5.Size)
	oneID = func(n int) []byte { return bytes.Repeat([]byte{2}, n) }
)

// TestDisallowedList: lists of every kind are read, and what is wrong with one is said.
func TestDisallowedList(t *testing.T) {
	sha1List := func(p *publisher) {
		p.publish("disallowedcert", p.ctl(5, oidDisallowedList, time.Time{}, cms.OIDSHA1, subjects(oneID(20))))
	}
	for name, c := range map[string]struct {
		make func(*publisher)
		says string // of the error; empty for a good list of so many
		n    int
	}{
		"hashes":      {func(p *publisher) { p.condemn(5, md5ID, oneID(20), oneID(32), oneID(48), oneID(64)) }, "", 5},
		"thumbprints": {sha1List, "", 1},
		"SHA-256": {func(p *publisher) {
			p.publish("disallowedcert", p.ctl(5, oidDisallowedList, time.Time{}, cms.OIDSHA256, subjects(oneID(32))))
		}, "", 1},
		"odd length": {func(p *publisher) { p.condemn(5, md5ID, oneID(17)) }, "entry 2: malformed identifier", 0},
		"thumbprint, short": {func(p *publisher) {
			p.publish("disallowedcert", p.ctl(5, oidDisallowedList, time.Time{}, cms.OIDSHA1, subjects(md5ID)))
		}, "entry 1: malformed identifier", 0},
		"empty": {func(p *publisher) { p.condemn(5) }, "it is empty", 0},
		"unknown algorithm": {func(p *publisher) {
			p.publish("disallowedcert", p.ctl(5, oidDisallowedList, time.Time{}, asn1.ObjectIdentifier{1, 2, 3}, subjects(md5ID)))
		}, "identified by 1.2.3, which is not known", 0},
		"a list of roots": {func(p *publisher) { p.files["/disallowedcert.stl"] = p.files["/authroot.stl"] }, "it is not a list of disallowed certificates", 0},
		"out of date": {func(p *publisher) {
			p.publish("disallowedcert", p.ctl(5, oidDisallowedList, time.Now().Add(-time.Minute), oidDisallowedHash, subjects(md5ID)))
		}, "out of date", 0},
		"changed": {func(p *publisher) {
			p.condemn(5, md5ID)
			stl := p.files["/disallowedcert.stl"]
			stl[bytes.Index(stl, md5ID)] ^= 1
		}, "message digest", 0},
		"nonsense": {func(p *publisher) { p.files["/disallowedcert.stl"] = []byte("<html>") }, "reading list of disallowed certificates", 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPublisher(t)
			p.list(5, oidRootList, time.Time{})
			c.make(p)
			file := filepath.Join(t.TempDir(), "roots")
			l, err := p.update(file)
			if c.says != "" {
				if err == nil || fault.Status(err) != fault.Verification || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error is %v, want %q", err, c.says)
				}
				if _, err := os.Stat(file); err == nil {
					t.Error("a file was written")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			d, err := p.store(file).Disallowed()
			if err != nil || d.Len() != c.n || len(l.Disallowed.Hashes)+len(l.Disallowed.Thumbprints) != c.n {
				t.Errorf("%d identifiers, want %d: %v", d.Len(), c.n, err)
			}
		})
	}
}

// TestDisallowedSigner: the usage of the list's signer is one of those for lists, and its chain is for it too.
func TestDisallowedSigner(t *testing.T) {
	revoked := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 19}
	for name, c := range map[string]struct {
		usages []asn1.ObjectIdentifier
		says   string
	}{
		"root lists":                         {[]asn1.ObjectIdentifier{oidRootList}, ""},
		"root lists and revoked lists":       {[]asn1.ObjectIdentifier{oidRootList, revoked}, ""},
		"root lists and disallowed lists":    {[]asn1.ObjectIdentifier{oidDisallowedList, oidRootList}, ""},
		"not for root lists, which it signs": {[]asn1.ObjectIdentifier{oidDisallowedList}, "is not for signing root lists"},
	} {
		p := newPublisher(t, c.usages...)
		p.list(1, oidRootList, time.Time{})
		_, err := p.update(filepath.Join(t.TempDir(), "roots.json"))
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error is %v, want %q", name, err, c.says)
		}
	}
	other := newPublisher(t, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 3})
	other.condemn(1, md5ID)
	if _, _, err := parseDisallowed(other.files["/disallowedcert.stl"], certchain.NewPool(other.root), time.Now()); err == nil || !strings.Contains(err.Error(), "is not for signing lists") {
		t.Errorf("a signer for code: %v", err)
	}
	if _, _, err := parseDisallowed(newList(t).files["/disallowedcert.stl"], certchain.NewPool(other.root), time.Now()); err == nil {
		t.Error("a list by somebody unknown is taken")
	}
}

func newList(t *testing.T) *publisher {
	p := newPublisher(t)
	p.condemn(1, md5ID)
	return p
}

// TestDisallowedNotOlder: a replayed list is refused, a missing one is no update.
func TestDisallowedNotOlder(t *testing.T) {
	p := newPublisher(t)
	p.list(5, oidRootList, time.Time{})
	p.condemn(5, md5ID, oneID(20))
	file := filepath.Join(t.TempDir(), "roots")
	if _, err := p.update(file); err != nil {
		t.Fatal(err)
	}
	p.condemn(4, md5ID)
	if _, err := p.update(file); fault.Status(err) != fault.Verification || !strings.Contains(err.Error(), "the list of disallowed certificates from") {
		t.Errorf("an older list: %v", err)
	}
	delete(p.files, "/disallowedcert.stl")
	if _, err := p.update(file); fault.Status(err) != fault.Service || !strings.Contains(err.Error(), "404") {
		t.Errorf("no list: %v", err)
	}
	if d, err := p.store(file).Disallowed(); err != nil || d.Len() != 2 {
		t.Errorf("after failed updates: %d, %v", d.Len(), err)
	}
}

// TestDisallowedMissing: without the list there is none, which is not an error.
func TestDisallowedMissing(t *testing.T) {
	if d, err := (Store{Dir: filepath.Join(t.TempDir(), "none")}).Disallowed(); d != nil || err != nil {
		t.Errorf("no folder: %v, %v", d, err)
	}
}

// TestDisallowedRefuses goes from Microsoft's list to a verdict: a program whose publisher's key is on it is refused by name.
func TestDisallowedRefuses(t *testing.T) {
	pki := formatstest.NewPKI(t)
	var out bytes.Buffer
	program, err := os.ReadFile(formatstest.GoProgram(t, "amd64"))
	if err != nil {
		t.Fatal(err)
	}
	leaf := pki.Leaf
	if _, err := authenticode.Sign(context.Background(), bytes.NewReader(program), int64(len(program)), &out,
		authenticode.SignOptions{Signer: cms.Signer{Key: leaf.Key, Certificate: leaf.Certificate, Chain: leaf.Chain}}); err != nil {
		t.Fatal(err)
	}
	key := md5.Sum(x509.MarshalPKCS1PublicKey(publicKey(t, leaf.Certificate))) // what the BIT STRING of an RSA key holds (RFC 3279 section 2.3.1)
	p := newPublisher(t)
	p.list(1, oidRootList, time.Time{})
	for want, id := range map[authenticode.Verdict][]byte{authenticode.VerdictExplicitDistrust: key[:], authenticode.VerdictTrusted: md5ID} {
		p.condemn(1, id)
		file := filepath.Join(t.TempDir(), "roots")
		if _, err := p.update(file); err != nil {
			t.Fatal(err)
		}
		d, err := p.store(file).Disallowed()
		if err != nil {
			t.Fatal(err)
		}
		r, err := authenticode.Verify(context.Background(), bytes.NewReader(out.Bytes()), int64(out.Len()),
			authenticode.VerifyOptions{Roots: certchain.NewRoots(pki.Root), Disallowed: d})
		if err != nil || r.Windows != want {
			t.Errorf("want %v: %v\n%s", want, err, r)
		}
		if want == authenticode.VerdictExplicitDistrust && !strings.Contains(r.String(), `"Hallmark Test Publisher"`) {
			t.Errorf("the certificate is not named:\n%s", r)
		}
	}
}

func publicKey(t *testing.T, c *x509.Certificate) *rsa.PublicKey {
	t.Helper()
	key, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok {
		t.Fatalf("%s has no RSA key", c.Subject)
	}
	return key
}
