package authenticode

import (
	"crypto"
	"encoding/asn1"
	"fmt"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// signedContent is what a verifier needs of an SpcIndirectDataContent (Windows
// Authenticode Portable Executable Signature Format, "Authenticode Signature Format").
type signedContent struct {
	kind       asn1.ObjectIdentifier // what data describes: SpcPeImageData, SpcSipInfo, …
	hash       crypto.Hash
	digest     []byte
	pageHashes map[crypto.Hash][]byte
	image      error // why SpcPeImageData cannot be read
	pages      error // why page hashes cannot be read
}

// parseSignedContent reads SEQUENCE { SEQUENCE { type, value }, DigestInfo }.
func parseSignedContent(der []byte) (*signedContent, error) {
	in := cryptobyte.String(der)
	var seq, data, info, alg cryptobyte.String
	var c signedContent
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() || !seq.ReadASN1(&data, cbasn1.SEQUENCE) ||
		!data.ReadASN1ObjectIdentifier(&c.kind) {
		return nil, fmt.Errorf("reading SpcIndirectDataContent: no data type")
	}
	var oid asn1.ObjectIdentifier
	if !seq.ReadASN1(&info, cbasn1.SEQUENCE) || !seq.Empty() || !info.ReadASN1(&alg, cbasn1.SEQUENCE) ||
		!alg.ReadASN1ObjectIdentifier(&oid) || !atMostOne(alg) || !info.ReadASN1Bytes(&c.digest, cbasn1.OCTET_STRING) || !info.Empty() {
		return nil, fmt.Errorf("reading SpcIndirectDataContent: malformed DigestInfo")
	}
	var err error
	if c.hash, err = cms.HashOf(oid); err != nil {
		return nil, fmt.Errorf("reading DigestInfo: %v", err)
	}
	if len(c.digest) != c.hash.Size() {
		return nil, fmt.Errorf("reading DigestInfo: digest of %d bytes, %v has %d", len(c.digest), c.hash, c.hash.Size())
	}
	c.image = c.parseImageData(data)
	return &c, nil
}

// atMostOne says whether in holds one element at most: the parameters of an AlgorithmIdentifier.
func atMostOne(in cryptobyte.String) bool {
	var el cryptobyte.String
	var tag cbasn1.Tag
	return in.Empty() || in.ReadAnyASN1Element(&el, &tag) && in.Empty()
}

// pageHashClass is the SpcSerializedObject class of page hashes,
// a6b586d5-b4a1-2466-ae05-a217da8e60d6 in its byte order.
const pageHashClass = "\xa6\xb5\x86\xd5\xb4\xa1\x24\x66\xae\x05\xa2\x17\xda\x8e\x60\xd6"

// parseImageData reads SpcPeImageData { flags BIT STRING, file [0] SpcLink } and the
// page hashes that its moniker may hold. Windows reads all of it before it hashes a
// file, and hashes none where it cannot; what lies in a moniker it leaves to code
// integrity.
func (c *signedContent) parseImageData(data cryptobyte.String) error {
	var seq, flags, file cryptobyte.String
	var hasFlags, hasFile bool
	if !data.ReadASN1(&seq, cbasn1.SEQUENCE) || !data.Empty() {
		return fmt.Errorf("reading SpcPeImageData: not a SEQUENCE")
	}
	if !seq.ReadOptionalASN1(&flags, &hasFlags, cbasn1.BIT_STRING) || !seq.ReadOptionalASN1(&file, &hasFile, contextConstructed(0)) || !seq.Empty() {
		return fmt.Errorf("reading SpcPeImageData: malformed flags or file")
	}
	if hasFlags && (len(flags) == 0 || flags[0] > 7 || flags[0] > 0 && len(flags) == 1) {
		return fmt.Errorf("reading SpcPeImageData: flags are no BIT STRING")
	}
	if !hasFile {
		return nil
	}
	return c.parseLink(file)
}

// parseLink reads SpcLink, a CHOICE { url [0] IA5String, moniker [1]
// SpcSerializedObject, file [2] SpcString }. A file name or URL says nothing: it is
// "<<<Obsolete>>>".
func (c *signedContent) parseLink(in cryptobyte.String) error {
	var inner cryptobyte.String
	var ok bool
	switch {
	case in.PeekASN1Tag(contextPrimitive(0)):
		ok = in.ReadASN1(&inner, contextPrimitive(0))
	case in.PeekASN1Tag(contextConstructed(1)):
		ok = in.ReadASN1(&inner, contextConstructed(1)) && c.parseMoniker(inner)
	case in.PeekASN1Tag(contextConstructed(2)):
		ok = in.ReadASN1(&inner, contextConstructed(2)) && isSpcString(inner)
	}
	if !ok || !in.Empty() {
		return fmt.Errorf("reading SpcPeImageData: malformed SpcLink")
	}
	return nil
}

// isSpcString says whether in is a CHOICE { [0] IMPLICIT BMPString, [1] IMPLICIT IA5String }.
func isSpcString(in cryptobyte.String) bool {
	var s cryptobyte.String
	if in.PeekASN1Tag(contextPrimitive(0)) {
		return in.ReadASN1(&s, contextPrimitive(0)) && len(s)%2 == 0 && in.Empty()
	}
	return in.ReadASN1(&s, contextPrimitive(1)) && in.Empty()
}

// parseMoniker reads SpcSerializedObject { classId OCTET STRING of 16, serializedData
// OCTET STRING }.
func (c *signedContent) parseMoniker(in cryptobyte.String) bool {
	var class, object []byte
	if !in.ReadASN1Bytes(&class, cbasn1.OCTET_STRING) || len(class) != len(pageHashClass) || !in.ReadASN1Bytes(&object, cbasn1.OCTET_STRING) || !in.Empty() {
		return false
	}
	if string(class) == pageHashClass {
		c.pageHashes, c.pages = parsePageHashes(object)
	}
	return true
}

// parsePageHashes reads SET { SEQUENCE { OID of the page hash version, SET { OCTET STRING } } … }.
func parsePageHashes(object cryptobyte.String) (map[crypto.Hash][]byte, error) {
	out := map[crypto.Hash][]byte{}
	var set cryptobyte.String
	if !object.ReadASN1(&set, cbasn1.SET) || !object.Empty() {
		return nil, fmt.Errorf("reading page hashes: not a SET")
	}
	for !set.Empty() {
		var attr, values cryptobyte.String
		var oid asn1.ObjectIdentifier
		var table []byte
		if !set.ReadASN1(&attr, cbasn1.SEQUENCE) || !attr.ReadASN1ObjectIdentifier(&oid) ||
			!attr.ReadASN1(&values, cbasn1.SET) || !values.ReadASN1Bytes(&table, cbasn1.OCTET_STRING) {
			return nil, fmt.Errorf("reading page hashes: malformed attribute")
		}
		switch {
		case oid.Equal(cms.OIDSpcPageHashesV1):
			out[crypto.SHA1] = table
		case oid.Equal(cms.OIDSpcPageHashesV2):
			out[crypto.SHA256] = table
		}
	}
	return out, nil
}

// parseDescription reads SpcSpOpusInfo { [0] programName, [1] moreInfo }; what cannot
// be read is left empty, since nothing depends on it.
func parseDescription(der []byte) (text, url string) {
	in := cryptobyte.String(der)
	var seq, program, info, s cryptobyte.String
	var present bool
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadOptionalASN1(&program, &present, cbasn1.Tag(0).ContextSpecific().Constructed()) {
		return "", ""
	}
	if present {
		text = spcString(program)
	}
	if seq.ReadOptionalASN1(&info, &present, cbasn1.Tag(1).ContextSpecific().Constructed()) && present &&
		info.ReadASN1(&s, cbasn1.Tag(0).ContextSpecific()) {
		url = string(s)
	}
	return text, url
}

// spcString reads CHOICE { [0] IMPLICIT BMPString, [1] IMPLICIT IA5String }.
func spcString(in cryptobyte.String) string {
	var s cryptobyte.String
	if in.ReadASN1(&s, cbasn1.Tag(0).ContextSpecific()) {
		units := make([]uint16, len(s)/2)
		for i := range units {
			units[i] = uint16(s[2*i])<<8 | uint16(s[2*i+1])
		}
		return string(utf16.Decode(units))
	}
	if in.ReadASN1(&s, cbasn1.Tag(1).ContextSpecific()) {
		return string(s)
	}
	return ""
}
