package rfc3161

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Rule names one of the checks of a token.
type Rule string

// The rules, each with its source.
const (
	RuleVersion     Rule = "version"             // RFC 3161 section 2.4.2: TSTInfo version 1
	RuleSigners     Rule = "one signer"          // RFC 3161 section 2.4.2: no other signature than the TSA's
	RuleImprint     Rule = "message imprint"     // RFC 3161 section 2.4.2: same imprint as in the request
	RuleNonce       Rule = "nonce"               // RFC 3161 section 2.4.2: same nonce as in the request
	RulePolicy      Rule = "policy"              // RFC 3161 section 2.4.2: the policy that was asked for
	RuleTime        Rule = "time"                // RFC 3161 section 2.2: the client verifies timeliness
	RuleCertificate Rule = "certificate"         // RFC 3161 section 2.4.1: certReq puts the certificate into the token
	RulePurpose     Rule = "purpose"             // RFC 3161 section 2.3: timeStamping is among the extended key usages; Windows takes no stamp for one otherwise
	RuleUsage       Rule = "extended key usage"  // RFC 3161 section 2.3: timeStamping and nothing else
	RuleCritical    Rule = "critical usage"      // RFC 3161 section 2.3: that usage is critical; it was not in Microsoft's own servers up to 2021
	RuleKeyUsage    Rule = "key usage"           // RFC 5280 section 4.2.1.3: digitalSignature or contentCommitment
	RuleESS         Rule = "signing certificate" // RFC 3161 section 2.4.2 and RFC 5816: ESSCertID or ESSCertIDv2 of the signer
	RuleContent     Rule = "message digest"      // RFC 5652 section 5.6
	RuleSignature   Rule = "signature"           // RFC 5652 section 5.6
	RuleAlgorithm   Rule = "weak algorithm"      // SHA-1 and MD5 are no longer collision resistant (RFC 6194, RFC 6151)
	RuleKeySize     Rule = "weak key"            // RSA below 2048 bits (CA/Browser Forum code signing requirements 6.1.5.2)
	RuleChain       Rule = "chain"               // RFC 5280 section 6, at genTime
)

// sources tells a reader where each rule is written.
var sources = map[Rule]string{
	RuleVersion: "RFC 3161 section 2.4.2", RuleSigners: "RFC 3161 section 2.4.2", RuleImprint: "RFC 3161 section 2.4.2",
	RuleNonce: "RFC 3161 section 2.4.2", RulePolicy: "RFC 3161 section 2.4.2", RuleTime: "RFC 3161 section 2.2",
	RuleCertificate: "RFC 3161 section 2.4.1", RuleUsage: "RFC 3161 section 2.3", RuleCritical: "RFC 3161 section 2.3", RuleKeyUsage: "RFC 5280 section 4.2.1.3",
	RuleESS: "RFC 3161 section 2.4.2, RFC 5816", RuleContent: "RFC 5652 section 5.6", RuleSignature: "RFC 5652 section 5.6",
	RuleAlgorithm: "RFC 6194, RFC 6151", RulePurpose: "RFC 3161 section 2.3", RuleKeySize: "CA/Browser Forum code signing requirements 6.1.5.2", RuleChain: "RFC 5280 section 6",
}

// Problem is one thing that is wrong with a token.
type Problem struct {
	Rule Rule
	Text string
}

func (p Problem) String() string {
	return fmt.Sprintf("%s: %s (%s)", p.Rule, p.Text, sources[p.Rule])
}

// TokenError is what Check returns: every problem, not only the first.
type TokenError struct{ Problems []Problem }

func (e *TokenError) Error() string {
	texts := make([]string, 0, len(e.Problems))
	for _, p := range e.Problems {
		texts = append(texts, p.String())
	}
	return "time-stamp token: " + strings.Join(texts, "; ")
}

// Has says whether a rule is among the problems.
func (e *TokenError) Has(r Rule) bool {
	for _, p := range e.Problems {
		if p.Rule == r {
			return true
		}
	}
	return false
}

// Trust decides whether cert leads to a trusted time-stamping root at the given
// time; nil means that it does. embedded are the certificates of the token, cert
// among them. certchain.Roots.StampChain is one.
type Trust func(cert *x509.Certificate, embedded []*x509.Certificate, at time.Time) error

// TrustRoots trusts these roots for time stamping; nil trusts none. The chain is
// built by crypto/x509, which refuses SHA-1.
func TrustRoots(roots *x509.CertPool) Trust {
	return func(cert *x509.Certificate, embedded []*x509.Certificate, at time.Time) error {
		if roots == nil {
			return errors.New("no time-stamping roots are given, so no server is trusted")
		}
		inter := x509.NewCertPool()
		for _, c := range embedded {
			inter.AddCert(c)
		}
		_, err := cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: inter, CurrentTime: at,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}})
		return err
	}
}

