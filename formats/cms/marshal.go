package cms

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"sort"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Marshal writes the ContentInfo in DER. Every SET OF is sorted by its encoded bytes
// (X.690 section 11.6), as Windows requires of catalogs; signed attributes of a parsed
// signature alone keep the order that was signed.
func (s *SignedData) Marshal() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(OIDSignedData)
		b.AddASN1(contextTag(0), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, s.build)
		})
	})
	out, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("writing PKCS#7: %w", err)
	}
	return out, nil
}

func (s *SignedData) build(b *cryptobyte.Builder) {
	b.AddASN1Int64(int64(s.Version))
	algs := make([][]byte, 0, len(s.DigestAlgorithms))
	for _, alg := range s.DigestAlgorithms {
		algs = append(algs, encodeAlgorithm(b, alg))
	}
	addSet(b, cbasn1.SET, algs)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(s.ContentType)
		if s.Content != nil {
			b.AddASN1(contextTag(0), func(b *cryptobyte.Builder) { b.AddBytes(s.Content) })
		}
	})
	if len(s.Certificates) > 0 {
		certs := make([][]byte, 0, len(s.Certificates))
		for _, c := range s.Certificates {
			certs = append(certs, c.Raw)
		}
		addSet(b, contextTag(0), certs)
	}
	if len(s.CRLs) > 0 {
		addSet(b, contextTag(1), s.CRLs)
	}
	signers := make([][]byte, 0, len(s.Signers))
	for i := range s.Signers {
		der, err := s.Signers[i].Marshal()
		if err != nil {
			b.SetError(err)
			return
		}
		signers = append(signers, der)
	}
	addSet(b, cbasn1.SET, signers)
}

// Marshal writes the bare SignerInfo in DER.
func (si *SignerInfo) Marshal() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(int64(si.Version))
		si.buildSID(b)
		b.AddBytes(encodeAlgorithm(b, si.DigestAlgorithm))
		si.buildSignedAttrs(b)
		b.AddBytes(encodeAlgorithm(b, si.SignatureAlgorithm))
		b.AddASN1OctetString(si.Signature)
		if len(si.UnsignedAttrs) > 0 {
			addSet(b, contextTag(1), encodeAttributes(b, si.UnsignedAttrs))
		}
	})
	out, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("writing SignerInfo: %w", err)
	}
	return out, nil
}

func (si *SignerInfo) buildSID(b *cryptobyte.Builder) {
	if si.sidUnchanged() {
		b.AddBytes(si.rawSID)
		return
	}
	if si.RawIssuer == nil {
		b.AddASN1(cbasn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(si.SubjectKeyID) })
		return
	}
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(si.RawIssuer)
		serial := si.Serial
		if serial == nil {
			serial = new(big.Int)
		}
		b.AddASN1BigInt(serial)
	})
}

// sidUnchanged says whether the sid of the file still says what the fields say.
func (si *SignerInfo) sidUnchanged() bool {
	if si.rawSID == nil {
		return false
	}
	var old SignerInfo
	in := cryptobyte.String(si.rawSID)
	if (reader{si.rawSID}).signerID(&in, &old, "sid") != nil {
		return false
	}
	return bytes.Equal(old.RawIssuer, si.RawIssuer) && bytes.Equal(old.SubjectKeyID, si.SubjectKeyID) &&
		(old.Serial == nil) == (si.Serial == nil) && (old.Serial == nil || old.Serial.Cmp(si.Serial) == 0)
}

func (si *SignerInfo) buildSignedAttrs(b *cryptobyte.Builder) {
	raw := si.RawSignedAttrs
	if raw == nil && len(si.SignedAttrs) > 0 {
		var err error
		if raw, err = si.SignedAttrs.Marshal(); err != nil {
			b.SetError(err)
			return
		}
	}
	if raw == nil {
		return
	}
	b.AddUint8(uint8(contextTag(0))) // IMPLICIT [0] in the place of the SET OF tag
	b.AddBytes(raw[1:])
}

// Marshal writes the attributes as a sorted SET OF (tag 0x31), the form that is hashed for signing.
func (a Attributes) Marshal() ([]byte, error) {
	var b cryptobyte.Builder
	addSet(&b, cbasn1.SET, encodeAttributes(&b, a))
	out, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("writing attributes: %w", err)
	}
	return out, nil
}

func encodeAttributes(b *cryptobyte.Builder, attrs Attributes) [][]byte {
	out := make([][]byte, 0, len(attrs))
	for _, a := range attrs {
		var ab cryptobyte.Builder
		ab.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(a.Type)
			addSet(b, cbasn1.SET, a.Values)
		})
		der, err := ab.Bytes()
		if err != nil {
			b.SetError(fmt.Errorf("attribute %v: %w", a.Type, err))
			return nil
		}
		out = append(out, der)
	}
	return out
}

func encodeAlgorithm(b *cryptobyte.Builder, alg pkix.AlgorithmIdentifier) []byte {
	der, err := asn1.Marshal(alg)
	if err != nil {
		b.SetError(fmt.Errorf("algorithm identifier %v: %w", alg.Algorithm, err))
	}
	return der
}

// addSet writes encoded elements in DER order without changing the order of the caller's slice.
func addSet(b *cryptobyte.Builder, tag cbasn1.Tag, elements [][]byte) {
	sorted := append([][]byte(nil), elements...)
	sort.SliceStable(sorted, func(i, j int) bool { return bytes.Compare(sorted[i], sorted[j]) < 0 })
	b.AddASN1(tag, func(b *cryptobyte.Builder) {
		for _, el := range sorted {
			b.AddBytes(el)
		}
	})
}
