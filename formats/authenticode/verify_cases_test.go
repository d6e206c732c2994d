package authenticode_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/formatstest"
	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/formats/rfc3161"
)

// vfiles makes the files that the verifier's tests judge. All are real programs signed by osslsigncode, some damaged afterwards.
type vfiles struct {
	t   *testing.T
	pki *formatstest.PKI
	exe string
}

func newVfiles(t *testing.T) *vfiles {
	t.Helper()
	formatstest.Tool(t, "osslsigncode")
	return &vfiles{t: t, pki: formatstest.NewPKI(t), exe: formatstest.GoProgram(t, "amd64")}
}

// roots trusts the test PKI, each root for its own purpose.
func (v *vfiles) roots() *authenticode.Roots {
	return &authenticode.Roots{CodeSigning: authenticode.NewPool(v.pki.Root), TimeStamping: authenticode.NewPool(v.pki.TSARoot)}
}

func (v *vfiles) sign(id *formatstest.Identity, args ...string) string {
	return formatstest.SignOssl(v.t, id, v.exe, args...)
}

// vcache keeps the files of the table: each is made once for all tests.
var vcache sync.Map

// once returns a copy of what make made the first time.
func once(name string, make func() []byte) []byte {
	b, ok := vcache.Load(name)
	if !ok {
		b, _ = vcache.LoadOrStore(name, make())
	}
	return bytes.Clone(b.([]byte))
}

// file returns the file of a case.
func (c vcase) file(v *vfiles) []byte {
	return once("case "+c.name, func() []byte { return c.make(v) })
}

// good is an ordinary signature without timestamp.
func (v *vfiles) good() []byte {
	return once("good", func() []byte { return v.read(v.sign(v.pki.Leaf)) })
}

// stampedFile is one with an RFC 3161 timestamp of now.
func (v *vfiles) stampedFile() []byte {
	return once("stamped", func() []byte { return v.read(v.sign(v.pki.Leaf, v.stamp(v.pki.TSA, time.Time{})...)) })
}

// otherFile is signed too, but another program.
func (v *vfiles) otherFile() []byte {
	return once("other", func() []byte {
		return v.read(formatstest.SignOssl(v.t, v.pki.Second, formatstest.GoProgram(v.t, "arm64")))
	})
}

// stamp gives the arguments that make osslsigncode add a timestamp by tsa at a time (zero: now).
func (v *vfiles) stamp(tsa *formatstest.Identity, at time.Time) []string {
	args := []string{"-TSA-certs", tsa.CertFile(v.t), "-TSA-key", tsa.KeyFile(v.t)}
	if !at.IsZero() {
		args = append(args, "-TSA-time", strconv.FormatInt(at.Unix(), 10))
	}
	return args
}

func (v *vfiles) read(path string) []byte {
	v.t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		v.t.Fatal(err)
	}
	return b
}

func (v *vfiles) write(b []byte) string {
	v.t.Helper()
	path := filepath.Join(v.t.TempDir(), "case.exe")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		v.t.Fatal(err)
	}
	return path
}

// unknownRoot adds the root to the signature of id, as Windows' chain engine in the rig needs it to see that it is unknown.
func withRoot(id *formatstest.Identity) *formatstest.Identity {
	c := *id
	c.Chain = append(c.Chain[:len(c.Chain):len(c.Chain)], c.Root)
	return &c
}

func (v *vfiles) layout(b []byte) *peimage.Image {
	v.t.Helper()
	im, err := peimage.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		v.t.Fatal(err)
	}
	return im
}

// blob returns the first PKCS#7 of a signed file.
func (v *vfiles) blob(b []byte) []byte {
	v.t.Helper()
	data, err := v.layout(b).Certificates[0].Data(bytes.NewReader(b))
	if err != nil {
		v.t.Fatal(err)
	}
	return data
}

// withTable gives the file another certificate table and the right checksum for it.
func (v *vfiles) withTable(b, table []byte) []byte {
	v.t.Helper()
	im := v.layout(b)
	d, err := im.Digest(context.Background(), bytes.NewReader(b), peimage.Request{Checksum: true})
	if err != nil {
		v.t.Fatal(err)
	}
	edit, err := im.Signed(d, table)
	if err != nil {
		v.t.Fatal(err)
	}
	var out bytes.Buffer
	if err := edit.WriteTo(context.Background(), &out, bytes.NewReader(b)); err != nil {
		v.t.Fatal(err)
	}
	return out.Bytes()
}

// edit changes the SignedData of the first signature and writes it again.
func (v *vfiles) edit(b []byte, change func(*cms.SignedData)) []byte {
	v.t.Helper()
	sd, err := cms.Parse(v.blob(b))
	if err != nil {
		v.t.Fatal(err)
	}
	change(sd)
	p7, err := sd.Marshal()
	if err != nil {
		v.t.Fatal(err)
	}
	return v.withTable(b, peimage.CertificateTable(p7))
}

