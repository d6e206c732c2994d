package authenticode_test

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"slices"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// vcase is a file, what Windows answers about it, and what we find beyond that.
type vcase struct {
	name    string
	make    func(v *vfiles) []byte
	windows authenticode.Verdict
	// finds lists checks of severity error or strict, in order, without repetitions;
	// CheckNoTimestamp is left out.
	finds []authenticode.Check
	opts  authenticode.VerifyOptions // besides the roots
	norig string                     // why Microsoft's verifier in the rig is not asked, or answers otherwise
}

func sections(im *peimage.Image) int { return int(im.Sections[0].PointerToRawData) }

// vcases is the verifier's table of files: each kind of signature that must be good,
// and each way of damaging one.
func vcases() []vcase {
	return slices.Concat(goodCases(), tamperedCases(), certificateCases(), timestampCases(), sealCases())
}

func goodCases() []vcase {
	signed := func(goarch string, args ...string) func(*vfiles) []byte {
		return func(v *vfiles) []byte {
			return v.read(formatstest.SignOssl(v.t, v.pki.Leaf, formatstest.GoProgram(v.t, goarch), args...))
		}
	}
	return []vcase{
		{name: "amd64", make: (*vfiles).good},
		{name: "386", make: signed("386")},
		{name: "arm64", make: signed("arm64")},
		{name: "sha384", make: signed("amd64", "-h", "sha384")},
		{name: "sha512", make: signed("amd64", "-h", "sha512")},
		{name: "sha1", make: signed("amd64", "-h", "sha1"), finds: []authenticode.Check{authenticode.CheckAlgorithms}},
		{name: "page hashes", make: signed("amd64", "-ph")},
		{name: "described", make: signed("amd64", "-n", "Beacon", "-i", "https://example.org/")},
		{name: "stamped", make: (*vfiles).stampedFile},
		{name: "two nested", make: func(v *vfiles) []byte {
			one := formatstest.SignOssl(v.t, v.pki.Leaf, v.exe)
			two := formatstest.SignOssl(v.t, v.pki.Second, one, "-nest")
			return v.read(formatstest.SignOssl(v.t, v.pki.Leaf, two, append(v.stamp(v.pki.TSA, time.Time{}), "-h", "sha384", "-nest")...))
		}},
		{name: "no usage in the certificate", make: func(v *vfiles) []byte { return v.read(v.sign(v.pki.NoEKU)) }},
		{name: "ecdsa", make: func(v *vfiles) []byte { return v.read(v.sign(v.pki.ECDSA)) }, norig: "wine 8 cannot check ECDSA"},
		{name: "hash only, expired", make: func(v *vfiles) []byte { return v.read(v.sign(v.pki.Expired)) },
			opts: authenticode.VerifyOptions{HashOnly: true}, norig: "asked separately"},
		{name: "hash only, unknown root", make: func(v *vfiles) []byte { return v.read(v.sign(withRoot(v.pki.NotTrusted))) },
			opts: authenticode.VerifyOptions{HashOnly: true}, norig: "asked separately"},
	}
}

