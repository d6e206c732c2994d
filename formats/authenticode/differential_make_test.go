package authenticode_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/formatstest/mutate"
)

// Where mutate.Program has the directory entry of its certificate table, with or without a long optional header.
const programDirectory = 0x98 + 112 + 32

// differ makes the files of the differential.
type differ struct {
	t       *testing.T
	v       *vfiles
	base    []byte
	digest  []byte
	content []byte // SpcIndirectDataContent over base
}

func newDiffer(t *testing.T) *differ {
	d := &differ{t: t, v: newVfiles(t), base: mutate.Program()}
	sd := d.parse(d.detached(authenticode.SignOptions{}))
	d.content = sd.Content
	d.digest = authentihash(t, d.base)
	return d
}

func (d *differ) signer() cms.Signer {
	id := d.v.pki.Leaf
	return cms.Signer{Key: id.Key, Certificate: id.Certificate, Chain: id.Chain}
}

func (d *differ) detached(o authenticode.SignOptions) []byte {
	o.Signer = d.signer()
	p7, err := authenticode.SignDetached(context.Background(), bytes.NewReader(d.base), int64(len(d.base)), o)
	if err != nil {
		d.t.Fatal(err)
	}
	return p7
}

func (d *differ) parse(p7 []byte) *cms.SignedData {
	sd, err := cms.Parse(bytes.Clone(p7))
	if err != nil {
		d.t.Fatal(err)
	}
	return sd
}

func (d *differ) marshal(sd *cms.SignedData) []byte {
	der, err := sd.Marshal()
	if err != nil {
		d.t.Fatal(err)
	}
	return der
}

// over signs a content, whatever it is; nil where it cannot be signed.
func (d *differ) over(content []byte, by cms.Signer) *cms.SignedData {
	sd, err := cms.Sign(context.Background(), cms.ContentInfo{Type: cms.OIDSpcIndirectData, DER: content}, by, nil)
	if err != nil {
		return nil
	}
	return sd
}

func authentihash(t testing.TB, b []byte) []byte {
	im, err := peimage.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return make([]byte, 32)
	}
	sums, err := im.Digest(context.Background(), bytes.NewReader(b), peimage.Request{Authentihash: []crypto.Hash{crypto.SHA256}})
	if err != nil {
		t.Fatal(err)
	}
	return sums.Authentihash[crypto.SHA256]
}

// putTable puts a table into a program as it stands; the entry for it is at dir.
func putTable(b, p7 []byte, dir int) []byte {
	b = append(bytes.Clone(b), make([]byte, (8-len(b)%8)%8)...)
	table := peimage.CertificateTable(p7)
	if dir+8 <= len(b) {
		binary.LittleEndian.PutUint32(b[dir:], uint32(len(b)))
		binary.LittleEndian.PutUint32(b[dir+4:], uint32(len(table)))
	}
	return append(b, table...)
}

// programs are those of mutate, each signed as it is.
func (d *differ) programs(seed uint64) []mutate.Variant {
	out := mutate.Programs(seed)
	for i, p := range out {
		im, err := peimage.Parse(bytes.NewReader(p.Data), int64(len(p.Data)))
		dir := programDirectory
		if err == nil && im.SecurityDirOffset > 0 {
			dir = int(im.SecurityDirOffset)
		}
		sd := d.over(bytes.Replace(d.content, d.digest, authentihash(d.t, p.Data), 1), d.signer())
		out[i].Data = putTable(p.Data, d.marshal(sd), dir)
	}
	return append(out, mutate.Tables(putTable(d.base, d.detached(authenticode.SignOptions{}), programDirectory), programDirectory, len(d.base))...)
}

// messages are variants of a signature, and of what it says, signed again.
func (d *differ) messages() []mutate.Variant {
	plain := d.detached(authenticode.SignOptions{})
	stamped := d.parse(plain)
	stamped.Signers[0].UnsignedAttrs.Set(cms.OIDRFC3161Token, d.v.token(d.v.pki.TSA, stamped.Signers[0].Signature, time.Now()))
	out := mutate.DER(plain, whereInMessage)
	for _, m := range mutate.DER(d.marshal(stamped), whereInMessage) {
		if strings.Contains(m.Class, "unsignedAttrs") {
			out = append(out, m)
		}
	}
	for i := range out {
		out[i].Data = putTable(d.base, out[i].Data, programDirectory)
	}
	pages := d.parse(d.detached(authenticode.SignOptions{PageHashes: true}))
	for name, content := range map[string][]byte{"content": d.content, "content with pages": pages.Content} {
		for _, m := range mutate.DER(content, func(path []int) string { return fmt.Sprint(name, " ", path) }) {
			if sd := d.over(m.Data, d.signer()); sd != nil {
				m.Data = putTable(d.base, d.marshal(sd), programDirectory)
				out = append(out, m)
			}
		}
	}
	return append(out, d.nested()...)
}

// whereInMessage names a node of a SignedData by the way to it from the ContentInfo.
func whereInMessage(path []int) string {
	part := func(names string, i int) string { return strings.Fields(names)[min(i, len(strings.Fields(names))-1)] }
	switch {
	case path[0] == 0 || len(path) <= 2:
		return "message"
	case path[2] != 4 || len(path) < 5:
		return part("version digestAlgorithms contentInfo certificates signerInfos more", path[2])
	case path[4] != 6 || len(path) < 9:
		return part("signerVersion sid digestAlgorithm signedAttrs signatureAlgorithm signature unsignedAttrs more", path[4])
	}
	return "unsignedAttrs token " + whereInMessage(path[8:])
}

