package authenticode

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/formats/printable"
)

// Report is the result of Verify: what was found and what follows from it. It renders as text (String) for
// people and as evidence, and as JSON.
type Report struct {
	Format string    `json:"format"` // "PE", "PKCS7" for a signature alone, "other"
	Size   int64     `json:"size"`   // bytes
	Time   time.Time `json:"verified_at"`

	// Windows is what WinVerifyTrust answers about the file: about its first signature, or one nested in it where the first does not
	// hold, or else its catalog's.
	Windows Verdict `json:"windows"`
	// Signature is the index of the signature that this answer comes from.
	Signature int `json:"signature"`
	// Trusted is our own judgement: Windows trusts the file, every signature in it holds, and nothing of severity
	// error or strict is left. With VerifyOptions.AsWindows it is Windows' answer.
	Trusted bool `json:"trusted"`
	// Firmware tells that Trusted is for firmware, and Windows refuses the layout of the program.
	Firmware bool `json:"firmware,omitempty"`

	Digests    map[string]string  `json:"digests,omitempty"` // Authentihash (other files: flat hash) by name of the hash, hexadecimal
	Covered    []peimage.Range    `json:"-"`                 // the bytes of a PE file that Digests are computed over
	Checksum   *ChecksumReport    `json:"checksum,omitempty"`
	Findings   []Finding          `json:"findings,omitempty"` // about the file as a whole
	Signatures []*SignatureReport `json:"signatures,omitempty"`
	Catalog    *CatalogReport     `json:"catalog,omitempty"`
}

// ChecksumReport compares the CheckSum of the optional header with the file.
type ChecksumReport struct {
	Header   uint32 `json:"header"` // 0 means that none was written
	Computed uint32 `json:"computed"`
}

// SignatureReport is the result for one signature.
type SignatureReport struct {
	// Index counts all signatures of the file: the entries of the certificate table in order, each followed by the
	// signatures nested in it, depth first.
	Index int `json:"index"`
	Entry int `json:"entry"` // of the certificate table
	Depth int `json:"depth"` // 0 for a signature in the table, 1 for one nested in it, …

	Windows Verdict `json:"windows"` // as WSS_VERIFY_SPECIFIC would answer, which does not look at seals; here a broken one counts
	Trusted bool    `json:"trusted"` // no finding of severity error or strict

	Digest     *DigestReport  `json:"digest,omitempty"`
	PageHashes []DigestReport `json:"page_hashes,omitempty"`

	Signer      *CertificateReport  `json:"signer,omitempty"`
	Chain       []CertificateReport `json:"chain,omitempty"`       // leaf first, the best of all paths
	Anchor      string              `json:"anchor,omitempty"`      // where the root that the chain ends at comes from, if it is trusted
	JudgedAt    time.Time           `json:"judged_at,omitzero"`    // the time at which the chain was judged
	SigningTime time.Time           `json:"signing_time,omitzero"` // what the signer claims; nothing proves it
	Description string              `json:"description,omitempty"`
	URL         string              `json:"url,omitempty"`
	Timestamps  []TimestampReport   `json:"timestamps,omitempty"`
	Seal        *SealReport         `json:"seal,omitempty"`   // nil if the signature neither has nor intends one
	Kernel      *KernelReport       `json:"kernel,omitempty"` // nil unless VerifyOptions.Kernel asks for it

	Findings []Finding `json:"findings,omitempty"`
}

// DigestReport compares a stored with a computed digest, in hexadecimal. Of page hash tables it compares the
// SHA-256 of the table, which itself is long.
type DigestReport struct {
	Algorithm string `json:"algorithm"`
	Stored    string `json:"stored"`
	Computed  string `json:"computed"`
	Match     bool   `json:"match"`
}

// CertificateReport identifies a certificate.
type CertificateReport struct {
	Name       string          `json:"name"`        // common name of the subject, as Windows shows the publisher; the whole subject if there is none
	IssuerName string          `json:"issuer_name"` // likewise
	Subject    string          `json:"subject"`
	Issuer     string          `json:"issuer"`
	Serial     string          `json:"serial"` // hexadecimal
	NotBefore  time.Time       `json:"not_before"`
	NotAfter   time.Time       `json:"not_after"`
	SHA1       string          `json:"sha1"`   // thumbprint as Windows shows it
	SHA256     string          `json:"sha256"` // thumbprint
	Class      certchain.Class `json:"class"`
	EKUs       []string        `json:"ekus,omitempty"`
}

