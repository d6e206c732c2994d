package trust

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/fetch"
)

// publisher is a small Microsoft: a root, a signer of lists, and some roots to list.
type publisher struct {
	t      *testing.T
	root   *x509.Certificate
	signer cms.Signer
	listed []*x509.Certificate
	files  map[string][]byte
	now    func() time.Time
	issued time.Time // of the lists; zero is now
}

func newPublisher(t *testing.T, usages ...asn1.ObjectIdentifier) *publisher {
	root, key := certificate(t, "Microsoft Test Root", nil, nil, true)
	if usages == nil {
		usages = []asn1.ObjectIdentifier{oidRootList}
	}
	leaf, leafKey := certificate(t, "Test List Publisher", root, key, false, usages...)
	p := &publisher{t: t, root: root, signer: cms.Signer{Key: leafKey, Certificate: leaf}, files: map[string][]byte{}}
	for _, cn := range []string{"both", "code only", "stamp only", "neither", "disabled code", "usage removed", "not before", "not before for stamps", "later"} {
		c, _ := certificate(t, cn, nil, nil, true)
		p.listed = append(p.listed, c)
		s := sha1.Sum(c.Raw)
		p.files["/"+hex.EncodeToString(s[:])+".crt"] = c.Raw
	}
	return p
}

func certificate(t *testing.T, cn string, parent *x509.Certificate, by crypto.Signer, isCA bool, usages ...asn1.ObjectIdentifier) (*x509.Certificate, crypto.Signer) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: cn}, IsCA: isCA, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), UnknownExtKeyUsage: usages}
	if parent == nil {
		parent, by = tmpl, key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c, key
}

// list makes and signs authroot.stl, and disallowedcert.stl with the same number if there is none yet.
func (p *publisher) list(sequence int64, usage asn1.ObjectIdentifier, next time.Time) {
	p.t.Helper()
	p.publish("authroot", p.ctl(sequence, usage, next, cms.OIDSHA1, func(b *cryptobyte.Builder) {
		for _, c := range p.listed {
			p.entry(b, c)
		}
	}))
	if p.files["/disallowedcert.stl"] == nil {
		p.condemn(sequence, bytes.Repeat([]byte{7}, 16))
	}
}

// condemn makes and signs disallowedcert.stl as Microsoft's is: entries are signature hashes or MD5 of keys.
func (p *publisher) condemn(sequence int64, ids ...[]byte) {
	p.t.Helper()
	p.publish("disallowedcert", p.ctl(sequence, oidDisallowedList, time.Time{}, oidDisallowedHash, subjects(ids...)))
}

// subjects are entries without attributes.
func subjects(ids ...[]byte) func(*cryptobyte.Builder) {
	return func(b *cryptobyte.Builder) {
		for _, id := range ids {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1OctetString(id) })
		}
	}
}

func (p *publisher) ctl(sequence int64, usage asn1.ObjectIdentifier, next time.Time, algorithm asn1.ObjectIdentifier, subjects func(*cryptobyte.Builder)) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(usage) })
		b.AddASN1Int64(sequence)
		if p.issued.IsZero() {
			p.issued = time.Now()
		}
		b.AddASN1UTCTime(p.issued.UTC())
		if !next.IsZero() {
			b.AddASN1UTCTime(next.UTC())
		}
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(algorithm)
			b.AddASN1NULL()
		})
		b.AddASN1(cbasn1.SEQUENCE, subjects)
	})
	return b.BytesOrPanic()
}

