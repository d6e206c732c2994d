package authenticode_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/asn1"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/formats/rfc3161"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// vfiles makes the files that the verifier's tests judge. All are real programs signed
// by osslsigncode, some damaged afterwards.
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
func (v *vfiles) roots() *certchain.Roots {
	return &certchain.Roots{CodeSigning: certchain.NewPool(v.pki.Root), TimeStamping: certchain.NewPool(v.pki.TSARoot)}
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

// unknownRoot adds the root to the signature of id, as Windows' chain engine in the rig
// needs it to see that it is unknown.
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

// authentihash is written out here once more, from the specification, to have something
// to compare with.
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

// token makes an RFC 3161 token as any server might, also with a certificate that no
// server should have.
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

// countersigned is a file with a PKCS#9 countersignature; change may spoil the value
// that is countersigned.
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