// TimestampReport is the result for one timestamp of a signature.
type TimestampReport struct {
	Kind      string              `json:"kind"` // "RFC 3161" or "PKCS#9 countersignature"
	Time      time.Time           `json:"time,omitzero"`
	Algorithm string              `json:"algorithm,omitempty"` // of the imprint
	Policy    string              `json:"policy,omitempty"`
	Serial    string              `json:"serial,omitempty"`
	Chain     []CertificateReport `json:"chain,omitempty"`
	Anchor    string              `json:"anchor,omitempty"` // where the root comes from, if it is trusted
	Trusted   bool                `json:"trusted"`

	counts bool // Windows takes it for a timestamp at all
}

// CatalogReport is the result for a file that is trusted by a catalog instead of by a signature of its own.
type CatalogReport struct {
	Name      string           `json:"name"`
	Member    string           `json:"member"`
	Algorithm string           `json:"algorithm"`
	Signature *SignatureReport `json:"signature"`
}

// Problems returns all findings of severity error or strict, of the file and of each signature, in order.
func (r *Report) Problems() []Finding {
	out := grave(r.Findings)
	for _, s := range r.allSignatures() {
		out = append(out, grave(s.Findings)...)
	}
	return out
}

// Refuse puts what the caller found, beyond what Verify can, into the report as an error: a report does not say
// trusted when the answer of its program is an error. What Windows answers stays.
func (r *Report) Refuse(c Check, err error) {
	r.Trusted = false
	r.Findings = append(r.Findings, Finding{Check: c, Severity: SeverityError, Message: err.Error()})
}

// Secondary is Windows' answer when asked about one signature alone (WSS_VERIFY_SPECIFIC of
// WINTRUST_SIGNATURE_SETTINGS): 0 is the first, an index that does not exist is TRUST_E_NOSIGNATURE.
func (r *Report) Secondary(index int) Verdict {
	if v := firstVerdict(r.Findings); v != VerdictTrusted || index < 0 || index >= len(r.Signatures) {
		if v == VerdictTrusted {
			v = VerdictNoSignature
		}
		return v
	}
	return r.Signatures[index].Windows
}

func (r *Report) allSignatures() []*SignatureReport {
	if r.Catalog != nil && r.Catalog.Signature != nil {
		return append(r.Signatures[:len(r.Signatures):len(r.Signatures)], r.Catalog.Signature)
	}
	return r.Signatures
}

// JSON renders the report, indented, with a newline at the end.
func (r *Report) JSON() ([]byte, error) {
	b, err := printable.JSON(r)
	return append(b, '\n'), err
}

func grave(fs []Finding) []Finding {
	var out []Finding
	for _, f := range fs {
		if f.Severity == SeverityError || f.Severity == SeverityStrict {
			out = append(out, f)
		}
	}
	return out
}

// firstVerdict is Windows' answer: it stops at the first thing that is wrong.
func firstVerdict(fs []Finding) Verdict {
	for _, f := range fs {
		if f.Severity == SeverityError && f.Verdict != VerdictTrusted {
			return f.Verdict
		}
	}
	return VerdictTrusted
}

func certificateReport(c *x509.Certificate) CertificateReport {
	s1, s256 := sha1.Sum(c.Raw), sha256.Sum256(c.Raw)
	return CertificateReport{Name: commonName(c.Subject), IssuerName: commonName(c.Issuer), Subject: c.Subject.String(), Issuer: c.Issuer.String(), Serial: c.SerialNumber.Text(16),
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(), SHA1: hex.EncodeToString(s1[:]), SHA256: hex.EncodeToString(s256[:]),
		Class: certchain.Classify(c), EKUs: certchain.EKUs(c)}
}

// commonName is the name that people know a subject by.
func commonName(n pkix.Name) string {
	if n.CommonName != "" {
		return n.CommonName
	}
	return n.String()
}

func certificateReports(cs []*x509.Certificate) []CertificateReport {
	out := make([]CertificateReport, len(cs))
	for i, c := range cs {
		out[i] = certificateReport(c)
	}
	return out
}
