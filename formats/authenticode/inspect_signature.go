package authenticode

import (
	"crypto"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/rfc3161"
)

// SignatureFacts describes one signature.
type SignatureFacts struct {
	Index int `json:"index"` // as Verify counts: the entries of the certificate table, each followed by what is nested in it
	Entry int `json:"entry"`
	Depth int `json:"depth"`
	Size  int `json:"size"` // bytes of the PKCS#7

	ContentType string          `json:"content_type,omitempty"`
	Digest      string          `json:"digest,omitempty"`           // of the file, as signed
	DigestName  string          `json:"digest_algorithm,omitempty"` // of the signer
	Algorithm   string          `json:"signature_algorithm,omitempty"`
	DigestFits  *bool           `json:"digest_fits,omitempty"` // the file has this digest; missing where there is no file
	PageHashes  []PageHashFacts `json:"page_hashes,omitempty"`
	Intact      bool            `json:"intact"` // the signature value and the message digest compute

	Signer      *CertificateReport `json:"signer,omitempty"`
	SigningTime time.Time          `json:"signing_time,omitzero"` // claimed
	Purpose     string             `json:"purpose,omitempty"`     // SpcStatementType
	Description string             `json:"description,omitempty"`
	URL         string             `json:"url,omitempty"`

	Timestamps   []TimestampFacts    `json:"timestamps,omitempty"`
	Tags         []TagFacts          `json:"tags,omitempty"`
	Certificates []CertificateReport `json:"certificates,omitempty"`
	CRLs         int                 `json:"crls,omitempty"`
	Signed       []AttributeFacts    `json:"signed_attributes,omitempty"`
	Unsigned     []AttributeFacts    `json:"unsigned_attributes,omitempty"`
	Problems     []string            `json:"problems,omitempty"`

	content *signedContent
}

// PageHashFacts describes a table of page hashes.
type PageHashFacts struct {
	Algorithm string `json:"algorithm"`
	Pages     int    `json:"pages"`
	Fits      *bool  `json:"fits,omitempty"`
}

// AttributeFacts describes an attribute of the signer.
type AttributeFacts struct {
	OID    string `json:"oid"`
	Name   string `json:"name,omitempty"`
	Values int    `json:"values"`
	Size   int    `json:"size"` // bytes of all values
}

// TimestampFacts describes a timestamp.
type TimestampFacts struct {
	Kind      string             `json:"kind"`
	Time      time.Time          `json:"time,omitzero"`
	Algorithm string             `json:"algorithm,omitempty"`
	Policy    string             `json:"policy,omitempty"`
	Serial    string             `json:"serial,omitempty"`
	Signer    *CertificateReport `json:"signer,omitempty"`
	Problems  []string           `json:"problems,omitempty"`
}

// attributeNames are the names of WinTrust.h and of the RFCs.
var attributeNames = map[string]string{
	cms.OIDContentType.String(): "contentType", cms.OIDMessageDigest.String(): "messageDigest", cms.OIDSigningTime.String(): "signingTime",
	cms.OIDCountersignature.String(): "countersignature", cms.OIDSequenceNumber.String(): "sequenceNumber",
	cms.OIDSpcStatementType.String(): "SpcStatementType", cms.OIDSpcSpOpusInfo.String(): "SpcSpOpusInfo",
	cms.OIDNestedSignature.String(): "SpcNestedSignature", cms.OIDRFC3161Token.String(): "RFC 3161 timestamp",
	cms.OIDSigningCertificate.String(): "signingCertificate", cms.OIDSigningCertificateV2.String(): "signingCertificateV2",
	cms.OIDIntentToSeal.String(): "SpcIntentToSeal", cms.OIDSealingSignature.String(): "SpcSealingSignature",
	cms.OIDSealingTimestamp.String(): "SpcSealingTimestamp", cms.OIDRelaxedPEMarker.String(): "SpcRelaxedPeMarkerCheck",
	cms.OIDDigestRetryCount.String(): "SpcEncryptedDigestRetryCount", cms.OIDUnauthenticatedBlob.String(): "unauthenticated blob",
	cms.OIDJsignTag.String(): "unauthenticated tag of jsign",
}

func (s *SignatureFacts) problem(format string, args ...any) {
	s.Problems = append(s.Problems, fmt.Sprintf(format, args...))
}

// fill describes what can be read of sd.
func (s *SignatureFacts) fill(sd *cms.SignedData) {
	s.ContentType, s.CRLs = sd.ContentType.String(), len(sd.CRLs)
	if sd.BER {
		s.problem("it is not encoded in DER")
	}
	certs, err := sd.X509Certificates()
	if err != nil {
		s.problem("%v", err)
	}
	s.Certificates = certificateReports(certs)
	s.fillContent(sd)
	if len(sd.Signers) != 1 {
		s.problem("%d signers, Authenticode has exactly one", len(sd.Signers))
		return
	}
	s.fillSigner(sd, &sd.Signers[0])
	if err := checkSigner(sd); err != nil {
		s.problem("%v", err)
	} else {
		s.Intact = true
	}
}

