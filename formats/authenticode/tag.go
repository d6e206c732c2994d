package authenticode

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// MaxTag is the largest tag that is written, in bytes. Windows sets no limit; every
// reader of the file has to load it.
const MaxTag = 1 << 20

// ErrTagged: the signature has a tag already.
var ErrTagged = errors.New("the signature has a tag already")

// Tag is data in an unsigned attribute of a signature, such as the download that an
// installer came from. Nothing protects it: anyone with the file can change it, and the
// signature stays good.
type Tag struct {
	// OID is cms.OIDUnauthenticatedBlob (osslsigncode) or cms.OIDJsignTag.
	OID asn1.ObjectIdentifier
	// Text: the value is a UTF8String, as both tools write text; otherwise an OCTET
	// STRING or, of foreign files, anything.
	Text bool
	// Data is the content of the value; the whole TLV where it is neither kind of string.
	Data []byte
}

// AddTag puts data into the unsigned attribute 1.3.6.1.4.1.42921.1.2.1 of the
// signature with the given index, as osslsigncode's -addUnauthenticatedBlob does:
// a UTF8String, or an OCTET STRING where data is not valid UTF-8. If the signature
// has a tag already, of either tool's kind, the error is ErrTagged. Nothing that is
// signed changes.
func (p PKCS7) AddTag(index int, data []byte) (PKCS7, error) {
	s, err := p.Signature(index)
	if err != nil {
		return nil, err
	}
	if len(tagsOf(&s.Signers[0])) > 0 {
		return nil, fmt.Errorf("tagging signature %d: %w", index, ErrTagged)
	}
	return p.ReplaceTag(index, data)
}

// ReplaceTag is AddTag in place of the tags that the signature has.
func (p PKCS7) ReplaceTag(index int, data []byte) (PKCS7, error) {
	switch {
	case len(data) == 0:
		return nil, cms.WrongOption("data", "tagging: the tag is empty")
	case len(data) > MaxTag:
		return nil, cms.WrongOption("data", "tagging: %d bytes, at most %d are allowed", len(data), MaxTag)
	}
	value, err := tagValue(data)
	if err != nil {
		return nil, err
	}
	return p.edit(index, func(n *sigNode) error {
		si := &n.sd.Signers[0]
		si.UnsignedAttrs.Remove(cms.OIDJsignTag)
		si.UnsignedAttrs.Set(cms.OIDUnauthenticatedBlob, value)
		return nil
	})
}

// Tags returns the tags of the signature with the given index.
func (p PKCS7) Tags(index int) ([]Tag, error) {
	s, err := p.Signature(index)
	if err != nil {
		return nil, err
	}
	return tagsOf(&s.Signers[0]), nil
}

func tagValue(data []byte) ([]byte, error) {
	kind := cbasn1.OCTET_STRING
	if utf8.Valid(data) {
		kind = cbasn1.UTF8String
	}
	var b cryptobyte.Builder
	b.AddASN1(kind, func(b *cryptobyte.Builder) { b.AddBytes(data) })
	return b.Bytes()
}

func isTag(oid asn1.ObjectIdentifier) bool {
	return oid.Equal(cms.OIDUnauthenticatedBlob) || oid.Equal(cms.OIDJsignTag)
}

// tagsOf reads all values of all tag attributes.
func tagsOf(si *cms.SignerInfo) []Tag {
	var out []Tag
	for _, a := range si.UnsignedAttrs {
		if !isTag(a.Type) {
			continue
		}
		for _, v := range a.Values {
			out = append(out, parseTag(a.Type, v))
		}
	}
	return out
}

func parseTag(oid asn1.ObjectIdentifier, value []byte) Tag {
	in := cryptobyte.String(value)
	var content cryptobyte.String
	var kind cbasn1.Tag
	if !in.ReadAnyASN1(&content, &kind) || !in.Empty() || (kind != cbasn1.UTF8String && kind != cbasn1.OCTET_STRING) {
		return Tag{OID: oid, Data: value}
	}
	return Tag{OID: oid, Text: kind == cbasn1.UTF8String, Data: content}
}
