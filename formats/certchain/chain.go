package certchain

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Chain is one path from a leaf upwards and what is wrong with it.
type Chain struct {
	Certificates []*x509.Certificate // leaf first
	Complete     bool                // the last certificate is a root, trusted or not
	Anchored     bool                // the last certificate is a trusted root
	Problems     []Finding           // the gravest first; none means that the chain is trusted

	dangling bool // the issuer of the last certificate was not found
}

// Top is the last certificate of the path: the root if the chain is complete,
// otherwise the one whose issuer is missing.
func (c Chain) Top() *x509.Certificate { return c.Certificates[len(c.Certificates)-1] }

// TooLong reports whether the search ended because the path has as many certificates as
// one may have, not because an issuer was missing.
func (c Chain) TooLong() bool { return !c.Complete && !c.dangling }

// Trusted reports whether the chain leads to an anchor and nothing is wrong
// with it.
func (c Chain) Trusted() bool { return c.Anchored && len(c.Problems) == 0 }

// Verdict is what Windows' chain policy answers for the chain: the gravest of
// its problems.
func (c Chain) Verdict() Verdict {
	if len(c.Problems) == 0 {
		return VerdictTrusted
	}
	return c.Problems[0].Verdict
}

// Err is nil for a trusted chain; otherwise it lists what is wrong.
func (c Chain) Err() error {
	if c.Trusted() {
		return nil
	}
	var why []string
	for _, p := range c.Problems {
		why = append(why, p.Message)
	}
	return fmt.Errorf("%s (%v)", strings.Join(why, "; "), c.Verdict())
}

// gravity is the order in which the chain policy reports when several things
// are wrong (Microsoft, CertVerifyCertificateChainPolicy,
// CERT_CHAIN_POLICY_BASE: signature, then root, then time, then usage).
var gravity = []Verdict{VerdictCertSignature, VerdictRevoked, VerdictExplicitDistrust, VerdictChaining, VerdictUntrustedRoot, VerdictExpired,
	VerdictWrongUsage, VerdictBasicConstraints, VerdictCritical, VerdictInvalidName}

func rankOf(v Verdict) int {
	if i := slices.Index(gravity, v); i >= 0 {
		return i
	}
	return len(gravity)
}

func byGravity(a, b Finding) int { return rankOf(a.Verdict) - rankOf(b.Verdict) }

// compare orders chains: fewer and lighter problems first, then the shorter
// one, then the one that lasts longer.
func (c Chain) compare(d Chain) int {
	if a, b := c.weight(), d.weight(); a != b {
		return a - b
	}
	if a, b := len(c.Certificates), len(d.Certificates); a != b {
		return a - b
	}
	return d.ends().Compare(c.ends())
}

func (c Chain) weight() int {
	if len(c.Problems) == 0 {
		return 0
	}
	return (len(gravity)+1-rankOf(c.Verdict()))*100 + min(len(c.Problems), 99)
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

// Name is how a certificate is called in messages: its common name, or its
// whole subject, in quotes.
func Name(c *x509.Certificate) string { return shortName(c.Subject.CommonName, c.Subject.String()) }

func issuerName(c *x509.Certificate) string {
	return shortName(c.Issuer.CommonName, c.Issuer.String())
}

func shortName(common, full string) string {
	if common != "" {
		return fmt.Sprintf("%q", common)
	}
	return fmt.Sprintf("%q", full)
}