func (s *SignatureFacts) fillContent(sd *cms.SignedData) {
	if !sd.ContentType.Equal(cms.OIDSpcIndirectData) {
		return
	}
	c, err := parseSignedContent(sd.Content)
	if err != nil {
		s.problem("%v", err)
		return
	}
	s.content, s.Digest = c, hex.EncodeToString(c.digest)
	for _, h := range slices.Sorted(pageHashKinds(c)) {
		record := 4 + h.Size()
		s.PageHashes = append(s.PageHashes, PageHashFacts{Algorithm: h.String(), Pages: max(0, len(c.pageHashes[h])/record-1)})
	}
}

func pageHashKinds(c *signedContent) iter.Seq[crypto.Hash] { return maps.Keys(c.pageHashes) }

func (s *SignatureFacts) fillSigner(sd *cms.SignedData, si *cms.SignerInfo) {
	s.DigestName, s.Algorithm = digestName(si), si.SignatureAlgorithm.Algorithm.String()
	if cert, err := sd.SignerCertificate(0); err != nil {
		s.problem("%v", err)
	} else {
		report := certificateReport(cert)
		s.Signer = &report
		s.Algorithm = fmt.Sprintf("%v (%s)", cert.PublicKeyAlgorithm, s.Algorithm)
	}
	s.SigningTime = claimedTime(si)
	s.Purpose = purpose(si)
	if a, ok := si.Attr(cms.OIDSpcSpOpusInfo); ok && len(a.Values) > 0 {
		s.Description, s.URL = parseDescription(a.Values[0])
	}
	s.Signed, s.Unsigned = attributeFacts(si.SignedAttrs), attributeFacts(si.UnsignedAttrs)
	for _, a := range si.UnsignedAttrs {
		for _, v := range a.Values {
			switch {
			case a.Type.Equal(cms.OIDRFC3161Token):
				s.Timestamps = append(s.Timestamps, tokenFacts(v, si.Signature))
			case a.Type.Equal(cms.OIDCountersignature):
				s.Timestamps = append(s.Timestamps, countersignatureFacts(v, sd))
			}
		}
	}
	for _, t := range tagsOf(si) {
		s.Tags = append(s.Tags, tagFacts(t))
	}
}

func digestName(si *cms.SignerInfo) string {
	if h, err := si.Hash(); err == nil {
		return h.String()
	}
	return si.DigestAlgorithm.Algorithm.String()
}

// purpose reads SpcStatementType, SEQUENCE OF OBJECT IDENTIFIER.
func purpose(si *cms.SignerInfo) string {
	a, ok := si.Attr(cms.OIDSpcStatementType)
	if !ok || len(a.Values) == 0 {
		return ""
	}
	in := cryptobyte.String(a.Values[0])
	var seq cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1ObjectIdentifier(&oid) {
		return "unreadable"
	}
	switch {
	case cms.OIDSpcIndividualPurp.Equal(oid):
		return "individual"
	case cms.OIDSpcCommercialPurp.Equal(oid):
		return "commercial"
	}
	return oid.String()
}

func attributeFacts(attrs cms.Attributes) []AttributeFacts {
	var out []AttributeFacts
	for _, a := range attrs {
		f := AttributeFacts{OID: a.Type.String(), Name: attributeNames[a.Type.String()], Values: len(a.Values)}
		for _, v := range a.Values {
			f.Size += len(v)
		}
		out = append(out, f)
	}
	return out
}

func tokenFacts(der, signature []byte) TimestampFacts {
	f := TimestampFacts{Kind: "RFC 3161"}
	t, err := rfc3161.ParseToken(der)
	if err != nil {
		f.Problems = []string{err.Error()}
		return f
	}
	f.Time, f.Algorithm, f.Policy, f.Serial = t.GenTime.UTC(), t.Hash.String(), t.Policy.String(), t.Serial.Text(16)
	for _, p := range t.Problems(signature, rfc3161.CheckOptions{Trust: rfc3161.TrustAny}) {
		f.Problems = append(f.Problems, p.String())
	}
	if cert, err := t.Signer(); err == nil {
		report := certificateReport(cert)
		f.Signer = &report
	}
	return f
}

func countersignatureFacts(der []byte, outer *cms.SignedData) TimestampFacts {
	f := TimestampFacts{Kind: "PKCS#9 countersignature"}
	si, err := cms.ParseSignerInfo(der)
	if err != nil {
		f.Problems = []string{err.Error()}
		return f
	}
	f.Time, f.Algorithm, f.Problems = claimedTime(si), digestName(si), countersignatureProblems(si, outer, nil)
	if cert, err := outer.FindCertificate(si); err == nil {
		report := certificateReport(cert)
		f.Signer = &report
	}
	return f
}