// nested has two signatures, good and bad in all ways.
func (d *differ) nested() []mutate.Variant {
	kinds := map[string]func() *cms.SignedData{
		"good": func() *cms.SignedData { return d.over(d.content, d.signer()) },
		"digest": func() *cms.SignedData {
			return d.over(bytes.Replace(d.content, d.digest, make([]byte, 32), 1), d.signer())
		},
		"value": func() *cms.SignedData {
			sd := d.over(d.content, d.signer())
			sd.Signers[0].Signature[5] ^= 1
			return sd
		},
		"expired":   func() *cms.SignedData { return d.by(d.v.pki.Expired) },
		"usage":     func() *cms.SignedData { return d.by(d.v.pki.WrongEKU) },
		"untrusted": func() *cms.SignedData { return d.by(withRoot(d.v.pki.NotTrusted)) },
		"no cert":   func() *cms.SignedData { sd := d.over(d.content, d.signer()); sd.Certificates = nil; return sd },
	}
	var out []mutate.Variant
	for first, one := range kinds {
		for second, two := range kinds {
			sd := one()
			sd.Signers[0].UnsignedAttrs.Add(cms.OIDNestedSignature, d.marshal(two()))
			out = append(out, mutate.Variant{Class: "nested", Detail: first + " with " + second, Data: putTable(d.base, d.marshal(sd), programDirectory)})
		}
		sd := one()
		sd.Signers[0].UnsignedAttrs.Add(cms.OIDNestedSignature, []byte{0x30, 3, 2, 1, 5})
		out = append(out, mutate.Variant{Class: "nested", Detail: first + " with garbage", Data: putTable(d.base, d.marshal(sd), programDirectory)})
	}
	return out
}

func (d *differ) by(id *formatstest.Identity) *cms.SignedData {
	return d.over(d.content, cms.Signer{Key: id.Key, Certificate: id.Certificate, Chain: id.Chain})
}

// stamps has both kinds of timestamp by certificates of all kinds, at times before, in and after the life of the publisher's certificate.
func (d *differ) stamps() []mutate.Variant {
	usages := func(critical bool, oids ...asn1.ObjectIdentifier) func(*x509.Certificate) {
		der, err := asn1.Marshal(oids)
		if err != nil {
			d.t.Fatal(err)
		}
		return func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: cms.OIDExtensionExtKeyUsage, Critical: critical, Value: der}}
		}
	}
	p := d.v.pki
	authorities := map[string]*formatstest.Identity{
		"right": p.TSA, "not critical": p.LaxTSA, "two usages": p.MixedTSA, "expired": p.ExpiredTSA, "stranger": withRoot(p.StrangerTSA),
		"no usage":    p.IssueTSA(d.t, "No usage", func(c *x509.Certificate) { c.ExtraExtensions = nil }),
		"any usage":   p.IssueTSA(d.t, "Any usage", usages(false, cms.OIDEKUAny)),
		"any and":     p.IssueTSA(d.t, "Any usage and time stamping", usages(false, cms.OIDEKUAny, cms.OIDEKUTimeStamping)),
		"code":        p.IssueTSA(d.t, "Code signing", usages(false, cms.OIDEKUCodeSigning)),
		"critical":    p.IssueTSA(d.t, "Critical code signing", usages(true, cms.OIDEKUCodeSigning)),
		"encipher":    p.IssueTSA(d.t, "Encipherment", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }),
		"a publisher": p.Issue(d.t, "A publisher", func(c *x509.Certificate) { c.NotBefore = c.NotBefore.AddDate(-5, 0, 0) }),
	}
	now := time.Now()
	var out []mutate.Variant
	for name, tsa := range authorities {
		for _, publisher := range []*formatstest.Identity{p.Leaf, p.Expired} {
			for _, at := range []time.Time{now.AddDate(-4, 0, 0), now.AddDate(-1, -6, 0), now, now.Add(2 * time.Hour)} {
				token, legacy := d.by(publisher), d.by(publisher)
				token.Signers[0].UnsignedAttrs.Set(cms.OIDRFC3161Token, d.v.token(tsa, token.Signers[0].Signature, at))
				d.countersign(legacy, tsa, at)
				detail := fmt.Sprintf("%s, %s, %s", name, publisher.Certificate.Subject.CommonName, at.Format(time.DateOnly))
				out = append(out, mutate.Variant{Class: "token by " + name, Detail: detail, Data: putTable(d.base, d.marshal(token), programDirectory)},
					mutate.Variant{Class: "countersignature by " + name, Detail: detail, Data: putTable(d.base, d.marshal(legacy), programDirectory)})
			}
		}
	}
	return out
}

// countersign adds a PKCS#9 countersignature by any certificate.
func (d *differ) countersign(sd *cms.SignedData, by *formatstest.Identity, at time.Time) {
	when, err1 := asn1.Marshal(at.UTC())
	value, err2 := asn1.Marshal(sd.Signers[0].Signature)
	if err1 != nil || err2 != nil {
		d.t.Fatal(err1, err2)
	}
	stamp, err := cms.Sign(context.Background(), cms.ContentInfo{Type: cms.OIDData, DER: value}, cms.Signer{Key: by.Key, Certificate: by.Certificate, Chain: by.Chain},
		[]cms.Attribute{{Type: cms.OIDSigningTime, Values: [][]byte{when}}})
	if err != nil {
		d.t.Fatal(err)
	}
	bare, err := stamp.Signers[0].Marshal()
	if err != nil {
		d.t.Fatal(err)
	}
	sd.Signers[0].UnsignedAttrs.Set(cms.OIDCountersignature, bare)
	for _, c := range stamp.Certificates {
		sd.AddCertificate(c.Raw)
	}
}
