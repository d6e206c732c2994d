package authenticode

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
)

// judging is the state of the checks of one signature.
type judging struct {
	v         *verifier
	m         *message
	signer    *cms.SignerInfo
	cert      *x509.Certificate
	more      []*x509.Certificate // at hand beside those that the signature carries
	embedded  []*x509.Certificate // all that the signature carries and that can be parsed
	stamped   time.Time           // of the first intact timestamp; zero without one
	authority map[int][]Finding   // about the authority of each timestamp, counted from 1
	chain     certchain.Chain
	missing   *Finding                   // the signature demands a seal and there is none
	useful    map[[sha256.Size]byte]bool // embedded certificates that are on some path
}

// signatureChecks are made in this order, which is also Windows': its answer is the
// first error. A check that returns false leaves nothing for the others to look at.
var signatureChecks = []struct {
	run      func(*judging, context.Context) bool
	hashOnly bool // also made when signers do not matter
}{
	{(*judging).structure, true},
	{(*judging).padding, true},
	{(*judging).digest, true},
	{(*judging).messageDigest, false},
	{(*judging).pageHashes, true},
	{(*judging).signature, false},
	{(*judging).sealing, false},
	{(*judging).timestamps, false},
	{(*judging).certificateChain, false},
	{(*judging).authorities, false},
	{(*judging).revoked, false},
	{(*judging).kernel, false},
	{(*judging).leaf, false},
	{(*judging).sealMissing, false},
	{(*judging).algorithms, false},
	{(*judging).require, false},
	{(*judging).leftovers, false},
}

// judge makes all checks of one signature.
func (v *verifier) judge(ctx context.Context, m *message) {
	j := &judging{v: v, m: m, useful: map[[sha256.Size]byte]bool{}, authority: map[int][]Finding{}, more: v.certificatesFor(m)}
	for _, c := range signatureChecks {
		if v.opts.HashOnly && !c.hashOnly {
			continue
		}
		if !c.run(j, ctx) {
			return
		}
	}
}

// certificatesFor are the certificates that a signature need not carry itself: for a
// nested one Windows also looks into the first.
func (v *verifier) certificatesFor(m *message) []*x509.Certificate {
	if m.report.Depth == 0 || m.report.Entry != 0 || v.messages[0].data == nil {
		return v.opts.Intermediates
	}
	outer, _ := v.messages[0].data.X509Certificates() // one that cannot be read is of no use to anybody
	return append(outer, v.opts.Intermediates...)
}

func (j *judging) find(f ...Finding) { j.m.report.Findings = append(j.m.report.Findings, f...) }

// structure: a SignedData with one signer over the expected kind of content (Windows
// Authenticode Portable Executable Signature Format, "PKCS #7 SignedData").
func (j *judging) structure(context.Context) bool {
	m := j.m
	if m.err != nil {
		j.find(problem(CheckSignature, VerdictNoSignature, "the PKCS#7 cannot be read: %v", m.err))
		return false
	}
	if !m.data.ContentType.Equal(j.v.content) {
		j.find(problem(CheckContent, VerdictNoSignature, "content is of type %v, not %v", m.data.ContentType, j.v.content))
		return false
	}
	if m.bad != nil {
		j.find(problem(CheckContent, VerdictNoSignature, "%v", m.bad))
		return false
	}
	if n := len(m.data.Signers); n != 1 {
		j.find(problem(CheckSignature, VerdictNoSignature, "%d signers instead of one", n))
		return false
	}
	if i := slices.IndexFunc(m.data.Certificates, func(c *cms.Certificate) bool { return !shapedAsCertificate(c.Raw) }); i >= 0 {
		j.find(problem(CheckSignature, VerdictBadMessage, "element %d of the certificates is no certificate", i))
		return false
	}
	j.signer = &m.data.Signers[0]
	if !j.oneStamp() {
		return false
	}
	var err error
	if j.embedded, err = m.data.X509Certificates(); err != nil {
		j.find(note(CheckSignature, "an embedded certificate cannot be read: %v", err))
	}
	j.describe()
	return true
}

