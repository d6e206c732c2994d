package authenticode_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestSealAsSigntool: the seal that we put on signtool's signature is signtool's, but
// for the order of its octets.
func TestSealAsSigntool(t *testing.T) {
	if testing.Short() {
		t.Skip("signs with signtool")
	}
	rig := formatstest.NewRig(t)
	v := newVfiles(t)
	sign := func(how string) []byte {
		t.Helper()
		path := writeTemp(t, v.read(v.exe))
		if out, err := rig.Signtool("sign", "/f", v.pki.Leaf.LegacyPFXFile(t, "test"), "/p", "test", "/fd", "sha256", how, "/nosealwarn", path); err != nil {
			t.Fatalf("signtool sign %s: %v\n%s", how, err, out)
		}
		return readFile(t, path)
	}
	ours := v.sealed(sign("/itos"), v.pki.Leaf)
	theirs := sign("/seal")
	if got := rig.Verify(writeTemp(t, theirs))[0]; got.OK() || verifyBytes(t, theirs, authenticode.VerifyOptions{Roots: v.roots()}).Windows.Trusted() {
		t.Errorf("signtool writes seals made with CryptoAPI backwards and wintrust refuses them; now it says %v", got)
	}
	value := v.pki.Leaf.Certificate.PublicKey.(interface{ Size() int }).Size()
	p7 := trimPadding(v.blob(theirs))
	slices.Reverse(p7[len(p7)-value:]) // the seal is the last unsigned attribute, and ends with its value
	if turned := v.withTable(theirs, peimage.CertificateTable(p7)); !bytes.Equal(turned, ours) {
		t.Error("our seal differs from signtool's")
	}
	ours = v.sealed(v.intending(v.pki.Leaf), v.pki.Leaf)
	sealed := writeTemp(t, ours)
	if out, err := rig.Signtool("verify", "/pa", "/v", "/sl", sealed); err != nil || !strings.Contains(out, "This signer seals the file") {
		t.Errorf("signtool verify /sl: %v\n%s", err, out)
	}
	if out, err := rig.Signtool("sign", "/f", v.pki.Second.LegacyPFXFile(t, "test"), "/p", "test", "/fd", "sha256", "/as", sealed); err == nil || !strings.Contains(out, "has a sealed signature") {
		t.Errorf("signtool appends to a sealed file: %v\n%s", err, out)
	}
	if !bytes.Equal(readFile(t, sealed), ours) {
		t.Error("signtool changed the sealed file")
	}
}

// TestOsslsigncodeOnSealed: a tool that knows no seals still reads the signature, and
// does not mind a broken seal.
func TestOsslsigncodeOnSealed(t *testing.T) {
	v := newVfiles(t)
	b := v.sealed(v.intending(v.pki.Leaf), v.pki.Leaf)
	broken := v.edit(b, func(sd *cms.SignedData) { sd.AddCertificate(v.pki.CrossRoot.Raw) })
	for name, file := range map[string][]byte{"sealed": b, "broken": broken} {
		if ok, out := formatstest.VerifyOssl(t, writeTemp(t, file), formatstest.PEMFile(t, v.pki.Root), formatstest.PEMFile(t, v.pki.TSARoot)); !ok {
			t.Errorf("%s: osslsigncode:\n%s", name, out)
		}
	}
	path := writeTemp(t, broken)
	t.Run("Microsoft, one signature", func(t *testing.T) {
		if got := formatstest.NewRig(t).VerifyIndex(path, 0); !got.OK() {
			t.Errorf("WSS_VERIFY_SPECIFIC on a broken seal: %v", got)
		}
	})
	if got := stripped(t, b, peimage.StripOptions{}); !bytes.Equal(got, v.read(v.exe)) {
		t.Error("stripping does not give back the program")
	}
	again := v.sealed(v.intending(v.pki.Leaf), v.pki.Leaf)
	if !bytes.Equal(b, again) {
		t.Error("sealing again gives other bytes")
	}
}

