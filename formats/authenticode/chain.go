package authenticode

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Limits of the search: hostile certificate sets can be cyclic and can fan out without end.
const (
	maxChainLength     = 12   // certificates in one path; real ones have three to five
	maxChains          = 32   // finished paths of one leaf
	maxIssuers         = 16   // candidates tried as issuer of one certificate
	maxSignatureChecks = 400  // signatures checked for one leaf, or for all leaves of one file
	maxKeyBits         = 8192 // of RSA; Microsoft's root programme ends at 4096
)

// Usage is what a chain is judged for.
type Usage int

// The purposes, by their extended key usage (RFC 5280 section 4.2.1.12; wincrypt.h).
const (
	UsageCodeSigning    Usage = iota // 1.3.6.1.5.5.7.3.3
	UsageTimeStamping                // 1.3.6.1.5.5.7.3.8
	UsageRootList                    // 1.3.6.1.4.1.311.10.3.9, szOID_ROOT_LIST_SIGNER: signs Microsoft's list of roots
	UsageRevokedList                 // 1.3.6.1.4.1.311.10.3.19, szOID_REVOKED_LIST_SIGNER
	UsageDisallowedList              // 1.3.6.1.4.1.311.10.3.30, szOID_DISALLOWED_LIST
)

var usages = map[Usage]struct {
	oid  asn1.ObjectIdentifier
	name string
}{
	UsageCodeSigning:  {cms.OIDEKUCodeSigning, "code signing"},
	UsageTimeStamping: {cms.OIDEKUTimeStamping, "time stamping"},
	UsageRootList:     {asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 9}, "signing root lists"},

	UsageRevokedList:    {asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 19}, "signing lists of revoked certificates"},
	UsageDisallowedList: {asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 30}, "signing lists of disallowed certificates"},
}

// OID is the extended key usage that stands for the purpose.
func (u Usage) OID() asn1.ObjectIdentifier { return clone(usages[u].oid) }

func (u Usage) String() string { return usages[u].name }

// ChainOptions says what BuildChains works with.
type ChainOptions struct {
	Time          time.Time           // the moment that counts; zero is now
	Usage         Usage               // what the leaf is used for
	Anchors       *Pool               // trusted roots of that usage; nil trusts nobody
	Intermediates []*x509.Certificate // certificates that may link the leaf to an anchor, in any order
	Disallowed    *Disallowed         // certificates that no path may have; nil is none

	budget *int // signature checks left for all chains of one file; nil is a budget of its own
}

// Chain is one path from a leaf upwards and what is wrong with it.
type Chain struct {
	Certificates []*x509.Certificate // leaf first
	Anchored     bool                // the last certificate is a trusted root
	Problems     []Finding           // nothing means that the chain holds
}

// Verdict is what Windows' chain policy answers for the chain: the gravest of its problems.
func (c Chain) Verdict() Verdict {
	v, best := VerdictTrusted, len(chainRank)
	for _, p := range c.Problems {
		if p.Severity != SeverityError {
			continue
		}
		if r := rankOf(p.Verdict); v == VerdictTrusted || r < best {
			v, best = p.Verdict, r
		}
	}
	return v
}

// chainRank is the order in which the chain policy reports when several things are wrong
// (Microsoft, CertVerifyCertificateChainPolicy, CERT_CHAIN_POLICY_BASE: signature, then root, then time, then usage).
var chainRank = []Verdict{VerdictCertSignature, VerdictRevoked, VerdictExplicitDistrust, VerdictChaining, VerdictUntrustedRoot, VerdictExpired,
	VerdictWrongUsage, VerdictBasicConstraints, VerdictCritical, VerdictInvalidName}

func rankOf(v Verdict) int {
	for i, r := range chainRank {
		if r == v {
			return i
		}
	}
	return len(chainRank)
}

// BuildChains finds the paths from leaf over the intermediates to the anchors and judges each, the best first.
// There is always at least one: where no anchor is reached it shows how far the path got. Names are matched by
// their encoding, key identifiers only order the candidates (RFC 4158 section 3.5.12), every signature is checked.
func BuildChains(leaf *x509.Certificate, o ChainOptions) []Chain {
	if o.Time.IsZero() {
		o.Time = time.Now()
	}
	if o.budget == nil {
		n := maxSignatureChecks
		o.budget = &n
	}
	b := &chainBuilder{opts: o, issuers: NewPool(o.Intermediates...)}
	b.extend([]*x509.Certificate{leaf})
	sort.SliceStable(b.chains, func(i, j int) bool { return b.chains[i].better(b.chains[j]) })
	return b.chains
}

// StampChain tells why the certificate of a time-stamping authority leads to none of the TimeStamping roots at the given
// time; nil if it does. It is an rfc3161.ChainFunc: embedded are the certificates of the token.
func (r *Roots) StampChain(cert *x509.Certificate, embedded []*x509.Certificate, at time.Time) error {
	best := BuildChains(cert, ChainOptions{Time: at, Usage: UsageTimeStamping, Anchors: r.TimeStamping, Intermediates: embedded})[0]
	if len(best.Problems) == 0 && best.Anchored {
		return nil
	}
	var why []string
	for _, p := range best.Problems {
		why = append(why, p.Message)
	}
	return fmt.Errorf("the authority is not trusted: %s (%v)", strings.Join(why, "; "), best.Verdict())
}