func tamperedCases() []vcase {
	return []vcase{
		{name: "unsigned", make: func(v *vfiles) []byte { return v.read(v.exe) }, windows: authenticode.VerdictNoSignature,
			finds: []authenticode.Check{authenticode.CheckSignature}},
		{name: "wrong checksum", make: func(v *vfiles) []byte { b := v.good(); return flip(b, int(v.layout(b).ChecksumOffset)) },
			finds: []authenticode.Check{authenticode.CheckChecksum}},
		{name: "byte of the code", make: func(v *vfiles) []byte { b := v.good(); return flip(b, sections(v.layout(b))) }, windows: authenticode.VerdictBadDigest,
			finds: []authenticode.Check{authenticode.CheckChecksum, authenticode.CheckDigest}},
		{name: "last byte before the table", make: func(v *vfiles) []byte { b := v.good(); return flip(b, int(v.layout(b).CertTable.Offset)-1) }, windows: authenticode.VerdictBadDigest,
			finds: []authenticode.Check{authenticode.CheckChecksum, authenticode.CheckDigest}},
		{name: "byte of the code, digest replaced", make: (*vfiles).forged, windows: authenticode.VerdictNoSignature,
			finds: []authenticode.Check{authenticode.CheckChecksum, authenticode.CheckSignature}},
		{name: "digest replaced by nonsense", make: func(v *vfiles) []byte {
			b := v.good()
			copy(b[bytes.LastIndex(b, v.authentihash(b)):], "nonsense")
			return b
		}, windows: authenticode.VerdictBadDigest, finds: []authenticode.Check{authenticode.CheckChecksum, authenticode.CheckDigest, authenticode.CheckSignature}},
		{name: "bytes after the table", make: func(v *vfiles) []byte { return append(v.good(), "12345678"...) }, windows: authenticode.VerdictNoSignature,
			finds: []authenticode.Check{authenticode.CheckTrailingData, authenticode.CheckChecksum, authenticode.CheckDigest}},
		{name: "seven bytes after the table", make: func(v *vfiles) []byte { return append(v.good(), make([]byte, 7)...) }, windows: authenticode.VerdictNoSignature,
			finds: []authenticode.Check{authenticode.CheckTrailingData, authenticode.CheckChecksum, authenticode.CheckDigest}},
		{name: "one byte after the table", make: func(v *vfiles) []byte { return append(v.good(), 0) }, windows: authenticode.VerdictNoSignature,
			finds: []authenticode.Check{authenticode.CheckTrailingData, authenticode.CheckChecksum, authenticode.CheckDigest}},
		{name: "table cut off", make: func(v *vfiles) []byte { b := v.good(); return b[:len(b)-64] }, windows: authenticode.VerdictNoSignature,
			finds: []authenticode.Check{authenticode.CheckTable, authenticode.CheckChecksum, authenticode.CheckSignature}},
		{name: "signature value", make: func(v *vfiles) []byte {
			return v.edit(v.good(), func(sd *cms.SignedData) { sd.Signers[0].Signature[9] ^= 1 })
		}, windows: authenticode.VerdictNoSignature, finds: []authenticode.Check{authenticode.CheckSignature}},
		{name: "no signer certificate", make: func(v *vfiles) []byte {
			return v.edit(v.good(), func(sd *cms.SignedData) { sd.Certificates = nil })
		}, windows: authenticode.VerdictNoSignerCert, finds: []authenticode.Check{authenticode.CheckSignature}},
		{name: "four bytes of the PKCS#7 zeroed", make: func(v *vfiles) []byte {
			b := v.good()
			copy(b[v.layout(b).CertTable.Offset+8:], []byte{0, 0, 0, 0})
			return b
		}, windows: authenticode.VerdictNoSignature, finds: []authenticode.Check{authenticode.CheckChecksum, authenticode.CheckSignature},
			norig: "the decoder there is wine's, with a code of its own (0x8009200d)"},
		{name: "data smuggled into the padding", make: func(v *vfiles) []byte {
			b := v.good()
			return v.withTable(b, peimage.CertificateTable(append(v.blob(b), "smuggled in by nobody"...)))
		}, finds: []authenticode.Check{authenticode.CheckPadding}},
		{name: "too much padding", make: func(v *vfiles) []byte {
			b := v.good()
			return v.withTable(b, peimage.CertificateTable(append(v.blob(b), make([]byte, 64)...)))
		}, finds: []authenticode.Check{authenticode.CheckPadding}},
		{name: "two entries", make: func(v *vfiles) []byte {
			b := v.good()
			return v.withTable(b, peimage.CertificateTable(v.blob(b), v.blob(v.read(v.sign(v.pki.Second)))))
		}},
		{name: "second entry of another file", make: func(v *vfiles) []byte {
			b := v.good()
			return v.withTable(b, peimage.CertificateTable(v.blob(b), v.blob(v.otherFile())))
		}, finds: []authenticode.Check{authenticode.CheckDigest}},
		{name: "entry of an unknown type", make: func(v *vfiles) []byte {
			b := v.good()
			table := peimage.CertificateTable(v.blob(b))
			binary.LittleEndian.PutUint16(table[6:], 0x0ef1)
			return v.withTable(b, table)
		}, windows: authenticode.VerdictBadMessage, finds: []authenticode.Check{authenticode.CheckTable, authenticode.CheckSignature}},
		{name: "nested one of another file", make: func(v *vfiles) []byte {
			nested := v.blob(v.otherFile())
			return v.edit(v.good(), func(sd *cms.SignedData) { sd.Signers[0].UnsignedAttrs.Add(cms.OIDNestedSignature, trimPadding(nested)) })
		}, finds: []authenticode.Check{authenticode.CheckDigest}},
		{name: "not a PE file", make: func(*vfiles) []byte { return []byte("#!/bin/sh\necho hello\n") }, windows: authenticode.VerdictFormUnknown,
			finds: []authenticode.Check{authenticode.CheckFormat}},
		{name: "cut off in the headers", make: func(v *vfiles) []byte { return v.good()[:0x90] }, windows: authenticode.VerdictNoSignature,
			finds: []authenticode.Check{authenticode.CheckFormat}},
		{name: "empty", make: func(*vfiles) []byte { return nil }, windows: authenticode.VerdictFormUnknown,
			finds: []authenticode.Check{authenticode.CheckFormat}},
	}
}