// publish signs a list.
func (p *publisher) publish(name string, list []byte) {
	p.t.Helper()
	sd, err := cms.Sign(context.Background(), cms.ContentInfo{Type: cms.OIDCTL, DER: list}, p.signer, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if p.files["/"+name+".stl"], err = sd.Marshal(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *publisher) entry(b *cryptobyte.Builder, c *x509.Certificate) {
	s1, s256 := sha1.Sum(c.Raw), sha256.Sum256(c.Raw)
	props := map[int][]byte{propSHA256: s256[:]}
	usages := func(ids ...asn1.ObjectIdentifier) []byte {
		der, err := asn1.Marshal(ids)
		if err != nil {
			p.t.Fatal(err)
		}
		return der
	}
	switch c.Subject.CommonName {
	case "code only":
		props[propUsage] = usages(cms.OIDEKUCodeSigning)
	case "stamp only":
		props[propUsage] = usages(cms.OIDEKUTimeStamping, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 1})
	case "neither":
		props[propUsage] = usages(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 1})
	case "disabled code":
		props[propDisallowedFrom] = windowsTime(limitDate)
		props[propDisallowedUsage] = usages(cms.OIDEKUCodeSigning)
	case "usage removed":
		props[propDisallowedUsage] = usages(cms.OIDEKUCodeSigning)
	case "not before":
		props[propNotBefore] = windowsTime(limitDate)
	case "not before for stamps":
		props[propNotBefore] = windowsTime(limitDate)
		props[propNotBeforeUsage] = usages(cms.OIDEKUTimeStamping)
	case "later":
		props[propDisallowedFrom] = windowsTime(limitDate.AddDate(20, 0, 0))
	}
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1OctetString(s1[:])
		b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
			for n, value := range props {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(append(append(asn1.ObjectIdentifier(nil), oidPropPrefix...), n))
					b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddASN1OctetString(value) })
				})
			}
		})
	})
}

// limitDate is when limits begin.
var limitDate = time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)

func windowsTime(t time.Time) []byte {
	return binary.LittleEndian.AppendUint64(nil, uint64(t.Unix()+11644473600)*1e7)
}

func (p *publisher) store(dir string) Store {
	return Store{Dir: dir, Anchors: certchain.NewPool(p.root)}
}

func (p *publisher) update(dir string) (*Updated, error) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, ok := p.files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(b)
	}))
	defer server.Close()
	u := Updater{Fetcher: fetch.New(""), Source: server.URL, Store: p.store(dir), Now: p.now}
	return u.Update(context.Background())
}

