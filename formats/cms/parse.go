package cms

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Parse reads a ContentInfo that holds a SignedData. Bytes after it are counted in Trailing, not judged.
//
// DER is read as it stands, without copying: the result aliases b, which must not be changed afterwards.
// BER (indefinite lengths, lengths that are longer than needed, constructed strings) is converted to DER
// first, up to 8 MiB of it. Certificates are not parsed yet. Every error is a *ParseError, also for numbers of certificates, signers and
// attributes that no signature has.
func Parse(b []byte) (*SignedData, error) {
	s, err := parse(b)
	if err == nil && !constructedOctets(s.Content) {
		return s, nil
	}
	if tooMuch(err) {
		return nil, err
	}
	der, used, converted := toDER(b)
	if converted {
		s, err = parse(der)
	}
	if err == nil && constructedOctets(s.Content) {
		return nil, &ParseError{Field: "content", Problem: "malformed constructed OCTET STRING"}
	}
	if err != nil && converted {
		err.(*ParseError).Problem += " (offset counted after conversion from BER to DER)"
	}
	if err != nil {
		return nil, err
	}
	s.Trailing, s.BER = len(b)-used, true
	return s, nil
}

func tooMuch(err error) bool {
	p, ok := err.(*ParseError)
	return ok && p.bound
}

// constructedOctets says whether content is an OCTET STRING in pieces, which has no single run of value octets to hash.
func constructedOctets(content []byte) bool { return len(content) > 0 && content[0] == 0x24 }

// reader remembers the whole input so that errors can say where they are.
type reader struct{ whole []byte }

// at is the offset of s in the input: slices of one array end at the same capacity.
func (r reader) at(s cryptobyte.String) int { return cap(r.whole) - cap(s) }

func (r reader) fail(s cryptobyte.String, field, format string, args ...any) error {
	return &ParseError{Offset: r.at(s), Field: field, Problem: fmt.Sprintf(format, args...)}
}

func parse(b []byte) (*SignedData, error) {
	r := reader{b}
	in := cryptobyte.String(b)
	var ci, explicit, sd cryptobyte.String
	var oid asn1.ObjectIdentifier
	at := in
	if !in.ReadASN1(&ci, cbasn1.SEQUENCE) {
		return nil, r.fail(at, "ContentInfo", "not a complete SEQUENCE")
	}
	at = ci
	if !ci.ReadASN1ObjectIdentifier(&oid) {
		return nil, r.fail(at, "contentType", "not an OBJECT IDENTIFIER")
	}
	if !oid.Equal(OIDSignedData) {
		return nil, r.fail(at, "contentType", "%v is not signedData (%v)", oid, OIDSignedData)
	}
	at = ci
	if !ci.ReadASN1(&explicit, contextTag(0)) || !ci.Empty() {
		return nil, r.fail(at, "content", "not exactly one [0] EXPLICIT")
	}
	at = explicit
	if !explicit.ReadASN1(&sd, cbasn1.SEQUENCE) || !explicit.Empty() {
		return nil, r.fail(at, "SignedData", "not exactly one SEQUENCE")
	}
	s, err := r.signedData(sd)
	if err != nil {
		return nil, err
	}
	s.Trailing = len(in)
	return s, nil
}

func (r reader) signedData(sd cryptobyte.String) (*SignedData, error) {
	s := &SignedData{}
	at := sd
	if !sd.ReadASN1Integer(&s.Version) {
		return nil, r.fail(at, "version", "not a small INTEGER")
	}
	var algs, encap cryptobyte.String
	at = sd
	if !sd.ReadASN1(&algs, cbasn1.SET) {
		return nil, r.fail(at, "digestAlgorithms", "not a SET")
	}
	for i := 0; !algs.Empty(); i++ {
		if err := r.tooMany(i, maxDigestAlgorithms, algs, "digestAlgorithms"); err != nil {
			return nil, err
		}
		alg, err := r.algorithm(&algs, fmt.Sprintf("digestAlgorithms[%d]", i))
		if err != nil {
			return nil, err
		}
		s.DigestAlgorithms = append(s.DigestAlgorithms, alg)
	}
	at = sd
	if !sd.ReadASN1(&encap, cbasn1.SEQUENCE) {
		return nil, r.fail(at, "contentInfo", "not a SEQUENCE")
	}
	if err := r.encapsulated(s, encap); err != nil {
		return nil, err
	}
	if err := r.certificatesAndCRLs(s, &sd); err != nil {
		return nil, err
	}
	return s, r.signerInfos(s, sd)
}

