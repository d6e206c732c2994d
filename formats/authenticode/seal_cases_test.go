package authenticode_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// intending signs the test program with the intent to seal.
func (v *vfiles) intending(id *formatstest.Identity) []byte {
	return signed(v.t, v.read(v.exe), authenticode.SignOptions{Signer: signer(id), IntentToSeal: true})
}

// sealed seals a file.
func (v *vfiles) sealed(b []byte, id *formatstest.Identity) []byte {
	v.t.Helper()
	return sealedBy(v.t, b, id)
}

func sealedBy(t testing.TB, b []byte, id *formatstest.Identity) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := authenticode.Seal(context.Background(), bytes.NewReader(b), int64(len(b)), &out, signer(id)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// sealedFile is the test program, signed and sealed.
func sealedFile(t testing.TB, id *formatstest.Identity) []byte {
	t.Helper()
	return sealedBy(t, signed(t, readFile(t, formatstest.GoProgram(t, "amd64")), authenticode.SignOptions{Signer: signer(id), IntentToSeal: true}), id)
}

// sealedByHand seals b as it stands, with the seal as the last unsigned attribute,
// where the rig's CryptMsgControl puts it, and further entries behind it. It shares no
// code with Seal: SHA-256 of the certificate table's entry in the data directory and of
// the table, the value zeros.
func (v *vfiles) sealedByHand(b []byte, id *formatstest.Identity, further []byte) []byte {
	v.t.Helper()
	key := id.Key.(*rsa.PrivateKey)
	attr := append([]byte("\x30\x82\x00\x00\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x04\x03\x31\x82\x00\x00\x30\x82\x00\x00\x02\x01\x00\x02\x01\x00"+
		"\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x82\x00\x00"), make([]byte, key.Size())...)
	for _, at := range []int{2, 18, 22, 47} { // lengths: all that follows
		n := len(attr) - at - 2
		attr[at], attr[at+1] = byte(n>>8), byte(n)
	}
	b = v.edit(b, func(sd *cms.SignedData) { sd.Signers[0].UnsignedAttrs.Set(cms.OIDSealingSignature, attr[20:]) })
	p7 := trimPadding(v.blob(b))
	at := bytes.Index(p7, attr)
	// The unsigned attributes are what the blob ends with.
	p7 = append(append(append([]byte(nil), p7[:at]...), p7[at+len(attr):]...), attr...)
	b = v.withTable(b, append(peimage.CertificateTable(p7), further...))
	im := v.layout(b)
	h := sha256.New()
	h.Write(b[im.SecurityDirOffset:][:8])
	h.Write(b[im.CertTable.Offset:])
	value, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, h.Sum(nil))
	if err != nil {
		v.t.Fatal(err)
	}
	copy(p7[len(p7)-key.Size():], value)
	return v.withTable(b, append(peimage.CertificateTable(p7), further...))
}

// entry is a table entry of an unknown type.
func entry(text string) []byte {
	e := peimage.CertificateTable([]byte(text))
	e[6] = 9
	return e
}

// stampedAt gives the first signature a timestamp.
func (v *vfiles) stampedAt(b []byte, at time.Time) []byte {
	return update(v.t, b, func(p7 authenticode.PKCS7) (authenticode.PKCS7, error) {
		return p7.SetToken(0, token(v.t, stamper(v.t, at), p7, 0))
	})
}