// TrustAny is the Trust that looks at no chain. It is for callers that judge the
// authority themselves, such as when the finished file is verified.
func TrustAny(*x509.Certificate, []*x509.Certificate, time.Time) error { return nil }

// CheckOptions says what a token is held against. The zero value checks all that
// needs no further knowledge and fails RuleChain, because it trusts no authority.
type CheckOptions struct {
	// Request that the token answers: nonce and policy have to agree. Nil where the
	// token is looked at later.
	Request *Request
	// Now is when the answer came; genTime may differ by MaxSkew plus the token's
	// accuracy. Zero skips the rule.
	Now time.Time
	// MaxSkew is 5 minutes if zero.
	MaxSkew time.Duration
	// Certificates may hold the server's certificate where the token does not carry it.
	Certificates []*x509.Certificate
	// Trust decides about the authority; nil trusts none.
	Trust Trust
	// AllowWeak accepts MD5 and SHA-1 in imprint and signature.
	AllowWeak bool
	// Accept lists rules that the server need not keep, of RuleUsage, RuleCritical,
	// RuleKeyUsage, RuleESS, RuleAlgorithm and RuleKeySize. Others make no difference.
	Accept []Rule
}

// accepted takes out what may be.
func (o CheckOptions) accepted(problems []Problem) []Problem {
	may := []Rule{RuleUsage, RuleCritical, RuleKeyUsage, RuleESS, RuleAlgorithm, RuleKeySize}
	return slices.DeleteFunc(problems, func(p Problem) bool { return slices.Contains(o.Accept, p.Rule) && slices.Contains(may, p.Rule) })
}

// Check judges the token over the data that was to be stamped (in Authenticode the
// signature of a SignerInfo) and returns a *TokenError with every problem, or nil.
func (t *Token) Check(imprintOf []byte, o CheckOptions) error {
	if p := t.Problems(imprintOf, o); len(p) > 0 {
		return &TokenError{Problems: p}
	}
	return nil
}

// Problems is Check as a list, for callers that weigh the rules.
func (t *Token) Problems(imprintOf []byte, o CheckOptions) []Problem {
	c := &checker{t: t, o: o}
	c.info(imprintOf)
	c.timeliness()
	c.signer()
	return o.accepted(c.problems)
}

type checker struct {
	t        *Token
	o        CheckOptions
	problems []Problem
}

func (c *checker) fail(r Rule, format string, args ...any) {
	c.problems = append(c.problems, Problem{Rule: r, Text: fmt.Sprintf(format, args...)})
}

func (c *checker) info(imprintOf []byte) {
	t := c.t
	if t.Version != 1 {
		c.fail(RuleVersion, "TSTInfo has version %d instead of 1", t.Version)
	}
	if subtle.ConstantTimeCompare(digest(t.Hash, imprintOf), t.Imprint) != 1 {
		c.fail(RuleImprint, "the token is for other data (%v %x)", t.Hash, t.Imprint)
	}
	if !c.o.AllowWeak && weak(t.Hash) {
		c.fail(RuleAlgorithm, "the imprint is made with %v", t.Hash)
	}
	q := c.o.Request
	if q == nil {
		return
	}
	if q.Hash != t.Hash {
		c.fail(RuleImprint, "the imprint is made with %v, asked for was %v", t.Hash, q.Hash)
	}
	switch {
	case q.Nonce != nil && t.Nonce == nil:
		c.fail(RuleNonce, "the token has no nonce, the request had one")
	case q.Nonce != nil && q.Nonce.Cmp(t.Nonce) != 0:
		c.fail(RuleNonce, "the token has nonce %x, the request had %x: it answers another request", t.Nonce, q.Nonce)
	}
	if q.Policy != nil && !q.Policy.Equal(t.Policy) {
		c.fail(RulePolicy, "the token has policy %v, asked for was %v", t.Policy, q.Policy)
	}
}

func weak(h crypto.Hash) bool { return h == crypto.MD5 || h == crypto.SHA1 }

func (c *checker) timeliness() {
	if c.o.Now.IsZero() {
		return
	}
	skew := c.o.MaxSkew
	if skew == 0 {
		skew = 5 * time.Minute
	}
	if off := c.t.GenTime.Sub(c.o.Now).Abs(); off > skew+c.t.Accuracy {
		c.fail(RuleTime, "genTime %s is %s away from this machine's clock", c.t.GenTime.Format(time.RFC3339), off.Round(time.Second))
	}
}