// shapedAsCertificate says whether a member of the certificate set is what its tag
// says: X.509 certificates are a SEQUENCE of two SEQUENCEs and a BIT STRING (RFC 5280
// section 4.1); the other members are marked by a tag of their own (RFC 5652 section
// 10.2.2).
func shapedAsCertificate(der []byte) bool {
	in := cryptobyte.String(der)
	var cert cryptobyte.String
	if !in.PeekASN1Tag(cbasn1.SEQUENCE) {
		return len(der) > 0 && der[0]&0xc0 == 0x80
	}
	return in.ReadASN1(&cert, cbasn1.SEQUENCE) && cert.SkipASN1(cbasn1.SEQUENCE) && cert.SkipASN1(cbasn1.SEQUENCE) && cert.SkipASN1(cbasn1.BIT_STRING) && cert.Empty()
}

// oneStamp: each attribute with a timestamp holds one; Windows refuses the message otherwise.
func (j *judging) oneStamp() bool {
	for _, a := range j.signer.UnsignedAttrs {
		if a.Type.Equal(cms.OIDRFC3161Token) && len(a.Values) != 1 {
			j.find(problem(CheckTimestamp, VerdictInvalidParameter, "the attribute for an RFC 3161 timestamp has %d values instead of one", len(a.Values)))
			return false
		}
	}
	return true
}

// describe fills in what the signer says about the program.
func (j *judging) describe() {
	if a, ok := j.signer.Attr(cms.OIDSpcSpOpusInfo); ok && len(a.Values) == 1 {
		j.m.report.Description, j.m.report.URL = parseDescription(a.Values[0])
	}
	j.m.report.SigningTime = claimedTime(j.signer)
}

// padding: nothing may hide between the end of the PKCS#7 and the end of its entry.
// Windows looks only where EnableCertPaddingCheck is set (CVE-2013-3900), we always do.
func (j *judging) padding(context.Context) bool {
	n := j.m.data.Trailing
	if n == 0 || n > len(j.m.raw) {
		return true
	}
	tail := j.m.raw[len(j.m.raw)-n:]
	switch {
	case !allZero(tail):
		j.find(strict(CheckPadding, "%d bytes of other data follow the PKCS#7 in its entry (CVE-2013-3900)", n).
			WithHint("the data is not covered by the signature; sign the file again"))
	case n > 7:
		j.find(strict(CheckPadding, "%d zero bytes follow the PKCS#7 in its entry, at most 7 are padding (CVE-2013-3900)", n))
	}
	return true
}

// messageDigest: the signed attributes must hold the digest of the content and name its
// type (RFC 2315 section 9.2). Windows does not look at the type.
func (j *judging) messageDigest(context.Context) bool {
	err := j.m.data.CheckContent(0)
	switch {
	case err == nil:
	case j.m.data.Content != nil && j.signer.CheckMessageDigest(j.m.data.Content) == nil:
		j.find(strict(CheckContent, "%v", err))
	default:
		j.find(problem(CheckSignature, VerdictNoSignature, "%v (%v)", err, VerdictHashValue).
			WithHint("what the signature says about the file was changed after signing"))
		return true
	}
	h, err := j.signer.Hash()
	if err == nil && j.m.signed != nil && h != j.m.signed.hash {
		j.find(strict(CheckContent, "the file is hashed with %v, the signature with %v", j.m.signed.hash, h))
	}
	return true
}