func flip(b []byte, at int) []byte {
	out := bytes.Clone(b)
	out[at] ^= 0x01
	return out
}

// authentihash is written out here once more, from the specification, to have something to compare with.
func (v *vfiles) authentihash(b []byte) []byte {
	im := v.layout(b)
	h := sha256.New()
	end := int64(len(b))
	if im.CertTable.Size > 0 {
		end = im.CertTable.Offset
	}
	h.Write(b[:im.ChecksumOffset])
	h.Write(b[im.ChecksumOffset+4 : im.SecurityDirOffset])
	h.Write(b[im.SecurityDirOffset+8 : end])
	return h.Sum(nil)
}

// vcase is a file, what Windows answers about it, and what we find beyond that.
type vcase struct {
	name    string
	make    func(v *vfiles) []byte
	windows authenticode.Verdict
	// finds lists checks of severity error or strict, in order, without repetitions; CheckNoTimestamp is left out.
	finds []authenticode.Check
	opts  authenticode.VerifyOptions // besides the roots
	norig string                     // why Microsoft's verifier in the rig is not asked, or answers otherwise
}

func sections(im *peimage.Image) int { return int(im.Sections[0].PointerToRawData) }

// vcases is the verifier's table of files: each kind of signature that must be good, and each way of damaging one.
func vcases() []vcase {
	return append(goodCases(), append(tamperedCases(), append(certificateCases(), timestampCases()...)...)...)
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
		}, windows: authenticode.VerdictNoSignature, finds: []authenticode.Check{authenticode.CheckTable, authenticode.CheckSignature},
			norig: "the decoder there is wine's, with a code of its own (0x8009200d)"},
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

// token makes an RFC 3161 token as any server might, also with a certificate that no server should have.
func (v *vfiles) token(tsa *formatstest.Identity, signature []byte, at time.Time) []byte {
	v.t.Helper()
	imprint, self := sha256.Sum256(signature), sha256.Sum256(tsa.Certificate.Raw)
	var info, content, ess cryptobyte.Builder
	info.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{2, 25, 1})
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(cms.OIDSHA256)
				b.AddASN1NULL()
			})
			b.AddASN1OctetString(imprint[:])
		})
		b.AddASN1Int64(7)
		b.AddASN1GeneralizedTime(at.UTC().Truncate(time.Second))
	})
	content.AddASN1OctetString(info.BytesOrPanic())
	ess.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1OctetString(self[:]) })
		})
	})
	sd, err := cms.Sign(context.Background(), cms.ContentInfo{Type: cms.OIDTSTInfo, DER: content.BytesOrPanic(), Version: 3},
		cms.Signer{Key: tsa.Key, Certificate: tsa.Certificate, Chain: tsa.Chain},
		[]cms.Attribute{{Type: cms.OIDSigningCertificateV2, Values: [][]byte{ess.BytesOrPanic()}}})
	if err != nil {
		v.t.Fatal(err)
	}
	der, err := sd.Marshal()
	if err != nil {
		v.t.Fatal(err)
	}
	return der
}

// countersigned is a file with a PKCS#9 countersignature; change may spoil the value that is countersigned.
func (v *vfiles) countersigned(change func(signature []byte)) []byte {
	v.t.Helper()
	server, err := rfc3161.NewServer(rfc3161.ServerOptions{Key: v.pki.TSA.Key, Certificate: v.pki.TSA.Certificate, Chain: v.pki.TSA.Chain})
	if err != nil {
		v.t.Fatal(err)
	}
	return v.edit(v.good(), func(sd *cms.SignedData) {
		signature := bytes.Clone(sd.Signers[0].Signature)
		if change != nil {
			change(signature)
		}
		der, err := server.Countersign(context.Background(), signature)
		if err != nil {
			v.t.Fatal(err)
		}
		answer, err := cms.Parse(der)
		if err != nil {
			v.t.Fatal(err)
		}
		bare, err := answer.Signers[0].Marshal()
		if err != nil {
			v.t.Fatal(err)
		}
		sd.Signers[0].UnsignedAttrs.Set(cms.OIDCountersignature, bare)
		for _, c := range answer.Certificates {
			sd.AddCertificate(c.Raw)
		}
	})
}

// editToken changes the RFC 3161 token of a stamped file.
func (v *vfiles) editToken(change func(*cms.SignedData)) []byte {
	return v.edit(v.stampedFile(), func(sd *cms.SignedData) {
		a, _ := sd.Signers[0].UnsignedAttrs.Get(cms.OIDRFC3161Token)
		tok, err := cms.Parse(bytes.Clone(a.Values[0]))
		if err != nil {
			v.t.Fatal(err)
		}
		change(tok)
		der, err := tok.Marshal()
		if err != nil {
			v.t.Fatal(err)
		}
		sd.Signers[0].UnsignedAttrs.Set(cms.OIDRFC3161Token, der)
	})
}