// sealCases are files with an intent to seal, or a seal. The rig cannot sort unsigned
// attributes, so that there a seal holds only where it comes last.
func sealCases() []vcase {
	broken := []authenticode.Check{authenticode.CheckSeal}
	bad := authenticode.VerdictNoSignature
	attrs := func(change func(v *vfiles, a *cms.Attributes)) func(*vfiles) []byte {
		return func(v *vfiles) []byte {
			return v.edit(v.sealed(v.intending(v.pki.Leaf), v.pki.Leaf), func(sd *cms.SignedData) { change(v, &sd.Signers[0].UnsignedAttrs) })
		}
	}
	foreignSeal := func(v *vfiles) []byte {
		sd, err := cms.Parse(v.blob(v.sealed(v.intending(v.pki.Second), v.pki.Second)))
		if err != nil {
			v.t.Fatal(err)
		}
		a, _ := sd.Signers[0].UnsignedAttr(cms.OIDSealingSignature)
		return a.Values[0]
	}
	return []vcase{
		{name: "sealed", make: func(v *vfiles) []byte { return v.sealed(v.intending(v.pki.Leaf), v.pki.Leaf) }},
		{name: "sealed, RSA-2048", make: func(v *vfiles) []byte { return v.sealed(v.intending(v.pki.Weak), v.pki.Weak) }},
		{name: "sealed, SHA-384", make: func(v *vfiles) []byte {
			s := signer(v.pki.Leaf)
			s.Hash = crypto.SHA384
			b := signed(v.t, v.read(v.exe), authenticode.SignOptions{Signer: s, IntentToSeal: true})
			var out bytes.Buffer
			if _, err := authenticode.Seal(context.Background(), bytes.NewReader(b), int64(len(b)), &out, s); err != nil {
				v.t.Fatal(err)
			}
			return out.Bytes()
		}},
		{name: "sealed with a tag inside", make: func(v *vfiles) []byte { return v.sealed(tagged(v.t, v.intending(v.pki.Leaf), 0, "tag"), v.pki.Leaf) }},
		{name: "sealed with page hashes and a further certificate", make: func(v *vfiles) []byte {
			s := signer(v.pki.Leaf)
			s.Extra = []*x509.Certificate{v.pki.CrossRoot}
			return v.sealed(signed(v.t, v.read(v.exe), authenticode.SignOptions{Signer: s, IntentToSeal: true, PageHashes: true}), v.pki.Leaf)
		}},
		{name: "sealed by hand", make: func(v *vfiles) []byte { return v.sealedByHand(v.intending(v.pki.Leaf), v.pki.Leaf, nil) }},
		{name: "sealed by hand with an entry behind it", make: func(v *vfiles) []byte {
			return v.sealedByHand(v.intending(v.pki.Leaf), v.pki.Leaf, entry("something else"))
		}, finds: []authenticode.Check{authenticode.CheckTable}},
		{name: "sealed by hand, entry behind it changed", make: func(v *vfiles) []byte {
			b := v.sealedByHand(v.intending(v.pki.Leaf), v.pki.Leaf, entry("something else"))
			return v.withTable(b, append(peimage.CertificateTable(trimPadding(v.blob(b))), entry("something evil")...))
		}, windows: bad, finds: []authenticode.Check{authenticode.CheckTable, authenticode.CheckSeal}},
		{name: "sealed, wrong checksum", make: func(v *vfiles) []byte {
			b := v.sealed(v.intending(v.pki.Leaf), v.pki.Leaf)
			return flip(b, int(v.layout(b).ChecksumOffset))
		}, finds: []authenticode.Check{authenticode.CheckChecksum}},
		{name: "sealed, byte of the code", make: func(v *vfiles) []byte {
			b := v.sealed(v.intending(v.pki.Leaf), v.pki.Leaf)
			return flip(b, sections(v.layout(b)))
		}, windows: authenticode.VerdictBadDigest, finds: []authenticode.Check{authenticode.CheckChecksum, authenticode.CheckDigest}},
		{name: "intent to seal", make: func(v *vfiles) []byte { return v.intending(v.pki.Leaf) }, windows: bad, finds: broken},
		{name: "intent to seal, stamped", make: func(v *vfiles) []byte { return v.stampedAt(v.intending(v.pki.Leaf), time.Time{}) }, windows: bad, finds: broken},
		{name: "intent to seal, byte of the code", make: func(v *vfiles) []byte {
			b := v.intending(v.pki.Leaf)
			return flip(b, sections(v.layout(b)))
		}, windows: authenticode.VerdictBadDigest, finds: []authenticode.Check{authenticode.CheckChecksum, authenticode.CheckDigest, authenticode.CheckSeal}},
		{name: "intent to seal, expired", make: func(v *vfiles) []byte { return v.intending(v.pki.Expired) }, windows: authenticode.VerdictExpired,
			finds: []authenticode.Check{authenticode.CheckChain, authenticode.CheckSeal}},
		{name: "intent to seal, wrong usage", make: func(v *vfiles) []byte { return v.intending(v.pki.WrongEKU) }, windows: authenticode.VerdictWrongUsage,
			finds: []authenticode.Check{authenticode.CheckUsage, authenticode.CheckSeal}},
		{name: "intent to seal, root not trusted", make: func(v *vfiles) []byte { return v.intending(withRoot(v.pki.NotTrusted)) }, windows: bad,
			finds: []authenticode.Check{authenticode.CheckSeal, authenticode.CheckChain}},
		{name: "seal of another signature", make: func(v *vfiles) []byte {
			seal := foreignSeal(v)
			return v.edit(v.intending(v.pki.Leaf), func(sd *cms.SignedData) { sd.Signers[0].UnsignedAttrs.Set(cms.OIDSealingSignature, seal) })
		}, windows: bad, finds: broken},
		{name: "seal of another signature, no intent", make: func(v *vfiles) []byte {
			seal := foreignSeal(v)
			return v.edit(v.good(), func(sd *cms.SignedData) { sd.Signers[0].UnsignedAttrs.Set(cms.OIDSealingSignature, seal) })
		}, finds: broken},
		{name: "seal that cannot be read", make: func(v *vfiles) []byte {
			return v.edit(v.intending(v.pki.Leaf), func(sd *cms.SignedData) { sd.Signers[0].UnsignedAttrs.Set(cms.OIDSealingSignature, []byte("\x30\x00")) })
		}, windows: bad, finds: broken},
		{name: "more in the seal", make: attrs(func(_ *vfiles, a *cms.Attributes) {
			at, _ := a.Get(cms.OIDSealingSignature)
			v := append(bytes.Clone(at.Values[0]), 5, 0) // NULL
			n := len(v) - 4
			v[2], v[3] = byte(n>>8), byte(n)
			a.Set(cms.OIDSealingSignature, v)
		}), windows: bad, finds: broken},
		{name: "byte of the seal", make: attrs(func(_ *vfiles, a *cms.Attributes) {
			at, _ := a.Get(cms.OIDSealingSignature)
			a.Set(cms.OIDSealingSignature, flip(at.Values[0], len(at.Values[0])-1))
		}), windows: bad, finds: broken},
		{name: "sealed, then tagged", make: attrs(func(_ *vfiles, a *cms.Attributes) { a.Add(cms.OIDUnauthenticatedBlob, []byte("\x0c\x03tag")) }),
			windows: bad, finds: broken},
		{name: "sealed, then stamped", make: attrs(func(v *vfiles, a *cms.Attributes) {
			a.Add(cms.OIDRFC3161Token, token(v.t, stamper(v.t, time.Time{}), trimPadding(v.blob(v.intending(v.pki.Leaf))), 0))
		}), windows: bad, finds: broken},
		{name: "sealed, then appended to", make: attrs(func(v *vfiles, a *cms.Attributes) {
			a.Add(cms.OIDNestedSignature, trimPadding(v.blob(v.read(v.sign(v.pki.Second)))))
		}), windows: bad, finds: broken},
		{name: "sealed, then another certificate", make: func(v *vfiles) []byte {
			return v.edit(v.sealed(v.intending(v.pki.Leaf), v.pki.Leaf), func(sd *cms.SignedData) { sd.AddCertificate(v.pki.CrossRoot.Raw) })
		}, windows: bad, finds: broken},
		{name: "sealed, then padded", make: func(v *vfiles) []byte {
			b := v.sealed(v.intending(v.pki.Leaf), v.pki.Leaf)
			return v.withTable(b, peimage.CertificateTable(append(trimPadding(v.blob(b)), make([]byte, 64)...)))
		}, windows: bad, finds: []authenticode.Check{authenticode.CheckPadding, authenticode.CheckSeal}, norig: "the message decoder there keeps what follows the PKCS#7"},
		{name: "sealed, then another certificate, expired", make: func(v *vfiles) []byte {
			return v.edit(v.sealed(v.intending(v.pki.Expired), v.pki.Expired), func(sd *cms.SignedData) { sd.AddCertificate(v.pki.CrossRoot.Raw) })
		}, windows: bad, finds: []authenticode.Check{authenticode.CheckSeal, authenticode.CheckChain}},
		{name: "signature value wrong, then sealed", make: func(v *vfiles) []byte {
			return v.sealedByHand(v.edit(v.intending(v.pki.Leaf), func(sd *cms.SignedData) { sd.Signers[0].Signature[9] ^= 1 }), v.pki.Leaf, nil)
		}, finds: []authenticode.Check{authenticode.CheckSignature}},
		{name: "sealed, with a timestamp of the seal", make: attrs(func(_ *vfiles, a *cms.Attributes) { a.Set(cms.OIDSealingTimestamp, []byte("\x30\x00")) }),
			finds: broken, norig: "there is no decoder for it there"},
		{name: "sealed, then an entry behind it", make: func(v *vfiles) []byte {
			b := v.sealed(v.intending(v.pki.Leaf), v.pki.Leaf)
			return v.withTable(b, append(peimage.CertificateTable(trimPadding(v.blob(b))), entry("x")...))
		}, windows: bad, finds: []authenticode.Check{authenticode.CheckTable, authenticode.CheckSeal}},
		{name: "intent to seal in a nested signature", make: func(v *vfiles) []byte {
			nested := trimPadding(v.blob(v.intending(v.pki.Second)))
			return v.edit(v.good(), func(sd *cms.SignedData) { sd.Signers[0].UnsignedAttrs.Add(cms.OIDNestedSignature, nested) })
		}, finds: broken},
		{name: "sealed, expired", make: func(v *vfiles) []byte { return v.sealed(v.intending(v.pki.Expired), v.pki.Expired) },
			windows: authenticode.VerdictExpired, finds: []authenticode.Check{authenticode.CheckChain}},
		// The seal is not where DER puts it, so that we do not take it.
		{name: "stamped, then sealed", make: func(v *vfiles) []byte {
			return v.sealedByHand(v.stampedAt(v.intending(v.pki.Leaf), time.Time{}), v.pki.Leaf, nil)
		}, finds: broken},
		{name: "stamped, then sealed, expired: the stamp does not count", make: func(v *vfiles) []byte {
			at := v.pki.Expired.Certificate.NotBefore.Add(time.Hour)
			return v.sealedByHand(v.stampedAt(v.intending(v.pki.Expired), at), v.pki.Expired, nil)
		}, windows: authenticode.VerdictExpired, finds: []authenticode.Check{authenticode.CheckSeal, authenticode.CheckChain}},
		{name: "appended to, then sealed", make: func(v *vfiles) []byte {
			nested := trimPadding(v.blob(v.read(v.sign(v.pki.Second))))
			b := v.edit(v.intending(v.pki.Leaf), func(sd *cms.SignedData) { sd.Signers[0].UnsignedAttrs.Add(cms.OIDNestedSignature, nested) })
			return v.sealedByHand(b, v.pki.Leaf, nil)
		}, finds: broken},
	}
}