// trimPadding takes the table's padding off a DER value.
func trimPadding(p7 []byte) []byte {
	sd, err := cms.Parse(p7)
	if err != nil {
		return p7
	}
	return p7[:len(p7)-sd.Trailing]
}

// forged changes the code and replaces the digest that was signed.
func (v *vfiles) forged() []byte {
	b := v.good()
	before := v.authentihash(b)
	f := flip(b, sections(v.layout(b)))
	at := bytes.Index(f[v.layout(b).CertTable.Offset:], before)
	if at < 0 {
		v.t.Fatal("the digest is not in the signature")
	}
	copy(f[int(v.layout(b).CertTable.Offset)+at:], v.authentihash(f))
	return f
}

func certificateCases() []vcase {
	by := func(pick func(*formatstest.PKI) *formatstest.Identity, args ...string) func(*vfiles) []byte {
		return func(v *vfiles) []byte { return v.read(v.sign(pick(v.pki), args...)) }
	}
	stampedAt := func(pick func(*formatstest.PKI) *formatstest.Identity, at func() time.Time) func(*vfiles) []byte {
		return func(v *vfiles) []byte { return v.read(v.sign(pick(v.pki), v.stamp(v.pki.TSA, at())...)) }
	}
	inLife := func() time.Time { return time.Now().AddDate(-1, -6, 0) }
	return []vcase{
		{name: "root not trusted", make: by(func(p *formatstest.PKI) *formatstest.Identity { return withRoot(p.NotTrusted) }),
			windows: authenticode.VerdictUntrustedRoot, finds: []authenticode.Check{authenticode.CheckChain}},
		{name: "intermediate missing", make: by(func(p *formatstest.PKI) *formatstest.Identity { c := *p.Leaf; c.Chain = nil; return &c }),
			windows: authenticode.VerdictChaining, finds: []authenticode.Check{authenticode.CheckChain}, norig: "wine takes a chain that ends early"},
		{name: "self-signed", make: by(func(p *formatstest.PKI) *formatstest.Identity { return p.SelfSigned }),
			windows: authenticode.VerdictUntrustedRoot, finds: []authenticode.Check{authenticode.CheckChain}},
		{name: "expired", make: by(func(p *formatstest.PKI) *formatstest.Identity { return p.Expired }),
			windows: authenticode.VerdictExpired, finds: []authenticode.Check{authenticode.CheckChain}},
		{name: "not yet valid", make: by(func(p *formatstest.PKI) *formatstest.Identity { return p.NotYet }),
			windows: authenticode.VerdictExpired, finds: []authenticode.Check{authenticode.CheckChain}},
		{name: "expired, stamped before", make: stampedAt(func(p *formatstest.PKI) *formatstest.Identity { return p.Expired }, inLife)},
		{name: "expired, stamped after expiry", make: stampedAt(func(p *formatstest.PKI) *formatstest.Identity { return p.Expired }, func() time.Time { return time.Time{} }),
			windows: authenticode.VerdictExpired, finds: []authenticode.Check{authenticode.CheckChain}},
		{name: "stamped before the certificate began", make: stampedAt(func(p *formatstest.PKI) *formatstest.Identity { return p.Leaf }, func() time.Time { return time.Now().AddDate(-4, 0, 0) }),
			windows: authenticode.VerdictExpired, finds: []authenticode.Check{authenticode.CheckChain}},
		{name: "TLS server certificate", make: by(func(p *formatstest.PKI) *formatstest.Identity { return p.WrongEKU }),
			windows: authenticode.VerdictWrongUsage, finds: []authenticode.Check{authenticode.CheckUsage}},
		{name: "publisher is a CA", make: func(v *vfiles) []byte {
			return v.read(v.sign(v.pki.Issue(v.t, "CA Publisher", func(c *x509.Certificate) { c.IsCA = true })))
		}, finds: []authenticode.Check{authenticode.CheckUsage}, norig: "the chain engine there, which is wine's, answers CERT_E_WRONG_USAGE"},
		{name: "key usage without signatures", make: func(v *vfiles) []byte {
			return v.read(v.sign(v.pki.Issue(v.t, "Encrypting Publisher", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })))
		}, finds: []authenticode.Check{authenticode.CheckUsage}},
		{name: "lifetime signing, valid", make: stampedAt(func(p *formatstest.PKI) *formatstest.Identity { return p.Lifetime }, func() time.Time { return time.Time{} })},
		{name: "lifetime signing, expired, stamped before", make: stampedAt(func(p *formatstest.PKI) *formatstest.Identity { return p.ExpiredLifetime }, inLife),
			windows: authenticode.VerdictExpired, finds: []authenticode.Check{authenticode.CheckChain}, norig: "chains there are wine's, which does not know the usage"},
		{name: "lifetime signing asked for", make: stampedAt(func(p *formatstest.PKI) *formatstest.Identity { return p.Expired }, inLife),
			opts: authenticode.VerifyOptions{LifetimeSigning: true}, norig: "asked separately",
			windows: authenticode.VerdictExpired, finds: []authenticode.Check{authenticode.CheckChain}},
	}
}