func (r reader) encapsulated(s *SignedData, encap cryptobyte.String) error {
	at := encap
	if !encap.ReadASN1ObjectIdentifier(&s.ContentType) {
		return r.fail(at, "contentInfo.contentType", "not an OBJECT IDENTIFIER")
	}
	if encap.Empty() {
		return nil
	}
	var explicit, content cryptobyte.String
	var tag cbasn1.Tag
	at = encap
	if !encap.ReadASN1(&explicit, contextTag(0)) || !encap.Empty() {
		return r.fail(at, "contentInfo.content", "not exactly one [0] EXPLICIT")
	}
	at = explicit
	if !explicit.ReadAnyASN1Element(&content, &tag) || !explicit.Empty() {
		return r.fail(at, "contentInfo.content", "not exactly one value")
	}
	s.Content = content
	return nil
}

func (r reader) certificatesAndCRLs(s *SignedData, sd *cryptobyte.String) error {
	certs, err := r.optionalSet(sd, 0, "certificates", maxCertificates)
	if err != nil {
		return err
	}
	for _, raw := range certs {
		s.Certificates = append(s.Certificates, NewCertificate(raw))
	}
	s.CRLs, err = r.optionalSet(sd, 1, "crls", maxCRLs)
	return err
}

// optionalSet reads an optional IMPLICIT SET OF ANY and returns the whole TLVs.
func (r reader) optionalSet(in *cryptobyte.String, n uint8, field string, limit int) ([][]byte, error) {
	at := *in
	var set cryptobyte.String
	var present bool
	if !in.ReadOptionalASN1(&set, &present, contextTag(n)) {
		return nil, r.fail(at, field, "not a complete [%d]", n)
	}
	return r.elements(set, field, limit)
}

func (r reader) elements(set cryptobyte.String, field string, limit int) ([][]byte, error) {
	var out [][]byte
	for i := 0; !set.Empty(); i++ {
		if err := r.tooMany(i, limit, set, field); err != nil {
			return nil, err
		}
		at := set
		var el cryptobyte.String
		var tag cbasn1.Tag
		if !set.ReadAnyASN1Element(&el, &tag) {
			return nil, r.fail(at, fmt.Sprintf("%s[%d]", field, i), "malformed element")
		}
		out = append(out, el)
	}
	return out, nil
}

func (r reader) signerInfos(s *SignedData, sd cryptobyte.String) error {
	var set cryptobyte.String
	at := sd
	if !sd.ReadASN1(&set, cbasn1.SET) {
		return r.fail(at, "signerInfos", "not a SET")
	}
	if !sd.Empty() {
		return r.fail(sd, "signerInfos", "followed by %d unexpected bytes", len(sd))
	}
	for i := 0; !set.Empty(); i++ {
		if err := r.tooMany(i, maxSigners, set, "signerInfos"); err != nil {
			return err
		}
		si, err := r.signerInfo(&set, fmt.Sprintf("signerInfos[%d]", i))
		if err != nil {
			return err
		}
		si.content = s.Content
		s.Signers = append(s.Signers, *si)
	}
	return nil
}

// ParseSignerInfo reads a bare SignerInfo, as a PKCS#9 countersignature attribute holds it
// (RFC 5652 section 11.4). BER is converted as in Parse; bytes after it are an error. Every error is a *ParseError.
func ParseSignerInfo(b []byte) (*SignerInfo, error) {
	si, err := parseSignerInfo(b)
	if err == nil {
		return si, nil
	}
	der, used, converted := toDER(b)
	if !converted || used != len(b) {
		return nil, err
	}
	return parseSignerInfo(der)
}

func parseSignerInfo(b []byte) (*SignerInfo, error) {
	r := reader{b}
	in := cryptobyte.String(b)
	si, err := r.signerInfo(&in, "SignerInfo")
	if err == nil && !in.Empty() {
		err = r.fail(in, "SignerInfo", "followed by %d unexpected bytes", len(in))
	}
	if err != nil {
		return nil, err
	}
	return si, nil
}

func (r reader) signerInfo(in *cryptobyte.String, field string) (*SignerInfo, error) {
	var s cryptobyte.String
	at := *in
	if !in.ReadASN1(&s, cbasn1.SEQUENCE) {
		return nil, r.fail(at, field, "not a complete SEQUENCE")
	}
	si := &SignerInfo{}
	at = s
	if !s.ReadASN1Integer(&si.Version) {
		return nil, r.fail(at, field+".version", "not a small INTEGER")
	}
	err := r.signerID(&s, si, field+".sid")
	if err != nil {
		return nil, err
	}
	if si.DigestAlgorithm, err = r.algorithm(&s, field+".digestAlgorithm"); err != nil {
		return nil, err
	}
	if err := r.signedAttributes(&s, si, field+".signedAttrs"); err != nil {
		return nil, err
	}
	if si.SignatureAlgorithm, err = r.algorithm(&s, field+".signatureAlgorithm"); err != nil {
		return nil, err
	}
	at = s
	if !s.ReadASN1Bytes(&si.Signature, cbasn1.OCTET_STRING) {
		return nil, r.fail(at, field+".signature", "not an OCTET STRING")
	}
	return si, r.unsignedAttributes(s, si, field+".unsignedAttrs")
}

