package authenticode_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func TestVerifyRequire(t *testing.T) {
	v := newVfiles(t)
	leaf, artifact := v.good(), v.read(v.sign(v.pki.Artifact))
	sum := sha256.Sum256(v.pki.Leaf.Certificate.Raw)
	subscriber := certchain.SubscriberEKU(v.pki.Artifact.Certificate)
	for name, c := range map[string]struct {
		file []byte
		q    authenticode.Require
		ok   bool
	}{
		"nothing":             {leaf, authenticode.Require{}, true},
		"OV":                  {leaf, authenticode.Require{Classes: []certchain.Class{certchain.ClassEV, certchain.ClassOV}}, true},
		"EV":                  {leaf, authenticode.Require{Classes: []certchain.Class{certchain.ClassEV}}, false},
		"EV, is EV":           {v.read(v.sign(v.pki.EV)), authenticode.Require{Classes: []certchain.Class{certchain.ClassEV}}, true},
		"subscriber":          {artifact, authenticode.Require{EKUs: []string{subscriber}}, true},
		"another subscriber":  {artifact, authenticode.Require{EKUs: []string{subscriber + "1"}}, false},
		"subscriber of none":  {leaf, authenticode.Require{EKUs: []string{subscriber}}, false},
		"publisher":           {leaf, authenticode.Require{Publishers: []string{"x", v.pki.Leaf.Certificate.Subject.CommonName}}, true},
		"publisher, spaces":   {leaf, authenticode.Require{Publishers: []string{" " + strings.ReplaceAll(strings.ToUpper(v.pki.Leaf.Certificate.Subject.CommonName), " ", "  ")}}, true},
		"publisher, subject":  {leaf, authenticode.Require{Publishers: []string{v.pki.Leaf.Certificate.Subject.String()}}, true},
		"part of a publisher": {leaf, authenticode.Require{Publishers: []string{v.pki.Leaf.Certificate.Subject.CommonName[:4]}}, false},
		"publisher, nothing":  {leaf, authenticode.Require{Publishers: []string{""}}, false},
		"thumbprint":          {leaf, authenticode.Require{Thumbprints: []string{strings.ToUpper(hex.EncodeToString(sum[:]))}}, true},
		"other thumbprint":    {leaf, authenticode.Require{Thumbprints: []string{strings.Repeat("0", 40)}}, false},
		"thumbprint, nothing": {leaf, authenticode.Require{Thumbprints: []string{""}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := authenticode.VerifyOptions{Roots: v.roots(), Require: c.q, Allow: []authenticode.Check{authenticode.CheckNoTimestamp, authenticode.CheckRequired}}
			r := verifyBytes(t, c.file, o)
			if r.Trusted != c.ok || !r.Windows.Trusted() {
				t.Errorf("trusted is %v, want %v\n%s", r.Trusted, c.ok, r)
			}
		})
	}
}

// TestRequireNeedsSigners: a policy on signers that nobody looks at must not look met.
func TestRequireNeedsSigners(t *testing.T) {
	v := newVfiles(t)
	b := v.good()
	_, err := authenticode.Verify(context.Background(), bytes.NewReader(b), int64(len(b)), authenticode.VerifyOptions{HashOnly: true,
		Require: authenticode.Require{Publishers: []string{"Somebody Else"}}})
	if err == nil {
		t.Error("HashOnly and Require went together")
	}
	if _, err := authenticode.ClassesNamed("gold"); err == nil {
		t.Error("there is a class gold")
	}
	for _, hashOnly := range []bool{true, false} {
		r := verifyBytes(t, b, authenticode.VerifyOptions{HashOnly: hashOnly, Roots: v.roots()})
		if strings.Contains(r.String(), "digests alone were compared") != hashOnly {
			t.Errorf("HashOnly %v does not show:\n%s", hashOnly, r)
		}
	}
}

// TestVerifyZeroValue: without any option nobody but the built-in roots is trusted, and
// a missing timestamp is refused.
func TestVerifyZeroValue(t *testing.T) {
	v := newVfiles(t)
	if r := verifyBytes(t, v.good(), authenticode.VerifyOptions{}); r.Trusted || r.Windows.Trusted() {
		t.Errorf("trusted by built-in roots:\n%s", r)
	}
	r := verifyBytes(t, v.good(), authenticode.VerifyOptions{Roots: v.roots()})
	if r.Trusted || !r.Windows.Trusted() {
		t.Errorf("no timestamp: trusted %v, Windows %v", r.Trusted, r.Windows)
	}
	if r := verifyBytes(t, v.good(), authenticode.VerifyOptions{Roots: v.roots(), Allow: authenticode.WindowsOnly()}); !r.Trusted {
		t.Errorf("allowed, but refused:\n%s", r)
	}
}

