package catalog

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Member is an entry of the list (TrustedSubject): what identifies a file, and
// attributes. Its attributes are kept in their encoding, which keeps catalogs of
// 100,000 members small.
type Member struct {
	// ID is the subject identifier: in version 2 the digest, in version 1 the tag in
	// UTF-16, little endian, with a NUL.
	ID []byte

	attributes []byte // TLVs of the SET's elements, in the order of the file
}

// Encodings that never change.
var (
	oidMemberInfo   = oidTLV(cms.OIDCatalogMemberInfo)
	oidMemberInfo2  = oidTLV(cms.OIDCatalogMemberInfo2)
	oidIndirectData = oidTLV(cms.OIDSpcIndirectData)
	oidNameValue    = oidTLV(cms.OIDCatalogNameValue)
	oidPEImageData  = oidTLV(cms.OIDSpcPEImageData)
	oidCabData      = oidTLV(cms.OIDSpcCabData)
	algorithms      = map[crypto.Hash][]byte{
		crypto.SHA1:   tlv(tagSequence, oidTLV(cms.OIDSHA1), nullTLV),
		crypto.SHA256: tlv(tagSequence, oidTLV(cms.OIDSHA256), nullTLV),
	}
	nullTLV = []byte{tagNull, 0}

	// emptyFile is SpcLink.file with an empty SpcString, as makecat writes where
	// signtool writes "<<<Obsolete>>>".
	emptyFile = tlv(tagContext|tagConstructed|2, []byte{tagContext, 0})
	// imageFlags is SpcPeImageFlags of catalogs: includeResources and
	// includeImportAddressTable, 5 unused bits.
	imageFlags = []byte{tagBitString, 2, 5, 0xa0}
	// serializedClass is the class of SpcSerializedObject that holds page hashes and
	// enhanced hashes.
	serializedClass = []byte{0xa6, 0xb5, 0x86, 0xd5, 0xb4, 0xa1, 0x24, 0x66, 0xae, 0x05, 0xa2, 0x17, 0xda, 0x8e, 0x60, 0xd6}
)

// memberVersion is certVersion in CAT_MEMBERINFO as makecat writes it.
const memberVersion = 0x200

// newMember makes the entry that lists the digest of the given hash.
func newMember(v Version, id []byte, d *Digests, h crypto.Hash, attrs []Attribute) (Member, error) {
	data, err := indirectData(d, h)
	if err != nil {
		return Member{}, err
	}
	set := [][]byte{memberInfo(v, d.Kind), tlv(tagSequence, oidIndirectData, tlv(tagSet, data))}
	for _, a := range attrs {
		set = append(set, a.attribute())
	}
	return Member{ID: id, attributes: bytes.Join(sortedDER(set), nil)}, nil
}

// compatMember makes the SHA-1 entry that stands beside one of version 2: what the file
// is and its attributes, but no digest beyond the identifier.
func compatMember(d *Digests, attrs []Attribute) Member {
	set := [][]byte{memberInfo(V2, d.Kind)}
	for _, a := range attrs {
		if a.Flags&FlagNoSHA1 == 0 {
			set = append(set, a.attribute())
		}
	}
	return Member{ID: d.Hash[crypto.SHA1], attributes: bytes.Join(sortedDER(set), nil)}
}

// memberInfo writes what kind of file a member is: in version 1 CAT_MEMBERINFO { GUID,
// version }, in version 2 the CHOICE of CAT_MEMBERINFO2: [0] PE, [1] CAB, [2] flat,
// each empty.
func memberInfo(v Version, k Kind) []byte {
	if v == V1 {
		return tlv(tagSequence, oidMemberInfo, tlv(tagSet,
			tlv(tagSequence, tlv(tagBMP, utf16BE(kindGUIDs[k])), uintTLV(memberVersion))))
	}
	choice := map[Kind]byte{KindPE: 0, KindCAB: 1, KindFlat: 2}[k]
	return tlv(tagSequence, oidMemberInfo2, tlv(tagSet, []byte{tagContext | choice, 0}))
}

// indirectData writes SpcIndirectDataContent { data { type, value }, messageDigest
// DigestInfo } ("Windows Authenticode Portable Executable Signature Format").
func indirectData(d *Digests, h crypto.Hash) ([]byte, error) {
	if len(d.Hash[h]) != h.Size() {
		return nil, fmt.Errorf("writing catalog member: no %v digest of the file", h)
	}
	data, err := subjectData(d, h)
	if err != nil {
		return nil, err
	}
	info := tlv(tagSequence, algorithms[h], tlv(tagOctets, d.Hash[h]))
	return tlv(tagSequence, data, info), nil
}

func subjectData(d *Digests, h crypto.Hash) ([]byte, error) {
	switch d.Kind {
	case KindPE:
		file := emptyFile
		if table := d.PageHashes[h]; table != nil {
			file = serialized(pageHashOID(h), table)
		}
		return tlv(tagSequence, oidPEImageData,
			tlv(tagSequence, imageFlags, tlv(tagContext|tagConstructed, file))), nil
	case KindCAB:
		return tlv(tagSequence, oidTLV(cms.OIDSpcLink), serialized(cms.OIDEnhancedHash, d.Enhanced[h])), nil
	case KindFlat:
		return tlv(tagSequence, oidCabData, emptyFile), nil
	}
	return nil, fmt.Errorf("writing catalog member: kind of file unknown")
}

func pageHashOID(h crypto.Hash) asn1.ObjectIdentifier {
	if h == crypto.SHA1 {
		return cms.OIDSpcPageHashesV1
	}
	return cms.OIDSpcPageHashesV2
}

// serialized writes SpcLink.moniker: a class and SET { SEQUENCE { type, SET { OCTET
// STRING } } } in an OCTET STRING.
func serialized(oid asn1.ObjectIdentifier, value []byte) []byte {
	set := tlv(tagSet, tlv(tagSequence, oidTLV(oid), tlv(tagSet, tlv(tagOctets, value))))
	return tlv(tagContext|tagConstructed|1, tlv(tagOctets, serializedClass), tlv(tagOctets, set))
}

// hashTag is a digest as it stands in tags: upper-case hexadecimal digits.
func hashTag(digest []byte) string { return strings.ToUpper(hex.EncodeToString(digest)) }

// size of the whole TrustedSubject's contents and of its encoding.
func (m Member) size() (contents, total int) {
	contents = headerSize(len(m.ID)) + len(m.ID) + headerSize(len(m.attributes)) + len(m.attributes)
	return contents, headerSize(contents) + contents
}

// appendTo writes TrustedSubject ::= SEQUENCE { subjectIdentifier OCTET STRING,
// attributes SET OF }.
func (m Member) appendTo(b []byte) []byte {
	contents, _ := m.size()
	b = appendHeader(b, tagSequence, contents)
	b = append(appendHeader(b, tagOctets, len(m.ID)), m.ID...)
	return append(appendHeader(b, tagSet, len(m.attributes)), m.attributes...)
}