func (r reader) signerID(s *cryptobyte.String, si *SignerInfo, field string) error {
	at := *s
	var tag cbasn1.Tag
	var raw, inner cryptobyte.String
	if !s.ReadAnyASN1Element(&raw, &tag) {
		return r.fail(at, field, "malformed element")
	}
	si.rawSID = raw
	switch tag {
	case cbasn1.SEQUENCE:
		raw.ReadASN1(&inner, cbasn1.SEQUENCE)
		return r.issuerAndSerial(inner, si, field)
	case cbasn1.Tag(0).ContextSpecific():
		raw.ReadASN1(&inner, tag)
		si.SubjectKeyID = inner
		return nil
	}
	return r.fail(at, field, "neither issuerAndSerialNumber nor [0] subjectKeyIdentifier (tag 0x%02x)", uint8(tag))
}

func (r reader) issuerAndSerial(s cryptobyte.String, si *SignerInfo, field string) error {
	var issuer, serial cryptobyte.String
	at := s
	if !s.ReadASN1Element(&issuer, cbasn1.SEQUENCE) {
		return r.fail(at, field+".issuer", "not a SEQUENCE")
	}
	at = s
	if !s.ReadASN1(&serial, cbasn1.INTEGER) || len(serial) == 0 || !s.Empty() {
		return r.fail(at, field+".serialNumber", "not exactly one INTEGER")
	}
	si.RawIssuer, si.Serial = issuer, signedInteger(serial)
	return nil
}

// signedInteger reads two's complement octets. Unlike strict DER readers it takes redundant leading
// octets, which serial numbers of old certificates have.
func signedInteger(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(b))*8))
	}
	return n
}

func (r reader) algorithm(s *cryptobyte.String, field string) (pkix.AlgorithmIdentifier, error) {
	at := *s
	oid, params, ok := readAlgorithm(s)
	if !ok {
		return pkix.AlgorithmIdentifier{}, r.fail(at, field, "not an AlgorithmIdentifier")
	}
	alg := pkix.AlgorithmIdentifier{Algorithm: oid}
	if params != nil {
		if rest, err := asn1.Unmarshal(params, &alg.Parameters); err != nil || len(rest) != 0 {
			return pkix.AlgorithmIdentifier{}, r.fail(at, field, "malformed parameters")
		}
	}
	return alg, nil
}

func (r reader) signedAttributes(s *cryptobyte.String, si *SignerInfo, field string) error {
	if !s.PeekASN1Tag(contextTag(0)) {
		return nil
	}
	at := *s
	var raw, set cryptobyte.String
	if !s.ReadASN1Element(&raw, contextTag(0)) {
		return r.fail(at, field, "not a complete [0]")
	}
	// The copy gets the SET OF tag: RFC 5652 section 5.4 hashes that instead of the IMPLICIT [0].
	si.RawSignedAttrs = append([]byte{0x31}, raw[1:]...)
	raw.ReadASN1(&set, contextTag(0))
	attrs, err := r.attributes(set, field)
	si.SignedAttrs = attrs
	return err
}

func (r reader) unsignedAttributes(s cryptobyte.String, si *SignerInfo, field string) error {
	at := s
	var set cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&set, &present, contextTag(1)) {
		return r.fail(at, field, "not a complete [1]")
	}
	if !s.Empty() {
		return r.fail(s, field, "followed by %d unexpected bytes", len(s))
	}
	attrs, err := r.attributes(set, field)
	si.UnsignedAttrs = attrs
	return err
}

func (r reader) attributes(set cryptobyte.String, field string) (Attributes, error) {
	var out Attributes
	for i := 0; !set.Empty(); i++ {
		if err := r.tooMany(i, maxAttributes, set, field); err != nil {
			return nil, err
		}
		name := fmt.Sprintf("%s[%d]", field, i)
		at := set
		var attr, values cryptobyte.String
		if !set.ReadASN1(&attr, cbasn1.SEQUENCE) {
			return nil, r.fail(at, name, "not a SEQUENCE")
		}
		var a Attribute
		at = attr
		if !attr.ReadASN1ObjectIdentifier(&a.Type) {
			return nil, r.fail(at, name+".type", "not an OBJECT IDENTIFIER")
		}
		at = attr
		if !attr.ReadASN1(&values, cbasn1.SET) || !attr.Empty() {
			return nil, r.fail(at, name+".values", "not exactly one SET")
		}
		var err error
		if a.Values, err = r.elements(values, name+".values", maxValues); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}