// TestReportRenders looks for what people and machines look for.
func TestReportRenders(t *testing.T) {
	v := newVfiles(t)
	r := verifyBytes(t, vcaseNamed("expired").file(v), authenticode.VerifyOptions{Roots: v.roots()})
	text := r.String()
	for _, want := range []string{"result:      refused: CERT_E_EXPIRED", "windows:     CERT_E_EXPIRED (0x800B0101)", "signature 0: refused", "Hallmark Test Expired Publisher", "no-timestamp", "hint: "} {
		if !strings.Contains(text, want) {
			t.Errorf("text lacks %q:\n%s", want, text)
		}
	}
	b, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var back authenticode.Report
	if err := json.Unmarshal(b, &back); err != nil || back.Windows != r.Windows || len(back.Signatures) != 1 {
		t.Errorf("JSON read back: %v %+v", err, back)
	}
	if again := back.String(); again != text {
		t.Errorf("text of the report read back differs:\n%s\n%s", text, again)
	}
}

func vcaseNamed(name string) vcase {
	for _, c := range vcases() {
		if c.name == name {
			return c
		}
	}
	panic("no case " + name)
}

// shelf is a set of catalogs with one catalog, which lists one digest.
type shelf struct {
	catalog, digest []byte
	err             error
}

func (s shelf) Hashes() []crypto.Hash { return []crypto.Hash{crypto.SHA256} }

func (s shelf) Digest(_ context.Context, r io.ReaderAt, size int64) (map[crypto.Hash][]byte, error) {
	h := sha256.New()
	_, err := io.Copy(h, io.NewSectionReader(r, 0, size))
	return map[crypto.Hash][]byte{crypto.SHA256: h.Sum(nil)}, err
}

func (s shelf) Find(_ context.Context, digests map[crypto.Hash][]byte) (authenticode.CatalogMatch, bool, error) {
	return authenticode.CatalogMatch{Name: "test.cat", PKCS7: s.catalog, Member: "member", Hash: crypto.SHA256}, bytes.Equal(digests[crypto.SHA256], s.digest), s.err
}

