package cms

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

const universalString = cbasn1.Tag(28)

// parseUniversal parses a certificate whose names hold UniversalString (UTF-32, X.690
// section 8.23.7), which crypto/x509 does not read. The texts of Issuer and Subject are
// those of the certificate, and so are all raw fields.
func parseUniversal(raw []byte) (*x509.Certificate, bool) {
	in := cryptobyte.String(raw)
	var outer, whole, tbs, before, issuer, validity, subject cryptobyte.String
	if !in.ReadASN1(&outer, cbasn1.SEQUENCE) || !in.Empty() || !outer.ReadASN1Element(&whole, cbasn1.SEQUENCE) {
		return nil, false
	}
	inner := whole
	if !inner.ReadASN1(&tbs, cbasn1.SEQUENCE) {
		return nil, false
	}
	start := tbs
	if !tbs.SkipOptionalASN1(contextTag(0)) || !tbs.SkipASN1(cbasn1.INTEGER) || !tbs.SkipASN1(cbasn1.SEQUENCE) {
		return nil, false
	}
	before = start[:len(start)-len(tbs)]
	if !tbs.ReadASN1Element(&issuer, cbasn1.SEQUENCE) || !tbs.ReadASN1Element(&validity, cbasn1.SEQUENCE) || !tbs.ReadASN1Element(&subject, cbasn1.SEQUENCE) {
		return nil, false
	}
	readIssuer, ok1 := plainName(issuer)
	readSubject, ok2 := plainName(subject)
	if !ok1 || !ok2 || bytes.Equal(readIssuer, issuer) && bytes.Equal(readSubject, subject) {
		return nil, false
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, part := range [][]byte{before, readIssuer, validity, readSubject, tbs} {
				b.AddBytes(part)
			}
		})
		b.AddBytes(outer)
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, false
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, false
	}
	cert.Raw, cert.RawTBSCertificate, cert.RawIssuer, cert.RawSubject = raw, whole, issuer, subject
	return cert, true
}

// plainName is a Name (RFC 5280 section 4.1.2.4) with UTF8String in place of
// UniversalString.
func plainName(name []byte) ([]byte, bool) {
	in := cryptobyte.String(name)
	var b cryptobyte.Builder
	ok := rebuilt(&b, &in, cbasn1.SEQUENCE, func(b *cryptobyte.Builder, sets *cryptobyte.String) bool {
		return rebuilt(b, sets, cbasn1.SET, func(b *cryptobyte.Builder, set *cryptobyte.String) bool {
			return rebuilt(b, set, cbasn1.SEQUENCE, plainAttribute)
		})
	})
	out, err := b.Bytes()
	return out, ok && err == nil
}

// rebuilt copies a run of elements with the given tag, the content of each through
// change, until in is empty.
func rebuilt(b *cryptobyte.Builder, in *cryptobyte.String, tag cbasn1.Tag, change func(*cryptobyte.Builder, *cryptobyte.String) bool) bool {
	for !in.Empty() {
		var content cryptobyte.String
		if !in.ReadASN1(&content, tag) {
			return false
		}
		good := true
		b.AddASN1(tag, func(b *cryptobyte.Builder) { good = content.Empty() || change(b, &content) })
		if !good {
			return false
		}
	}
	return true
}

// plainAttribute copies an AttributeTypeAndValue.
func plainAttribute(b *cryptobyte.Builder, in *cryptobyte.String) bool {
	var kind, value cryptobyte.String
	if !in.ReadASN1Element(&kind, cbasn1.OBJECT_IDENTIFIER) {
		return false
	}
	b.AddBytes(kind)
	if !in.PeekASN1Tag(universalString) {
		b.AddBytes(*in)
		*in = nil
		return true
	}
	if !in.ReadASN1(&value, universalString) || !in.Empty() || len(value)%4 != 0 {
		return false
	}
	var text []byte
	for ; len(value) > 0; value = value[4:] {
		r := binary.BigEndian.Uint32(value)
		if r > utf8.MaxRune || !utf8.ValidRune(rune(r)) {
			return false
		}
		text = utf8.AppendRune(text, rune(r))
	}
	b.AddASN1(cbasn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes(text) })
	return true
}
