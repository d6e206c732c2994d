package catalog

import (
	"crypto"
	"encoding/asn1"
	"encoding/hex"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Tag is the name by which Windows' functions know the member: the text of a version 1
// identifier, else the identifier in upper-case hexadecimal digits.
func (m Member) Tag() string {
	if s, ok := textLE(m.ID); ok && !isHash(len(m.ID)) {
		return s
	}
	return hashTag(m.ID)
}

// isHash: identifiers of these sizes are digests.
func isHash(n int) bool { return n == crypto.SHA1.Size() || n == crypto.SHA256.Size() }

// value returns the first value of an attribute, with its header.
func (m Member) value(oid asn1.ObjectIdentifier) (cryptobyte.String, bool) {
	set := cryptobyte.String(m.attributes)
	for !set.Empty() {
		typ, values, ok := readAttribute(&set)
		if !ok {
			return nil, false
		}
		var el cryptobyte.String
		var tag cbasn1.Tag
		if typ.Equal(oid) && values.ReadAnyASN1Element(&el, &tag) {
			return el, true
		}
	}
	return nil, false
}

// Kind returns what kind of file the member is said to be.
func (m Member) Kind() Kind {
	if v, ok := m.value(cms.OIDCatalogMemberInfo2); ok && len(v) == 2 && v[0] >= tagContext && v[0] <= tagContext+2 {
		return []Kind{KindPE, KindCAB, KindFlat}[v[0]-tagContext]
	}
	if v, ok := m.value(cms.OIDCatalogMemberInfo); ok {
		var seq, guid cryptobyte.String
		if v.ReadASN1(&seq, cbasn1.SEQUENCE) && seq.ReadASN1(&guid, cbasn1.Tag(tagBMP)) {
			k, _ := kindOfGUID(textBE(guid))
			return k
		}
	}
	return KindUnknown
}

// SubjectGUID returns the GUID of the subject interface package, in braces, that a
// version 1 member names.
func (m Member) SubjectGUID() string {
	v, ok := m.value(cms.OIDCatalogMemberInfo)
	var seq, guid cryptobyte.String
	if !ok || !v.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1(&guid, cbasn1.Tag(tagBMP)) {
		return ""
	}
	return textBE(guid)
}

// indirect splits SpcIndirectDataContent into the value of its data and its digest.
func (m Member) indirect() (typ asn1.ObjectIdentifier, data cryptobyte.String, alg asn1.ObjectIdentifier, digest []byte, ok bool) {
	v, ok := m.value(cms.OIDSpcIndirectData)
	var seq, info, id, sum cryptobyte.String
	ok = ok && v.ReadASN1(&seq, cbasn1.SEQUENCE) && seq.ReadASN1(&data, cbasn1.SEQUENCE) && data.ReadASN1ObjectIdentifier(&typ) &&
		seq.ReadASN1(&info, cbasn1.SEQUENCE) && info.ReadASN1(&id, cbasn1.SEQUENCE) && id.ReadASN1ObjectIdentifier(&alg) &&
		info.ReadASN1(&sum, cbasn1.OCTET_STRING)
	return typ, data, alg, sum, ok
}

// Digest returns the digest that the member's SpcIndirectDataContent holds. ok is false
// for members that have none, such as the SHA-1 entries of version 2, and for unknown
// hashes.
func (m Member) Digest() (h crypto.Hash, digest []byte, ok bool) {
	_, _, alg, digest, ok := m.indirect()
	if !ok {
		return 0, nil, false
	}
	h, err := cms.HashOf(alg)
	if err != nil || len(digest) != h.Size() {
		return 0, nil, false
	}
	return h, digest, true
}

// Compat reports whether this is the entry beside another one by which older callers
// find a file of a version 2 catalog: a SHA-1 identifier and no digest of its own.
func (m Member) Compat() bool {
	_, ok := m.value(cms.OIDSpcIndirectData)
	return !ok && len(m.ID) == crypto.SHA1.Size()
}

// PageHashes returns the table of page hashes and their hash; ok is false where there is none.
func (m Member) PageHashes() (h crypto.Hash, table []byte, ok bool) {
	typ, data, _, _, ok := m.indirect()
	if !ok || !typ.Equal(cms.OIDSpcPEImageData) {
		return 0, nil, false
	}
	object, ok := serializedObject(data)
	if !ok {
		return 0, nil, false
	}
	var set, pair, values, blob cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !object.ReadASN1(&set, cbasn1.SET) || !set.ReadASN1(&pair, cbasn1.SEQUENCE) || !pair.ReadASN1ObjectIdentifier(&oid) ||
		!pair.ReadASN1(&values, cbasn1.SET) || !values.ReadASN1(&blob, cbasn1.OCTET_STRING) {
		return 0, nil, false
	}
	switch {
	case oid.Equal(cms.OIDSpcPageHashesV1):
		return crypto.SHA1, blob, true
	case oid.Equal(cms.OIDSpcPageHashesV2):
		return crypto.SHA256, blob, true
	}
	return 0, nil, false
}

// serializedObject reads SpcPeImageData up to the object in its moniker, which is
// where page hashes are.
func serializedObject(data cryptobyte.String) (object cryptobyte.String, ok bool) {
	var seq, flags, file, moniker, class cryptobyte.String
	ok = data.ReadASN1(&seq, cbasn1.SEQUENCE) && seq.ReadASN1(&flags, cbasn1.BIT_STRING) && seq.ReadASN1(&file, tagContext|tagConstructed) &&
		file.ReadASN1(&moniker, tagContext|tagConstructed|1) && moniker.ReadASN1(&class, cbasn1.OCTET_STRING) &&
		moniker.ReadASN1(&object, cbasn1.OCTET_STRING) && string(class) == string(serializedClass)
	return object, ok
}

// Attributes returns the member's named values in the order of the file. Malformed ones
// are left out; Findings names them.
func (m Member) Attributes() []Attribute {
	var out []Attribute
	m.nameValues(func(a Attribute, err error) {
		if err == nil {
			out = append(out, a)
		}
	})
	return out
}

func (m Member) nameValues(each func(Attribute, error)) {
	set := cryptobyte.String(m.attributes)
	for !set.Empty() {
		typ, values, ok := readAttribute(&set)
		if !ok {
			return
		}
		if !typ.Equal(cms.OIDCatalogNameValue) {
			continue
		}
		for !values.Empty() {
			var el cryptobyte.String
			var tag cbasn1.Tag
			if !values.ReadAnyASN1Element(&el, &tag) {
				each(Attribute{}, errMalformed)
				return
			}
			each(parseNameValue(el))
		}
	}
}

// Attribute returns the text of the named attribute (File, FilePath).
func (m Member) Attribute(name string) (string, bool) {
	for _, a := range m.Attributes() {
		if a.Name == name {
			return a.Text()
		}
	}
	return "", false
}

// key returns the digest by which a file is found to be this member, and its hash; ok
// is false for entries with a free tag.
func (m Member) key(v Version) (h crypto.Hash, digest []byte, ok bool) {
	id := m.ID
	if v == V1 {
		s, text := textLE(m.ID)
		var err error
		if id, err = hex.DecodeString(s); err != nil || !text {
			return 0, nil, false
		}
	}
	switch len(id) {
	case crypto.SHA1.Size():
		return crypto.SHA1, id, true
	case crypto.SHA256.Size():
		return crypto.SHA256, id, true
	}
	return 0, nil, false
}