// TestVerifyCatalog: a file without signature is as good as the catalog that lists it.
func TestVerifyCatalog(t *testing.T) {
	v := newVfiles(t)
	exe := v.read(v.exe)
	script := []byte("Write-Host hello\n")
	flat := sha256.Sum256(script)
	list := func(id *formatstest.Identity) []byte {
		sd, err := cms.Sign(context.Background(), cms.ContentInfo{Type: cms.OIDCTL, DER: []byte{0x30, 0}},
			cms.Signer{Key: id.Key, Certificate: id.Certificate, Chain: id.Chain}, nil)
		if err != nil {
			t.Fatal(err)
		}
		der, err := sd.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	good := list(v.pki.Leaf)
	spoiled := bytes.Clone(good)
	spoiled[len(spoiled)-1] ^= 1
	for name, c := range map[string]struct {
		file    []byte
		shelf   shelf
		windows authenticode.Verdict
	}{
		"member":               {exe, shelf{catalog: good, digest: v.authentihash(exe)}, authenticode.VerdictTrusted},
		"script":               {script, shelf{catalog: good, digest: flat[:]}, authenticode.VerdictTrusted},
		"stranger":             {exe, shelf{catalog: good, digest: flat[:]}, authenticode.VerdictNoSignature},
		"catalog spoiled":      {exe, shelf{catalog: spoiled, digest: v.authentihash(exe)}, authenticode.VerdictNoSignature},
		"catalog expired":      {exe, shelf{catalog: list(v.pki.Expired), digest: v.authentihash(exe)}, authenticode.VerdictExpired},
		"no catalog":           {exe, shelf{catalog: v.blob(v.good()), digest: v.authentihash(exe)}, authenticode.VerdictNoSignature},
		"signed file is asked": {v.good(), shelf{err: errors.New("must not be asked")}, authenticode.VerdictTrusted},
	} {
		t.Run(name, func(t *testing.T) {
			o := authenticode.VerifyOptions{Roots: v.roots(), Catalogs: c.shelf, Allow: []authenticode.Check{authenticode.CheckNoTimestamp}}
			r := verifyBytes(t, c.file, o)
			if r.Windows != c.windows || r.Trusted != c.windows.Trusted() {
				t.Errorf("verdict is %v, trusted %v, want %v\n%s", r.Windows, r.Trusted, c.windows, r)
			}
		})
	}
	o := authenticode.VerifyOptions{Roots: v.roots(), Catalogs: shelf{err: errors.New("catalog folder is gone")}}
	if _, err := authenticode.Verify(context.Background(), bytes.NewReader(exe), int64(len(exe)), o); err == nil {
		t.Error("an error of the catalogs is lost")
	}
}

// TestVerifyBlob judges a signature without its file.
func TestVerifyBlob(t *testing.T) {
	v := newVfiles(t)
	o := authenticode.VerifyOptions{Roots: v.roots(), Allow: []authenticode.Check{authenticode.CheckNoTimestamp}}
	for name, c := range map[string]struct {
		blob []byte
		kind []int
		want authenticode.Verdict
	}{
		"signature":        {v.blob(v.good()), cms.OIDSpcIndirectData, authenticode.VerdictTrusted},
		"not a catalog":    {v.blob(v.good()), cms.OIDCTL, authenticode.VerdictNoSignature},
		"nonsense":         {[]byte("nonsense"), cms.OIDCTL, authenticode.VerdictNoSignature},
		"nothing":          {nil, cms.OIDCTL, authenticode.VerdictNoSignature},
		"expired signer":   {v.blob(vcaseNamed("expired").file(v)), cms.OIDSpcIndirectData, authenticode.VerdictExpired},
		"signature broken": {v.blob(vcaseNamed("signature value").file(v)), cms.OIDSpcIndirectData, authenticode.VerdictNoSignature},
	} {
		r, err := authenticode.PKCS7(c.blob).Verify(context.Background(), c.kind, o)
		if err != nil || r.Windows != c.want || r.Trusted != c.want.Trusted() {
			t.Errorf("%s: %v, verdict %v, want %v", name, err, r.Windows, c.want)
		}
	}
}

// brokenFile fails to be read after some bytes.
type brokenFile struct {
	io.ReaderAt
	from int64
}

func (b brokenFile) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > b.from {
		return 0, errors.New("the disk is gone")
	}
	return b.ReaderAt.ReadAt(p, off)
}

// TestVerifyFailsToRead: what could not be read is an error, never a verdict.
func TestVerifyFailsToRead(t *testing.T) {
	v := newVfiles(t)
	b := v.good()
	im := v.layout(b)
	for _, from := range []int64{0, 64, im.SecurityDirOffset, int64(sections(im)), im.CertTable.Offset - 1, im.CertTable.Offset + 20, int64(len(b)) - 1} {
		if r, err := authenticode.Verify(context.Background(), brokenFile{bytes.NewReader(b), from}, int64(len(b)), authenticode.VerifyOptions{}); err == nil {
			t.Errorf("reading fails from %d on, but the verdict is %v", from, r.Windows)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := authenticode.Verify(ctx, bytes.NewReader(b), int64(len(b)), authenticode.VerifyOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
}

// TestVerifyGap: bytes between the end of an entry and the next multiple of 8 are padding too.
func TestVerifyGap(t *testing.T) {
	v := newVfiles(t)
	b := v.good()
	im := v.layout(b)
	p7 := trimPadding(v.blob(b))
	table := make([]byte, (8+len(p7)+7)/8*8)
	copy(table, b[im.CertTable.Offset:im.CertTable.Offset+8])
	table[0], table[1] = byte(8+len(p7)), byte((8+len(p7))>>8)
	copy(table[8:], p7)
	if len(table) == 8+len(p7) {
		t.Skip("the signature has no padding this time")
	}
	o := authenticode.VerifyOptions{Roots: v.roots(), Allow: []authenticode.Check{authenticode.CheckNoTimestamp}}
	if r := verifyBytes(t, v.withTable(b, table), o); !r.Trusted {
		t.Errorf("padding outside dwLength is refused:\n%s", r)
	}
	table[len(table)-1] = 'x'
	if r := verifyBytes(t, v.withTable(b, table), o); r.Trusted || !slices.Contains(graveChecks(r), authenticode.CheckPadding) {
		t.Errorf("a byte in the padding is not found:\n%s", r)
	}
}