func (c *checker) signer() {
	if n := len(c.t.SignedData.Signers); n != 1 {
		c.fail(RuleSigners, "%d signatures instead of one", n)
		return
	}
	si := &c.t.SignedData.Signers[0]
	if h, err := si.Hash(); err == nil && !c.o.AllowWeak && weak(h) {
		c.fail(RuleAlgorithm, "the token is signed with %v", h)
	}
	if si.RawSignedAttrs == nil {
		c.fail(RuleContent, "no signed attributes, which a content other than id-data must have (RFC 5652 section 5.3)")
	} else if err := c.t.SignedData.CheckContent(0); err != nil {
		c.fail(RuleContent, "%v", err)
	}
	cert, err := c.findSigner(si)
	if err != nil {
		c.fail(RuleCertificate, "%v", err)
		return
	}
	if err := si.CheckSignature(cert); err != nil {
		c.fail(RuleSignature, "%v", err)
	}
	c.problems = append(c.problems, CertificateProblems(cert)...)
	if err := checkESS(si, cert); err != nil {
		c.fail(RuleESS, "%v", err)
	}
	c.chain(cert)
}

func (c *checker) findSigner(si *cms.SignerInfo) (*x509.Certificate, error) {
	cert, err := c.t.Signer()
	if !errors.Is(err, cms.ErrNoCertificate) || len(c.o.Certificates) == 0 {
		return cert, err
	}
	extra := &cms.SignedData{}
	for _, known := range c.o.Certificates {
		extra.AddCertificate(known.Raw)
	}
	return extra.FindCertificate(si)
}

func (c *checker) chain(cert *x509.Certificate) {
	trust := c.o.Trust
	if trust == nil {
		trust = TrustRoots(nil)
	}
	embedded, _ := c.t.SignedData.X509Certificates() // one that does not parse may simply not be needed
	if err := trust(cert, append(embedded, c.o.Certificates...), c.t.GenTime); err != nil {
		c.fail(RuleChain, "%v", err)
	}
}

// CertificateProblems judges whether a certificate may make time stamps: extended key
// usage timeStamping, alone and critical, a key usage that allows signing, and an RSA
// key that is not weak.
func CertificateProblems(cert *x509.Certificate) []Problem {
	c := &checker{}
	present, critical := false, false
	for _, e := range cert.Extensions {
		if e.Id.Equal(cms.OIDExtensionExtKeyUsage) {
			present, critical = true, e.Critical
		}
	}
	only := len(cert.ExtKeyUsage) == 1 && cert.ExtKeyUsage[0] == x509.ExtKeyUsageTimeStamping && len(cert.UnknownExtKeyUsage) == 0
	switch {
	case !present:
		c.fail(RulePurpose, "the certificate of %q names no extended key usage; it must be timeStamping", cert.Subject)
	case !slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageTimeStamping):
		c.fail(RulePurpose, "the certificate of %q is not for timeStamping", cert.Subject)
	case !only:
		c.fail(RuleUsage, "the certificate of %q is not for timeStamping alone", cert.Subject)
	case !critical:
		c.fail(RuleCritical, "timeStamping is not critical in the certificate of %q", cert.Subject)
	}
	if key, ok := cert.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
		c.fail(RuleKeySize, "the certificate of %q has an RSA key of %d bits", cert.Subject, key.N.BitLen())
	}
	if ku := cert.KeyUsage; ku != 0 && ku&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
		c.fail(RuleKeyUsage, "the certificate of %q may not make signatures", cert.Subject)
	}
	return c.problems
}

// essID is the part that ESSCertID (RFC 2634 section 5.4.1) and ESSCertIDv2 (RFC 5035
// section 4) share.
type essID struct {
	hash   crypto.Hash
	digest []byte
	issuer []byte // DER of the IssuerSerial, nil if absent
}

// checkESS compares the first certificate identifier of each ESS attribute with the
// signer's certificate; one of the two attributes must be there.
func checkESS(si *cms.SignerInfo, cert *x509.Certificate) error {
	found := false
	for _, at := range []struct {
		name string
		oid  asn1.ObjectIdentifier
		read func([]byte) (essID, error)
	}{{"signingCertificate", cms.OIDSigningCertificate, readESS}, {"signingCertificateV2", cms.OIDSigningCertificateV2, readESSv2}} {
		a, ok := si.Attr(at.oid)
		if !ok {
			continue
		}
		found = true
		if len(a.Values) != 1 {
			return fmt.Errorf("attribute %s has %d values", at.name, len(a.Values))
		}
		id, err := at.read(a.Values[0])
		if err != nil {
			return fmt.Errorf("attribute %s: %v", at.name, err)
		}
		if err := id.matches(cert); err != nil {
			return fmt.Errorf("attribute %s: %v", at.name, err)
		}
	}
	if !found {
		return errors.New("the attribute that names the server's certificate is missing")
	}
	return nil
}

func (id essID) matches(cert *x509.Certificate) error {
	if !bytes.Equal(digest(id.hash, cert.Raw), id.digest) {
		return fmt.Errorf("it names another certificate than that of %q", cert.Subject)
	}
	if id.issuer != nil {
		want, err := issuerSerial(cert)
		if err != nil {
			return err
		}
		if !bytes.Equal(want, id.issuer) {
			return fmt.Errorf("its issuerSerial is not that of the certificate of %q", cert.Subject)
		}
	}
	return nil
}