// limitedNames lists roots with their limits: < the date from which on they are disabled, ! that up to which certificates are good.
func limitedNames(p *certchain.Pool) string {
	var out []string
	for _, c := range p.Certificates() {
		s, l := c.Subject.CommonName, p.Limits(c)
		if !l.Disabled.IsZero() {
			s += " <" + l.Disabled.Format(time.RFC3339)
		}
		if !l.NotBefore.IsZero() {
			s += " !" + l.NotBefore.Format(time.RFC3339)
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

func commonNames(p *certchain.Pool) string {
	var out []string
	for _, c := range p.Certificates() {
		out = append(out, c.Subject.CommonName)
	}
	return strings.Join(out, ", ")
}

func TestUpdate(t *testing.T) {
	p := newPublisher(t)
	p.list(10, oidRootList, time.Now().Add(time.Hour))
	file := filepath.Join(t.TempDir(), "roots")
	if _, err := p.update(file); err != nil {
		t.Fatal(err)
	}
	l, err := p.store(file).List()
	if err != nil {
		t.Fatal(err)
	}
	roots, err := l.Roots()
	if err != nil {
		t.Fatal(err)
	}
	const day, later = "2020-01-02T03:04:05Z", "2040-01-02T03:04:05Z"
	if got := limitedNames(roots.CodeSigning); got != "both, code only, disabled code <"+day+", later <"+later+", not before !"+day+", not before for stamps" {
		t.Errorf("code signing: %s", got)
	}
	if got := limitedNames(roots.TimeStamping); got != "both, disabled code, later <"+later+", not before !"+day+", not before for stamps !"+day+", stamp only, usage removed" {
		t.Errorf("time stamping: %s", got)
	}
	if d, err := p.store(file).Disallowed(); err != nil || d.Len() != 1 {
		t.Errorf("disallowed: %v, %v", d, err)
	}
	all, err := Roots(Options{Store: p.store(file)})
	if err != nil || !strings.Contains(commonNames(all.CodeSigning), "code only") || strings.Contains(commonNames(all.TimeStamping), "code only") {
		t.Errorf("fetched roots are not used each for its purpose: %v", err)
	}
	before := contents(t, file)
	p.list(9, oidRootList, time.Time{})
	if _, err := p.update(file); fault.Status(err) != fault.Verification {
		t.Errorf("an older list: %v", err)
	}
	p.list(11, oidRootList, time.Time{})
	p.files["/"+hexSHA1(p.listed[0])+".crt"] = p.listed[1].Raw
	if _, err := p.update(file); fault.Status(err) != fault.Verification {
		t.Errorf("a certificate that is not the listed one: %v", err)
	}
	if after := contents(t, file); after != before {
		t.Error("a failed update has changed the file")
	}
}

// contents of all files of a store.
func contents(t *testing.T, dir string) string {
	t.Helper()
	var out []string
	for _, name := range []string{rootsFile, disallowedFile, certificatesFile} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(b))
	}
	return strings.Join(out, "\x00")
}

func hexSHA1(c *x509.Certificate) string {
	s := sha1.Sum(c.Raw)
	return hex.EncodeToString(s[:])
}

func TestUpdateRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		make   func(*testing.T) *publisher
		status int
		says   string
	}{
		"no server": {func(t *testing.T) *publisher { return newPublisher(t) }, fault.Service, "404"},
		"a root missing": {func(t *testing.T) *publisher {
			p := newPublisher(t)
			p.list(1, oidRootList, time.Time{})
			delete(p.files, "/"+hexSHA1(p.listed[0])+".crt")
			return p
		}, fault.Service, hexMark},
		"signed by nobody known": {func(t *testing.T) *publisher {
			p := newPublisher(t)
			p.list(1, oidRootList, time.Time{})
			p.root, _ = certificate(t, "Microsoft Other Root", nil, nil, true)
			return p
		}, fault.Verification, "CERT_E_CHAINING"},
		"signer for something else": {func(t *testing.T) *publisher {
			p := newPublisher(t, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 3})
			p.list(1, oidRootList, time.Time{})
			return p
		}, fault.Verification, "not for signing root lists"},
		"list of something else": {func(t *testing.T) *publisher {
			p := newPublisher(t)
			p.list(1, asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 30}, time.Time{})
			return p
		}, fault.Verification, "not a list of trusted roots"},
		"out of date": {func(t *testing.T) *publisher {
			p := newPublisher(t)
			p.list(1, oidRootList, time.Now().Add(-time.Minute))
			return p
		}, fault.Verification, "out of date"},
		"signature broken": {func(t *testing.T) *publisher {
			p := newPublisher(t)
			p.list(1, oidRootList, time.Time{})
			stl := p.files["/authroot.stl"]
			stl[len(stl)-1] ^= 1
			return p
		}, fault.Verification, "signature"},
		"list changed": {func(t *testing.T) *publisher {
			p := newPublisher(t)
			p.list(1, oidRootList, time.Time{})
			stl := p.files["/authroot.stl"]
			s := sha1.Sum(p.listed[0].Raw)
			stl[strings.Index(string(stl), string(s[:]))] ^= 1
			return p
		}, fault.Verification, "message digest"},
		"nonsense": {func(t *testing.T) *publisher {
			p := newPublisher(t)
			p.files["/authroot.stl"] = []byte("<html>")
			return p
		}, fault.Verification, "reading root list"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "roots")
			p := c.make(t)
			_, err := p.update(file)
			if err == nil || fault.Status(err) != c.status || !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("error is %v (status %d), want %q (status %d)", err, fault.Status(err), c.says, c.status)
			}
			if _, err := os.Stat(file); err == nil {
				t.Error("a file was written")
			}
		})
	}
}

const hexMark = ": fetching "

func TestRoots(t *testing.T) {
	dir := t.TempDir()
	put := func(name, cn string) string {
		c, _ := certificate(t, cn, nil, nil, true)
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	o := Options{CodeSigning: []string{put("c.pem", "c")}, TimeStamping: []string{put("t.pem", "t")}, Both: []string{put("b.pem", "b")}, Only: true}
	roots, err := Roots(o)
	if err != nil || commonNames(roots.CodeSigning) != "b, c" || commonNames(roots.TimeStamping) != "b, t" {
		t.Errorf("only the named ones: %s / %s, %v", commonNames(roots.CodeSigning), commonNames(roots.TimeStamping), err)
	}
	o.Only = false
	if roots, err = Roots(o); err != nil || roots.CodeSigning.Len() < 8 || !strings.Contains(commonNames(roots.CodeSigning), "Microsoft Root Certificate Authority 2010") {
		t.Errorf("with the usual ones: %d, %v", roots.CodeSigning.Len(), err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bad.pem"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Roots(Options{Both: []string{filepath.Join(dir, "bad.pem")}, CodeSigning: []string{filepath.Join(dir, "none.pem")}})
	if err == nil || !strings.Contains(err.Error(), "bad.pem") || !strings.Contains(err.Error(), "none.pem") {
		t.Errorf("not every bad file is reported: %v", err)
	}
}