// digest: the Authentihash that was signed must be the file's.
func (j *judging) digest(context.Context) bool {
	c := j.m.signed
	if c == nil {
		return true // a catalog: its members were looked at by who gave it to us
	}
	rep := &DigestReport{Algorithm: c.hash.String(), Stored: hex.EncodeToString(c.digest)}
	j.m.report.Digest = rep
	if j.v.digests == nil {
		j.find(note(CheckDigest, "there is no file to compare the digest with"))
		return true
	}
	if c.image != nil {
		j.find(problem(CheckContent, VerdictBadDigest, "%v: Windows does not hash a file for such a signature", c.image))
		return true
	}
	if !c.kind.Equal(cms.OIDSpcPEImageData) {
		j.find(strict(CheckContent, "the signature says that it is for a file of kind %v, not for a PE file", c.kind))
	}
	for _, f := range j.v.unhashed {
		j.find(problem(CheckFormat, VerdictBadDigest, "%v: Windows does not hash such a file", f).WithHint(f.Advice()))
	}
	have := j.v.digests.Authentihash[c.hash]
	rep.Computed, rep.Match = hex.EncodeToString(have), bytes.Equal(have, c.digest)
	if !rep.Match {
		verdict := VerdictBadDigest
		if j.v.opts.HashOnly {
			verdict = VerdictNoSignature // what WinVerifyTrust answers with WTD_HASH_ONLY_FLAG
		}
		j.find(problem(CheckDigest, verdict, "the file has %v %s, signed was %s", c.hash, rep.Computed, rep.Stored).
			WithHint("the file was changed after it was signed"))
	}
	return true
}

// pageHashes: the tables in the moniker of SpcPeImageData must be the file's. Windows'
// verifier leaves them to code integrity, which then refuses to run the page.
func (j *judging) pageHashes(context.Context) bool {
	if j.m.signed == nil || j.v.digests == nil {
		return true
	}
	if err := j.m.signed.pages; err != nil {
		j.find(strict(CheckPageHashes, "%v", err))
	}
	for _, h := range pageHashAlgorithms {
		stored, ok := j.m.signed.pageHashes[h]
		if !ok {
			continue
		}
		if j.v.pages != nil {
			j.find(strict(CheckPageHashes, "page hashes cannot be computed: %v", j.v.pages))
			continue
		}
		have := j.v.digests.PageHashes[h]
		a, b := sha256.Sum256(stored), sha256.Sum256(have)
		same := bytes.Equal(stored, have)
		j.m.report.PageHashes = append(j.m.report.PageHashes,
			DigestReport{Algorithm: h.String(), Stored: hex.EncodeToString(a[:]), Computed: hex.EncodeToString(b[:]), Match: same})
		if !same {
			j.find(strict(CheckPageHashes, "page hashes (%v) are not those of the file%s", h, firstPage(stored, have, h.Size())))
		}
	}
	return true
}

// firstPage says where two page hash tables part: entries are a 4-byte file offset and a digest.
func firstPage(stored, have []byte, size int) string {
	for n := 4 + size; len(stored) >= n && len(have) >= n; stored, have = stored[n:], have[n:] {
		if !bytes.Equal(stored[:n], have[:n]) {
			return fmt.Sprintf(" from offset 0x%02x%02x%02x%02x on", have[3], have[2], have[1], have[0])
		}
	}
	return ""
}

// signature: the signer's certificate must be there and its key must have signed (RFC
// 2315 section 9.4).
func (j *judging) signature(context.Context) bool {
	cert, err := j.m.data.FindCertificate(j.signer)
	if err != nil {
		cert, err = findAmong(j.more, j.signer)
	}
	if err != nil {
		j.find(problem(CheckSignature, VerdictNoSignerCert, "signer: %v", err))
		return false
	}
	j.cert = cert
	rep := certificateReport(cert)
	j.m.report.Signer = &rep
	if err := j.signer.CheckSignature(cert); err != nil {
		j.find(problem(CheckSignature, VerdictNoSignature, "the signature was not made with the key of %s: %v (%v)", certchain.Name(cert), err, VerdictBadSignature))
	}
	return true
}

// findAmong finds a signer's certificate among certificates that are not in the signature.
func findAmong(certs []*x509.Certificate, si *cms.SignerInfo) (*x509.Certificate, error) {
	set := &cms.SignedData{}
	for _, c := range certs {
		set.AddCertificate(c.Raw)
	}
	return set.FindCertificate(si)
}
