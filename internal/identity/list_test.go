package identity

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func TestList(t *testing.T) {
	pki := formatstest.NewPKI(t)
	file := pki.Leaf.PFXFile(t, password)
	id, err := open(t, "pkcs12:"+file, password, func(o *Options) { o.ChainFiles = []string{pki.Leaf.RootFile(t)} })
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	l := id.List(now)
	if l.Verdict != "usable with warnings" || len(l.Certificates) != 3 {
		t.Fatalf("got %+v", l)
	}
	e := l.Certificates[0]
	if e.Role != "signs" || e.Class != "OV" || e.Key != "RSA-3072" || e.EKUs[0] != "code signing" || e.DaysLeft < 365 {
		t.Errorf("got %+v", e)
	}
	// openssl is the second opinion on thumbprints and serial number.
	cert := formatstest.PEMFile(t, pki.Leaf.Certificate)
	for _, c := range []struct{ flag, value string }{{"-sha1", e.SHA1}, {"-sha256", e.SHA256}} {
		out := formatstest.MustRun(t, "openssl", "x509", "-in", cert, "-noout", "-fingerprint", c.flag)
		_, print, _ := strings.Cut(strings.TrimSpace(out), "=")
		if !strings.EqualFold(strings.ReplaceAll(print, ":", ""), c.value) {
			t.Errorf("%s: openssl says %s, we %s", c.flag, print, c.value)
		}
	}
	out := formatstest.MustRun(t, "openssl", "x509", "-in", cert, "-noout", "-serial")
	if serial := strings.TrimLeft(strings.ToLower(strings.TrimPrefix(strings.TrimSpace(out), "serial=")), "0"); serial != e.Serial {
		t.Errorf("serial: openssl says %s, we %s", serial, e.Serial)
	}
	for n, role := range []string{"signs", "intermediate", "root"} {
		if l.Certificates[n].Role != role {
			t.Errorf("certificate %d is %q", n, l.Certificates[n].Role)
		}
	}
}

func TestListOfTestIdentity(t *testing.T) {
	id, err := openTest(t, testStore(t), testNow)
	if err != nil {
		t.Fatal(err)
	}
	l := id.List(testNow)
	if !l.Test || l.Verdict != "usable" || len(l.Certificates) != 4 {
		t.Fatalf("got %+v", l)
	}
	if l.Certificates[0].Class != "test" || l.Certificates[3].Role != "time stamping" || l.Certificates[0].DaysLeft != testLeafDays-1 {
		t.Errorf("got %+v", l.Certificates)
	}
	var b bytes.Buffer
	if err := l.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"identity  test", "verdict   usable", "ROLE", "DAYS LEFT", "time stamping", l.Certificates[0].SHA1, l.Certificates[0].SHA256, `Hallmark TEST\, not trusted (code signing)`, "RSA-3072"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("text lacks %q:\n%s", want, &b)
		}
	}
}

func TestListOfUnusableIdentity(t *testing.T) {
	pki := formatstest.NewPKI(t)
	id := judged(t, pki.Expired.Certificate, func(i *Identity) { i.Key, i.Ref = pki.Expired.Key, "pkcs12:x" })
	l := id.List(time.Now())
	if l.Verdict != "not usable" || l.Certificates[0].DaysLeft >= 0 {
		t.Errorf("got %+v", l)
	}
	var b bytes.Buffer
	if err := l.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "error     the certificate expired") || !strings.Contains(b.String(), "\nhint ") {
		t.Errorf("text:\n%s", &b)
	}
	j, err := json.Marshal(l)
	if err != nil || !strings.Contains(string(j), `"severity":"error"`) {
		t.Errorf("%s, %v", j, err)
	}
}

func TestListHidesControlCharacters(t *testing.T) {
	c := *formatstest.NewPKI(t).Leaf.Certificate
	c.Subject.CommonName = "Evil\x1b[31m\r\nverdict   usable"
	c.CRLDistributionPoints = []string{"http://x/\x1b]0;t\a"}
	e := entry("signs", time.Now(), &c)
	var b bytes.Buffer
	e.details(&b)
	if strings.ContainsAny(b.String(), "\x1b\r\a") || strings.Count(b.String(), "verdict") != 1 || strings.Contains(b.String(), "\nverdict") {
		t.Errorf("got %q", b.String())
	}
}

func TestDays(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]int{0: 0, day - 1: 0, day: 1, -1: -1, -day: -1, -day - 1: -2, 10*day + 1: 10} {
		if got := days(d); got != want {
			t.Errorf("%v is %d days, want %d", d, got, want)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestWriteTextFails(t *testing.T) {
	l := &Listing{Certificates: []Entry{entry("signs", time.Now(), &x509.Certificate{})}}
	if l.WriteText(full{}) == nil {
		t.Error("no error")
	}
}
