package authenticode_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/formats/rfc3161"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// stamper is a client of a time-stamp server that runs in the test.
func stamper(t testing.TB, at time.Time) *rfc3161.Client {
	t.Helper()
	p := formatstest.NewPKI(t)
	o := rfc3161.ServerOptions{Key: p.TSA.Key, Certificate: p.TSA.Certificate, Chain: p.TSA.Chain}
	if !at.IsZero() {
		o.Now = func() time.Time { return at }
	}
	s, err := rfc3161.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	var client rfc3161.ClientOptions
	if !at.IsZero() {
		client.MaxSkew = time.Since(at).Abs() + time.Hour
	}
	c, err := rfc3161.NewClient([]string{srv.URL}, rfc3161.TrustRoots(p.TSARoots()), client)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// update changes the blob of a file.
func update(t testing.TB, b []byte, change func(p7 authenticode.PKCS7) (authenticode.PKCS7, error)) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := authenticode.Update(context.Background(), bytes.NewReader(b), int64(len(b)), &out, change); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func token(t testing.TB, c *rfc3161.Client, p7 []byte, index int) []byte {
	t.Helper()
	value, err := authenticode.PKCS7(p7).SignatureValue(index)
	if err != nil {
		t.Fatal(err)
	}
	stamp, err := c.Timestamp(context.Background(), value, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return stamp.Token.Raw
}

// stamped stamps one signature of a file.
func stamped(t testing.TB, b []byte, index int) []byte {
	t.Helper()
	tok := token(t, stamper(t, time.Time{}), extract(t, b), index)
	var out bytes.Buffer
	if _, err := authenticode.Timestamp(context.Background(), bytes.NewReader(b), int64(len(b)), &out, index, tok); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func legacyStamped(t testing.TB, b []byte, index int) []byte {
	t.Helper()
	return update(t, b, func(p7 authenticode.PKCS7) (authenticode.PKCS7, error) {
		value, err := p7.SignatureValue(index)
		if err != nil {
			return nil, err
		}
		stamp, err := stamper(t, time.Time{}).LegacyTimestamp(context.Background(), value)
		if err != nil {
			return nil, err
		}
		return authenticode.PKCS7(p7).SetCountersignature(index, stamp.Raw, stamp.Certificates)
	})
}

// editedCases are files that were changed after signing in ways that keep them valid.
func editedCases(t testing.TB) map[string][]byte {
	t.Helper()
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	one := signed(t, program, authenticode.SignOptions{Signer: signer(p.Leaf)})
	two := signed(t, one, authenticode.SignOptions{Signer: signer(p.Second), Existing: authenticode.ExistingAppend})
	cross := update(t, one, func(p7 authenticode.PKCS7) (authenticode.PKCS7, error) {
		return p7.AddCertificates(0, []*x509.Certificate{p.CrossRoot})
	})
	return map[string][]byte{
		"stamped":                    stamped(t, one, 0),
		"stamped twice":              stamped(t, stamped(t, one, 0), 0),
		"legacy stamp":               legacyStamped(t, one, 0),
		"legacy stamp, replaced":     stamped(t, legacyStamped(t, one, 0), 0),
		"both of two stamped":        stamped(t, stamped(t, two, 1), 0),
		"stamped, then appended to":  signed(t, stamped(t, one, 0), authenticode.SignOptions{Signer: signer(p.Second), Existing: authenticode.ExistingAppend}),
		"cross-certificate":          cross,
		"cross-certificate, stamped": stamped(t, cross, 0),
		"cross-certificate in the second": update(t, two, func(p7 authenticode.PKCS7) (authenticode.PKCS7, error) {
			return p7.AddCertificates(1, []*x509.Certificate{p.CrossRoot})
		}),
	}
}

func TestOsslsigncodeAcceptsEdited(t *testing.T) {
	p := formatstest.NewPKI(t)
	root, tsaRoot := formatstest.PEMFile(t, p.Root), formatstest.PEMFile(t, p.TSARoot)
	for name, b := range editedCases(t) {
		t.Run(name, func(t *testing.T) {
			ok, out := formatstest.VerifyOssl(t, writeTemp(t, b), root, tsaRoot)
			if !ok || strings.Contains(out, "MISMATCH") {
				t.Fatalf("refused:\n%s", out)
			}
			want := map[string]int{"stamped": 1, "stamped twice": 1, "both of two stamped": 2, "legacy stamp": 1}[name]
			if got := strings.Count(out, "Timestamp verified: ok") + strings.Count(out, "Timestamp Server Signature verification: ok"); want > 0 && got != want {
				t.Errorf("%d good timestamps, want %d:\n%s", got, want, out)
			}
		})
	}
}

func TestMicrosoftAcceptsEdited(t *testing.T) {
	rig := formatstest.NewRig(t)
	cases := editedCases(t)
	var paths, names []string
	for name, b := range cases {
		paths, names = append(paths, writeTemp(t, b)), append(names, name)
	}
	for i, v := range rig.Verify(paths...) {
		stamps := strings.Count(strings.Join(v.Chains, "\n"), "Hallmark Test TSA Root")
		if !v.OK() || strings.Contains(names[i], "stamp") && stamps == 0 {
			t.Errorf("%s: %v", names[i], v)
		}
	}
}

// TestEditsKeepSignedBytes: nothing that is signed changes, and the stamp survives what
// comes after it.
func TestEditsKeepSignedBytes(t *testing.T) {
	p := formatstest.NewPKI(t)
	one := stamped(t, signed(t, readFile(t, formatstest.GoProgram(t, "amd64")), authenticode.SignOptions{Signer: signer(p.Leaf)}), 0)
	before := signatures(t, one)[0]
	two := signed(t, one, authenticode.SignOptions{Signer: signer(p.Second), Existing: authenticode.ExistingAppend})
	three := update(t, two, func(p7 authenticode.PKCS7) (authenticode.PKCS7, error) {
		return p7.AddCertificates(0, []*x509.Certificate{p.CrossRoot, p.CrossRoot, p.Root}) // a root is left out
	})
	after := signatures(t, three)
	if len(after) != 2 {
		t.Fatalf("%d signatures", len(after))
	}
	si, old := after[0].Signers[0], before.Signers[0]
	if !bytes.Equal(si.RawSignedAttrs, old.RawSignedAttrs) || !bytes.Equal(si.Signature, old.Signature) || !bytes.Equal(after[0].Content, before.Content) {
		t.Error("signed bytes changed")
	}
	stamp, ok := si.UnsignedAttr(cms.OIDRFC3161Token)
	was, _ := old.UnsignedAttr(cms.OIDRFC3161Token)
	if !ok || !bytes.Equal(stamp.Values[0], was.Values[0]) {
		t.Error("the timestamp is gone or changed")
	}
	if n := len(after[0].Certificates); n != len(before.Certificates)+1 {
		t.Errorf("%d certificates, want one more than %d", n, len(before.Certificates))
	}
	removed, err := authenticode.PKCS7(extract(t, three)).Remove(1)
	if err != nil {
		t.Fatal(err)
	}
	if sigs, err := authenticode.PKCS7(removed).Signatures(); err != nil || len(sigs) != 1 {
		t.Errorf("after removing the second: %d signatures, %v", len(sigs), err)
	}
}

func TestEditsRefuse(t *testing.T) {
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	one := extract(t, signed(t, program, authenticode.SignOptions{Signer: signer(p.Leaf)}))
	other := extract(t, signed(t, program, authenticode.SignOptions{Signer: signer(p.Second)}))
	client := stamper(t, time.Time{})
	good, strange := token(t, client, one, 0), token(t, client, other, 0)
	broken := bytes.Clone(good)
	broken[len(broken)-1] ^= 1
	value, err := authenticode.PKCS7(other).SignatureValue(0)
	if err != nil {
		t.Fatal(err)
	}
	legacy, err := client.LegacyTimestamp(context.Background(), value)
	if err != nil {
		t.Fatal(err)
	}
	nested, err := authenticode.PKCS7(one).Append(other)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		do   func() (authenticode.PKCS7, error)
		want string
	}{
		"token of another signature":   {func() (authenticode.PKCS7, error) { return authenticode.PKCS7(one).SetToken(0, strange) }, "imprint"},
		"token with a wrong signature": {func() (authenticode.PKCS7, error) { return authenticode.PKCS7(one).SetToken(0, broken) }, "signature"},
		"not a token":                  {func() (authenticode.PKCS7, error) { return authenticode.PKCS7(one).SetToken(0, one) }, "TSTInfo"},
		"index that is not there":      {func() (authenticode.PKCS7, error) { return authenticode.PKCS7(one).SetToken(1, good) }, "no signature 1"},
		"negative index":               {func() (authenticode.PKCS7, error) { return authenticode.PKCS7(one).SetToken(-1, good) }, "no signature -1"},
		"legacy stamp of another": {func() (authenticode.PKCS7, error) {
			return authenticode.PKCS7(one).SetCountersignature(0, legacy.Raw, legacy.Certificates)
		}, "for another signature"},
		"legacy stamp, no certificate": {func() (authenticode.PKCS7, error) {
			return authenticode.PKCS7(other).SetCountersignature(0, legacy.Raw, nil)
		}, "certificate"},
		"append what is nested":    {func() (authenticode.PKCS7, error) { return authenticode.PKCS7(one).Append(nested) }, "one level"},
		"remove the first":         {func() (authenticode.PKCS7, error) { return authenticode.PKCS7(nested).Remove(0) }, "strip"},
		"remove what is not there": {func() (authenticode.PKCS7, error) { return authenticode.PKCS7(nested).Remove(2) }, "no signature 2"},
		"not PKCS#7":               {func() (authenticode.PKCS7, error) { return authenticode.PKCS7([]byte("x")).AddCertificates(0, nil) }, "reading signature"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := c.do()
			if err == nil || !strings.Contains(err.Error(), c.want) || out != nil {
				t.Errorf("error %v, want one with %q; %d bytes", err, c.want, len(out))
			}
		})
	}
}

// TestFurtherEntriesStay: an entry of another kind behind the signature survives
// appending and stamping, and goes with replacing.
func TestFurtherEntriesStay(t *testing.T) {
	p := formatstest.NewPKI(t)
	b := signed(t, readFile(t, formatstest.GoProgram(t, "amd64")), authenticode.SignOptions{Signer: signer(p.Leaf)})
	im, err := peimage.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	// A WIN_CERTIFICATE of 13 bytes, revision 1.0, type 1 (X.509), padded to 16.
	entry := []byte{13, 0, 0, 0, 0, 1, 1, 0, 'h', 'e', 'l', 'l', 'o', 0, 0, 0}
	d, err := im.Digest(context.Background(), bytes.NewReader(b), peimage.Request{Checksum: true})
	if err != nil {
		t.Fatal(err)
	}
	edit, err := im.Signed(d, append(peimage.CertificateTable(extract(t, b)), entry...))
	if err != nil {
		t.Fatal(err)
	}
	var two bytes.Buffer
	if err := edit.WriteTo(context.Background(), &two, bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		file []byte
		kept bool
	}{
		"stamped":  {stamped(t, two.Bytes(), 0), true},
		"appended": {signed(t, two.Bytes(), authenticode.SignOptions{Signer: signer(p.Second), Existing: authenticode.ExistingAppend}), true},
		"replaced": {signed(t, two.Bytes(), authenticode.SignOptions{Signer: signer(p.Second), Existing: authenticode.ExistingReplace}), false},
	}
	for name, c := range cases {
		if bytes.HasSuffix(c.file, entry) != c.kept {
			t.Errorf("%s: kept is %v", name, !c.kept)
		}
		in := inspect(t, c.file)
		if !in.Signatures[0].Intact || !*in.Signatures[0].DigestFits || in.PE.ChecksumComputed != in.PE.ChecksumHeader {
			t.Errorf("%s: %v", name, in)
		}
	}
	// osslsigncode 2.9 calls a table of two entries corrupted; Windows reads the first.
	t.Run("Microsoft", func(t *testing.T) {
		rig := formatstest.NewRig(t)
		for name, c := range cases {
			if v := rig.Verify(writeTemp(t, c.file))[0]; !v.OK() {
				t.Errorf("%s: %v", name, v)
			}
		}
	})
}