// better orders chains: fewer and lighter problems first, then the shorter one, then the one that lasts longer.
func (c Chain) better(d Chain) bool {
	if a, b := c.weight(), d.weight(); a != b {
		return a < b
	}
	if a, b := len(c.Certificates), len(d.Certificates); a != b {
		return a < b
	}
	return c.ends().After(d.ends())
}

func (c Chain) weight() int {
	if len(c.Problems) == 0 {
		return 0
	}
	gravest := 0
	for _, p := range c.Problems {
		if w := len(chainRank) + 1 - rankOf(p.Verdict); w > gravest {
			gravest = w
		}
	}
	return gravest*100 + min(len(c.Problems), 99)
}

// ends is the first moment at which a certificate of the chain expires.
func (c Chain) ends() time.Time {
	end := c.Certificates[0].NotAfter
	for _, cert := range c.Certificates[1:] {
		if cert.NotAfter.Before(end) {
			end = cert.NotAfter
		}
	}
	return end
}

type chainBuilder struct {
	opts    ChainOptions
	issuers *Pool // not trusted; a pool for its index by subject
	chains  []Chain
}

// extend grows path upwards in every way there is, depth first.
func (b *chainBuilder) extend(path []*x509.Certificate) {
	top := path[len(path)-1]
	switch {
	case len(b.chains) >= maxChains:
		return
	case b.opts.Anchors.Contains(top):
		b.finish(path, true, nil)
		return
	case selfIssued(top) && b.issued(top, top) == nil:
		b.finish(path, false, []Finding{problem(CheckChain, VerdictUntrustedRoot, "root %s is not trusted for %s", name(top), b.opts.Usage)})
		return
	case len(path) == maxChainLength:
		b.finish(path, false, []Finding{problem(CheckChain, VerdictChaining, "no root within %d certificates", maxChainLength)})
		return
	}
	b.climb(path, top)
}

// climb tries every possible issuer of top.
func (b *chainBuilder) climb(path []*x509.Certificate, top *x509.Certificate) {
	var wrong []Finding
	found := false
	for _, issuer := range b.candidates(path, top) {
		if err := b.issued(top, issuer); err != nil {
			wrong = append(wrong, problem(CheckChain, VerdictCertSignature, "signature of %s is not by %s: %v", name(top), name(issuer), err))
			continue
		}
		found = true
		b.extend(append(path[:len(path):len(path)], issuer))
	}
	if found {
		return
	}
	if len(wrong) == 0 {
		wrong = []Finding{problem(CheckChain, VerdictChaining, "issuer of %s is missing: %s", name(top), issuerName(top))}
	}
	b.finish(path, false, wrong[:1])
}

// candidates lists certificates named as top's issuer: anchors first, then those whose key identifier fits.
func (b *chainBuilder) candidates(path []*x509.Certificate, top *x509.Certificate) []*x509.Certificate {
	all := append(append([]*x509.Certificate(nil), b.opts.Anchors.named(top.RawIssuer)...), b.issuers.named(top.RawIssuer)...)
	out := all[:0]
	for _, c := range all {
		if !onPath(path, c) {
			out = append(out, c)
		}
	}
	fits := func(c *x509.Certificate) bool {
		return len(top.AuthorityKeyId) > 0 && bytes.Equal(top.AuthorityKeyId, c.SubjectKeyId)
	}
	sort.SliceStable(out, func(i, j int) bool { return fits(out[i]) && !fits(out[j]) })
	if len(out) > maxIssuers {
		out = out[:maxIssuers]
	}
	return out
}

// onPath reports whether c, or another certificate of the same name and key, is on the path already (RFC 4158 section 2.4.2).
func onPath(path []*x509.Certificate, c *x509.Certificate) bool {
	for _, p := range path {
		if bytes.Equal(p.RawSubject, c.RawSubject) && bytes.Equal(p.RawSubjectPublicKeyInfo, c.RawSubjectPublicKeyInfo) {
			return true
		}
	}
	return false
}

func (b *chainBuilder) issued(child, issuer *x509.Certificate) error {
	if *b.opts.budget--; *b.opts.budget < 0 {
		return errors.New("too many signatures to check: the certificates are made to exhaust the verifier")
	}
	if key, ok := issuer.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxKeyBits {
		return fmt.Errorf("RSA key of %d bits, more than %d", key.N.BitLen(), maxKeyBits)
	}
	return cms.CheckCertificate(child, issuer)
}

func (b *chainBuilder) finish(path []*x509.Certificate, anchored bool, problems []Finding) {
	c := Chain{Certificates: append([]*x509.Certificate(nil), path...), Anchored: anchored}
	c.Problems = append(problems, judgePath(path, b.opts)...)
	b.chains = append(b.chains, c)
}

// name is how a certificate is called in messages.
func name(c *x509.Certificate) string { return shortName(c.Subject.CommonName, c.Subject.String()) }

func issuerName(c *x509.Certificate) string {
	return shortName(c.Issuer.CommonName, c.Issuer.String())
}

func shortName(common, full string) string {
	if common != "" {
		return fmt.Sprintf("%q", common)
	}
	return fmt.Sprintf("%q", full)
}

// thumbprint is the identity of a certificate within one verification.
func thumbprint(c *x509.Certificate) [sha256.Size]byte { return sha256.Sum256(c.Raw) }