func timestampCases() []vcase {
	by := func(pick func(*formatstest.PKI) *formatstest.Identity) func(*vfiles) []byte {
		return func(v *vfiles) []byte {
			return v.edit(v.good(), func(sd *cms.SignedData) {
				sd.Signers[0].UnsignedAttrs.Set(cms.OIDRFC3161Token, v.token(pick(v.pki), sd.Signers[0].Signature, time.Now()))
			})
		}
	}
	stamp := []authenticode.Check{authenticode.CheckTimestamp}
	return []vcase{
		{name: "time server not trusted", make: by(func(p *formatstest.PKI) *formatstest.Identity { return withRoot(p.StrangerTSA) }),
			windows: authenticode.VerdictTimeStamp, finds: stamp},
		{name: "time server without critical usage", make: by(func(p *formatstest.PKI) *formatstest.Identity { return p.LaxTSA }),
			finds: []authenticode.Check{authenticode.CheckTSACritical}},
		{name: "time server with other usages", make: by(func(p *formatstest.PKI) *formatstest.Identity { return p.MixedTSA }),
			finds: []authenticode.Check{authenticode.CheckTSAUsage}},
		{name: "time server expired", make: by(func(p *formatstest.PKI) *formatstest.Identity { return p.ExpiredTSA }),
			windows: authenticode.VerdictTimeStamp, finds: stamp},
		{name: "timestamp of another signature", make: func(v *vfiles) []byte {
			other, err := cms.Parse(v.blob(v.stampedFile()))
			if err != nil {
				v.t.Fatal(err)
			}
			token, _ := other.Signers[0].UnsignedAttrs.Get(cms.OIDRFC3161Token)
			return v.edit(v.read(v.sign(v.pki.Second)), func(sd *cms.SignedData) { sd.Signers[0].UnsignedAttrs.Set(cms.OIDRFC3161Token, token.Values[0]) })
		}, windows: authenticode.VerdictHashValue, finds: stamp},
		{name: "timestamp signature broken", make: func(v *vfiles) []byte {
			return v.editToken(func(tok *cms.SignedData) { tok.Signers[0].Signature[7] ^= 1 })
		}, windows: authenticode.VerdictBadSignature, finds: stamp},
		{name: "timestamp that is none", make: func(v *vfiles) []byte {
			return v.edit(v.good(), func(sd *cms.SignedData) { sd.Signers[0].UnsignedAttrs.Set(cms.OIDRFC3161Token, []byte{0x30, 0}) })
		}, windows: authenticode.VerdictCorruptASN1, finds: stamp},
		{name: "untrusted publisher, time server not trusted", make: func(v *vfiles) []byte {
			b := v.read(v.sign(withRoot(v.pki.NotTrusted)))
			return v.edit(b, func(sd *cms.SignedData) {
				sd.Signers[0].UnsignedAttrs.Set(cms.OIDRFC3161Token, v.token(withRoot(v.pki.StrangerTSA), sd.Signers[0].Signature, time.Now()))
			})
		}, windows: authenticode.VerdictUntrustedRoot, finds: []authenticode.Check{authenticode.CheckChain, authenticode.CheckTimestamp}},
		{name: "untrusted publisher, timestamp of another signature", make: func(v *vfiles) []byte {
			return v.edit(v.read(v.sign(withRoot(v.pki.NotTrusted))), func(sd *cms.SignedData) {
				sd.Signers[0].UnsignedAttrs.Set(cms.OIDRFC3161Token, v.token(v.pki.TSA, []byte("something else"), time.Now()))
			})
		}, windows: authenticode.VerdictHashValue, finds: []authenticode.Check{authenticode.CheckTimestamp, authenticode.CheckChain}},
		{name: "expired, stamped before by an unknown time server", make: func(v *vfiles) []byte {
			return v.edit(v.read(v.sign(v.pki.Expired)), func(sd *cms.SignedData) {
				sd.Signers[0].UnsignedAttrs.Set(cms.OIDRFC3161Token, v.token(withRoot(v.pki.StrangerTSA), sd.Signers[0].Signature, time.Now().AddDate(-1, -6, 0)))
			})
		}, windows: authenticode.VerdictTimeStamp, finds: []authenticode.Check{authenticode.CheckTimestamp}},
		{name: "changed, and the certificate expired", make: func(v *vfiles) []byte {
			b := v.read(v.sign(v.pki.Expired))
			return flip(b, sections(v.layout(b)))
		}, windows: authenticode.VerdictBadDigest, finds: []authenticode.Check{authenticode.CheckChecksum, authenticode.CheckDigest, authenticode.CheckChain}},
		{name: "signature value wrong, and the root not trusted", make: func(v *vfiles) []byte {
			return v.edit(v.read(v.sign(withRoot(v.pki.NotTrusted))), func(sd *cms.SignedData) { sd.Signers[0].Signature[9] ^= 1 })
		}, windows: authenticode.VerdictNoSignature, finds: []authenticode.Check{authenticode.CheckSignature, authenticode.CheckChain}},
		{name: "changed, and the timestamp broken", make: func(v *vfiles) []byte {
			b := v.editToken(func(tok *cms.SignedData) { tok.Signers[0].Signature[7] ^= 1 })
			return flip(b, sections(v.layout(b)))
		}, windows: authenticode.VerdictBadDigest, finds: []authenticode.Check{authenticode.CheckChecksum, authenticode.CheckDigest, authenticode.CheckTimestamp}},
		{name: "two tokens, the second good", make: func(v *vfiles) []byte {
			return v.edit(v.good(), func(sd *cms.SignedData) {
				si := &sd.Signers[0]
				si.UnsignedAttrs.Set(cms.OIDRFC3161Token, v.token(v.pki.TSA, []byte("something else"), time.Now()), v.token(v.pki.TSA, si.Signature, time.Now()))
			})
		}, windows: authenticode.VerdictInvalidParameter, finds: stamp},
		{name: "countersignature that is none", make: func(v *vfiles) []byte {
			return v.edit(v.good(), func(sd *cms.SignedData) { sd.Signers[0].UnsignedAttrs.Set(cms.OIDCountersignature, []byte{0x30, 0}) })
		}, windows: authenticode.VerdictCounterSigner, finds: stamp},
		{name: "countersignature", make: func(v *vfiles) []byte { return v.countersigned(nil) }},
		{name: "countersignature of another signature", make: func(v *vfiles) []byte {
			return v.countersigned(func(signature []byte) { signature[5] ^= 1 })
		}, windows: authenticode.VerdictCounterSigner, finds: stamp},
		{name: "countersignature broken", make: func(v *vfiles) []byte {
			return v.edit(v.countersigned(nil), func(sd *cms.SignedData) {
				a, _ := sd.Signers[0].UnsignedAttrs.Get(cms.OIDCountersignature)
				spoiled := bytes.Clone(a.Values[0])
				spoiled[len(spoiled)-1] ^= 1
				sd.Signers[0].UnsignedAttrs.Set(cms.OIDCountersignature, spoiled)
			})
		}, windows: authenticode.VerdictCounterSigner, finds: stamp},
	}
}
