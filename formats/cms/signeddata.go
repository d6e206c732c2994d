package cms

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
)

// SignedData is a PKCS#7 SignedData (RFC 2315 section 9) or CMS SignedData (RFC 5652 section 5),
// without the ContentInfo around it, which Parse removes and Marshal adds.
type SignedData struct {
	// Version is 1 in Authenticode and catalogs, 3 in RFC 3161 tokens.
	Version          int
	DigestAlgorithms []pkix.AlgorithmIdentifier
	// ContentType names what Content is (OIDSpcIndirectData, OIDCTL, OIDTSTInfo, …).
	ContentType asn1.ObjectIdentifier
	// Content is the whole TLV inside the [0] EXPLICIT tag: in Authenticode the content's own
	// SEQUENCE, in CMS an OCTET STRING. Nil in a detached signature.
	Content []byte
	// Certificates are in the order of the file; Marshal writes them in DER order.
	Certificates []*Certificate
	// CRLs are the whole TLVs of the revocation lists.
	CRLs    [][]byte
	Signers []SignerInfo
	// Trailing is how many bytes followed the structure in the input of Parse (padding of a PE
	// certificate table, or something hidden there; judging them is the caller's).
	Trailing int
	// BER is true where the input was not DER and had to be converted before it could be read.
	BER bool
}

// SignerInfo is one signature (RFC 2315 section 9.2, RFC 5652 section 5.3).
type SignerInfo struct {
	// Version is 1 with RawIssuer and Serial, 3 with SubjectKeyID.
	Version int
	// RawIssuer is the DER of the issuer's name; nil if SubjectKeyID identifies the signer.
	RawIssuer []byte
	Serial    *big.Int
	// SubjectKeyID is the value of the certificate's subjectKeyIdentifier, nil with RawIssuer.
	SubjectKeyID       []byte
	DigestAlgorithm    pkix.AlgorithmIdentifier
	SignatureAlgorithm pkix.AlgorithmIdentifier
	// SignedAttrs are the authenticated attributes. Changing them after signing breaks
	// the signature; Marshal writes RawSignedAttrs where that is set.
	SignedAttrs Attributes
	// UnsignedAttrs may be edited at any time: timestamps and nested signatures live here.
	UnsignedAttrs Attributes
	// RawSignedAttrs is the encoding of SignedAttrs with the SET OF tag (0x31), which
	// is what is hashed and signed (RFC 5652 section 5.4). The order of the file is
	// kept: signers exist that neither sort the set nor sign the sorted one. Nil
	// without signed attributes.
	RawSignedAttrs []byte
	Signature      []byte

	rawSID  []byte // sid as it stood in the file, for a faithful Marshal
	content []byte // the content TLV of the SignedData it came with, for signatures without signed attributes
}

// Attribute is a PKCS#9 attribute: a type and one or more values.
type Attribute struct {
	Type asn1.ObjectIdentifier
	// Values are the whole TLVs.
	Values [][]byte
}

// Attributes is a SET OF Attribute. Marshal sorts it; the order in memory does not matter.
type Attributes []Attribute

// Get returns the attribute of the given type. Where foreign input carries the type
// twice, it is the first.
func (a Attributes) Get(oid asn1.ObjectIdentifier) (Attribute, bool) {
	for _, at := range a {
		if at.Type.Equal(oid) {
			return at, true
		}
	}
	return Attribute{}, false
}

// Set replaces every attribute of the type by one with the given values.
func (a *Attributes) Set(oid asn1.ObjectIdentifier, values ...[]byte) {
	a.Remove(oid)
	*a = append(*a, Attribute{Type: oid, Values: values})
}

// Add adds a value to the attribute of the type, which is made if there is none.
func (a *Attributes) Add(oid asn1.ObjectIdentifier, value []byte) {
	for i, at := range *a {
		if at.Type.Equal(oid) {
			// A fresh slice: values may be shared with another copy of the SignerInfo.
			(*a)[i].Values = append(append([][]byte(nil), at.Values...), value)
			return
		}
	}
	*a = append(*a, Attribute{Type: oid, Values: [][]byte{value}})
}

// Remove takes every attribute of the type away and says whether there was one.
func (a *Attributes) Remove(oid asn1.ObjectIdentifier) bool {
	kept := make(Attributes, 0, len(*a)+1)
	for _, at := range *a {
		if !at.Type.Equal(oid) {
			kept = append(kept, at)
		}
	}
	removed := len(kept) != len(*a)
	*a = kept
	return removed
}

// Attr returns the signed attribute of the given type.
func (si *SignerInfo) Attr(oid asn1.ObjectIdentifier) (Attribute, bool) {
	return si.SignedAttrs.Get(oid)
}

// UnsignedAttr returns the unsigned attribute of the given type.
func (si *SignerInfo) UnsignedAttr(oid asn1.ObjectIdentifier) (Attribute, bool) {
	return si.UnsignedAttrs.Get(oid)
}