// TestSealedRefusesEdits: nothing that would break a seal is done.
func TestSealedRefusesEdits(t *testing.T) {
	v := newVfiles(t)
	b := v.sealed(v.intending(v.pki.Leaf), v.pki.Leaf)
	p7 := extract(t, b)
	plain := extract(t, signed(t, v.read(v.exe), authenticode.SignOptions{Signer: signer(v.pki.Second)}))
	stamp := token(t, stamper(t, time.Time{}), p7, 0)
	add := func(o authenticode.SignOptions) func() (authenticode.PKCS7, error) {
		return func() (authenticode.PKCS7, error) { _, out, err := sign(b, o); return out, err }
	}
	for name, do := range map[string]func() (authenticode.PKCS7, error){
		"token": func() (authenticode.PKCS7, error) { return authenticode.PKCS7(p7).SetToken(0, stamp) },
		"certificates": func() (authenticode.PKCS7, error) {
			return authenticode.PKCS7(p7).AddCertificates(0, []*x509.Certificate{v.pki.CrossRoot})
		},
		"tag":    func() (authenticode.PKCS7, error) { return authenticode.PKCS7(p7).AddTag(0, []byte("x")) },
		"append": func() (authenticode.PKCS7, error) { return authenticode.PKCS7(p7).Append(plain) },
		"remove": func() (authenticode.PKCS7, error) { return authenticode.PKCS7(p7).Remove(1) },
		"sign":   add(authenticode.SignOptions{Signer: signer(v.pki.Second), Existing: authenticode.ExistingAppend}),
		"seal": func() (authenticode.PKCS7, error) {
			return authenticode.PKCS7(p7).Seal(context.Background(), bytes.NewReader(b), int64(len(b)), signer(v.pki.Leaf))
		},
	} {
		if out, err := do(); !errors.Is(err, authenticode.ErrSealed) || len(out) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	skip, _, err := sign(b, authenticode.SignOptions{Signer: signer(v.pki.Leaf), Existing: authenticode.ExistingSkip})
	if err != nil || !skip.Skipped {
		t.Errorf("skipping a sealed file: %v", err)
	}
	bare, err := authenticode.PKCS7(p7).Unseal()
	if err != nil || !bytes.Equal(bare, extract(t, v.intending(v.pki.Leaf))) {
		t.Errorf("unsealing does not give back the signature: %v", err)
	}
	if _, err := authenticode.PKCS7(bare).Unseal(); err == nil || !strings.Contains(err.Error(), "not sealed") {
		t.Errorf("unsealing twice: %v", err)
	}
	if tagged, err := authenticode.PKCS7(bare).AddTag(0, []byte("x")); err != nil || len(tagged) == 0 {
		t.Errorf("tagging what was unsealed: %v", err)
	}
}

// TestSealRefuses lists what cannot be sealed.
func TestSealRefuses(t *testing.T) {
	v := newVfiles(t)
	program := v.read(v.exe)
	plain := signed(t, program, authenticode.SignOptions{Signer: signer(v.pki.Leaf)})
	intending := v.intending(v.pki.Leaf)
	var ctx, cancel = context.WithCancel(context.Background())
	cancel()
	for name, c := range map[string]struct {
		ctx  context.Context
		file []byte
		by   *formatstest.Identity
		want string
	}{
		"unsigned":       {context.Background(), program, v.pki.Leaf, "not signed"},
		"no intent":      {context.Background(), plain, v.pki.Leaf, "without the intent"},
		"another signer": {context.Background(), intending, v.pki.Second, "its certificate has to seal"},
		"elliptic curve": {context.Background(), intending, v.pki.ECDSA, "RSA signatures"},
		"stamped":        {context.Background(), v.stampedAt(intending, time.Time{}), v.pki.Leaf, "1.3.6.1.4.1.311.3.3.1 RFC 3161 timestamp"},
		"nested": {context.Background(), v.edit(intending, func(sd *cms.SignedData) {
			sd.Signers[0].UnsignedAttrs.Add(cms.OIDNestedSignature, extract(t, plain))
		}), v.pki.Leaf, "SpcNestedSignature"},
		"long tag":    {context.Background(), tagged(t, intending, 0, strings.Repeat("x", 500)), v.pki.Leaf, "unauthenticated blob"},
		"two entries": {context.Background(), v.withTable(intending, append(peimage.CertificateTable(trimPadding(v.blob(intending))), entry("x")...)), v.pki.Leaf, "2 entries"},
		"cancelled":   {ctx, intending, v.pki.Leaf, "context canceled"},
	} {
		var out bytes.Buffer
		if _, err := authenticode.Seal(c.ctx, bytes.NewReader(c.file), int64(len(c.file)), &out, signer(c.by)); err == nil || !strings.Contains(err.Error(), c.want) || out.Len() > 0 {
			t.Errorf("%s: %v, want %q; %d bytes", name, err, c.want, out.Len())
		}
	}
	for name, c := range map[string]struct {
		file []byte
		o    authenticode.SignOptions
		want string
	}{
		"elliptic curve": {program, authenticode.SignOptions{Signer: signer(v.pki.ECDSA), IntentToSeal: true}, "RSA signatures"},
		"appending":      {plain, authenticode.SignOptions{Signer: signer(v.pki.Leaf), IntentToSeal: true, Existing: authenticode.ExistingAppend}, "first signature only"},
	} {
		if _, out, err := sign(c.file, c.o); err == nil || !strings.Contains(err.Error(), c.want) || len(out) > 0 {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := authenticode.SignList(context.Background(), []byte("\x30\x00"), authenticode.SignOptions{Signer: signer(v.pki.Leaf), IntentToSeal: true}); err == nil {
		t.Error("a catalog is signed with the intent to seal")
	}
	if _, err := authenticode.PKCS7(extract(t, plain)).Append(extract(t, intending)); err == nil || !strings.Contains(err.Error(), "first signature only") {
		t.Errorf("nesting a signature with the intent: %v", err)
	}
}

// TestAttachChecksTheSeal: a sealed blob fits one file only, and its own place in it.
func TestAttachChecksTheSeal(t *testing.T) {
	v := newVfiles(t)
	program := v.read(v.exe)
	b := v.sealed(v.intending(v.pki.Leaf), v.pki.Leaf)
	attach := func(p7 authenticode.PKCS7) (authenticode.PKCS7, error) {
		var out bytes.Buffer
		_, err := authenticode.Attach(context.Background(), bytes.NewReader(program), int64(len(program)), &out, p7, authenticode.ExistingRefuse)
		return out.Bytes(), err
	}
	if got, err := attach(extract(t, b)); err != nil || !bytes.Equal(got, b) {
		t.Errorf("attaching a sealed signature: %v", err)
	}
	bad := v.edit(b, func(sd *cms.SignedData) { sd.AddCertificate(v.pki.CrossRoot.Raw) })
	if _, err := attach(extract(t, bad)); err == nil || !strings.Contains(err.Error(), "not as it was sealed") {
		t.Errorf("attaching a broken seal: %v", err)
	}
	for name, p7 := range map[string][]byte{"sealed": extract(t, b), "intending": extract(t, v.intending(v.pki.Leaf))} {
		r, err := authenticode.PKCS7(p7).Verify(context.Background(), cms.OIDSpcIndirectData, authenticode.VerifyOptions{Roots: v.roots(), Allow: []authenticode.Check{authenticode.CheckNoTimestamp}})
		if err != nil || r.Trusted || !strings.Contains(r.String(), "strict: seal: there is no file") {
			t.Errorf("%s, without the file: %v\n%v", name, err, r)
		}
	}
}

func TestInspectAndReportShowSeals(t *testing.T) {
	v := newVfiles(t)
	b := v.sealed(v.intending(v.pki.Leaf), v.pki.Leaf)
	in := inspect(t, b).String()
	for _, want := range []string{"1.3.6.1.4.1.311.2.4.2 SpcIntentToSeal", "1.3.6.1.4.1.311.2.4.3 SpcSealingSignature"} {
		if !strings.Contains(in, want) {
			t.Errorf("inspect shows no %s:\n%s", want, in)
		}
	}
	o := authenticode.VerifyOptions{Roots: v.roots(), Allow: []authenticode.Check{authenticode.CheckNoTimestamp}}
	r := verifyBytes(t, b, o)
	json, err := r.JSON()
	if err != nil || !r.Trusted || !strings.Contains(r.String(), "seal:        holds") || !bytes.Contains(json, []byte(`"holds": true`)) {
		t.Errorf("%v: %v\n%s", err, r, json)
	}
	if r := verifyBytes(t, v.intending(v.pki.Leaf), o); !strings.Contains(r.String(), "seal:        intended, and missing") {
		t.Errorf("%v", r)
	}
}

// TestSkipWantsTheSealToHold: what Windows refuses is not signed already.
func TestSkipWantsTheSealToHold(t *testing.T) {
	v := newVfiles(t)
	intending := v.intending(v.pki.Leaf)
	sealed := v.sealed(intending, v.pki.Leaf)
	further := []byte{13, 0, 0, 0, 0, 1, 1, 0, 'h', 'e', 'l', 'l', 'o', 0, 0, 0} // a WIN_CERTIFICATE that the seal does not know
	for name, c := range map[string]struct {
		file []byte
		o    authenticode.SignOptions
		skip bool
	}{
		"sealed":         {sealed, authenticode.SignOptions{}, true},
		"broken":         {v.withTable(sealed, append(peimage.CertificateTable(trimPadding(v.blob(sealed))), further...)), authenticode.SignOptions{}, false},
		"not sealed":     {intending, authenticode.SignOptions{}, false},
		"not sealed yet": {intending, authenticode.SignOptions{IntentToSeal: true}, true},
	} {
		c.o.Signer, c.o.Existing = signer(v.pki.Leaf), authenticode.ExistingSkip
		if r, _, err := sign(c.file, c.o); err != nil || r.Skipped != c.skip {
			t.Errorf("%s: skipped is not %v, error %v", name, c.skip, err)
		}
	}
}
