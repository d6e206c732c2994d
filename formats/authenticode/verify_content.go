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

// signedContent is what a verifier needs of an SpcIndirectDataContent (Windows Authenticode Portable Executable
// Signature Format, "Authenticode Signature Format").
type signedContent struct {
	kind       asn1.ObjectIdentifier // what data describes: SpcPeImageData, SpcSipInfo, …
	hash       crypto.Hash
	digest     []byte
	pageHashes map[crypto.Hash][]byte
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
		!alg.ReadASN1ObjectIdentifier(&oid) || !info.ReadASN1Bytes(&c.digest, cbasn1.OCTET_STRING) || !info.Empty() {
		return nil, fmt.Errorf("reading SpcIndirectDataContent: malformed DigestInfo")
	}
	var err error
	if c.hash, err = cms.HashOf(oid); err != nil {
		return nil, fmt.Errorf("reading DigestInfo: %v", err)
	}
	if len(c.digest) != c.hash.Size() {
		return nil, fmt.Errorf("reading DigestInfo: digest of %d bytes, %v has %d", len(c.digest), c.hash, c.hash.Size())
	}
	if c.kind.Equal(cms.OIDSpcPEImageData) && !data.Empty() {
		c.pageHashes, err = parseImageData(data)
	}
	return &c, err
}

// pageHashClass is the SpcSerializedObject class of page hashes, a6b586d5-b4a1-2466-ae05-a217da8e60d6 in its byte order.
const pageHashClass = "\xa6\xb5\x86\xd5\xb4\xa1\x24\x66\xae\x05\xa2\x17\xda\x8e\x60\xd6"

// parseImageData reads SpcPeImageData { flags BIT STRING, file [0] SpcLink } and the page hashes that its moniker may hold.
func parseImageData(data cryptobyte.String) (map[crypto.Hash][]byte, error) {
	var seq, flags, file, moniker cryptobyte.String
	var present bool
	if !data.ReadASN1(&seq, cbasn1.SEQUENCE) || !data.Empty() {
		return nil, fmt.Errorf("reading SpcPeImageData: not a SEQUENCE")
	}
	if !seq.ReadOptionalASN1(&flags, &present, cbasn1.BIT_STRING) ||
		!seq.ReadOptionalASN1(&file, &present, cbasn1.Tag(0).ContextSpecific().Constructed()) || !seq.Empty() {
		return nil, fmt.Errorf("reading SpcPeImageData: malformed flags or file")
	}
	if !present || !file.ReadOptionalASN1(&moniker, &present, cbasn1.Tag(1).ContextSpecific().Constructed()) {
		return nil, nil
	}
	if !present {
		return nil, nil // a file name or URL: "<<<Obsolete>>>"
	}
	var class, object []byte
	if !moniker.ReadASN1Bytes(&class, cbasn1.OCTET_STRING) || !moniker.ReadASN1Bytes(&object, cbasn1.OCTET_STRING) {
		return nil, fmt.Errorf("reading SpcSerializedObject: malformed")
	}
	if string(class) != pageHashClass {
		return nil, nil
	}
	return parsePageHashes(object)
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

// parseDescription reads SpcSpOpusInfo { [0] programName, [1] moreInfo }; what cannot be read is left empty, since
// nothing depends on it.
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
