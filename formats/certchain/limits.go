package certchain

import (
	"crypto/sha256"
	"crypto/x509"
	"time"
)

// Limits are the dates that Microsoft's root programme sets to a root for one purpose
// (Microsoft, "Deprecation definitions" of the Trusted Root Program). The zero value
// sets none.
type Limits struct {
	// Disabled is the moment from which on nothing below the root is trusted any more.
	// Signatures with a timestamp from before it stay good ("Disable";
	// CERT_DISALLOWED_FILETIME_PROP_ID).
	Disabled time.Time `json:"disabled,omitzero"`
	// NotBefore is the end of issuing: signers' certificates that begin later are not
	// trusted, older ones go on ("NotBefore"; CERT_NOT_BEFORE_FILETIME_PROP_ID).
	NotBefore time.Time `json:"not_before,omitzero"`
}

// AddLimited puts an anchor into the pool with the limits under which it is trusted.
// Limits stay with the certificate however often and in whatever order it is added; of
// two dates the earlier counts.
func (p *Pool) AddLimited(c *x509.Certificate, l Limits) {
	p.Add(c)
	if l != (Limits{}) {
		p.limit(sha256.Sum256(c.Raw), l)
	}
}

func (p *Pool) limit(id [sha256.Size]byte, l Limits) {
	if p.limits == nil {
		p.limits = map[[sha256.Size]byte]Limits{}
	}
	have := p.limits[id]
	p.limits[id] = Limits{Disabled: earlier(have.Disabled, l.Disabled), NotBefore: earlier(have.NotBefore, l.NotBefore)}
}

// earlier of two dates of which either may not be set.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Limits returns the limits of an anchor.
func (p *Pool) Limits(c *x509.Certificate) Limits {
	if p == nil {
		return Limits{}
	}
	return p.limits[sha256.Sum256(c.Raw)]
}

// ruleLimits: a root that the programme has disabled still counts for what was stamped
// before, and one that may issue no more for the certificates that it had issued.
// Windows answers for either as for a certificate that it distrusts
// (CERT_TRUST_IS_EXPLICIT_DISTRUST).
func ruleLimits(path []*x509.Certificate, i int, o Options) []Finding {
	root := path[i]
	if i != len(path)-1 || !o.Anchors.Contains(root) {
		return nil
	}
	l := o.Anchors.Limits(root)
	const day = "2006-01-02"
	var out []Finding
	if !l.Disabled.IsZero() && !o.Time.Before(l.Disabled) {
		out = append(out, problem(CheckChain, VerdictExplicitDistrust, "root %s is trusted for %s up to %s only, judged at %s",
			Name(root), o.Usage, l.Disabled.UTC().Format(day), o.Time.UTC().Format(day)).
			WithHint("a timestamp from before that day would keep the signature good"))
	}
	if leaf := path[0]; !l.NotBefore.IsZero() && leaf.NotBefore.After(l.NotBefore) {
		out = append(out, problem(CheckChain, VerdictExplicitDistrust, "root %s is trusted for %s with certificates issued up to %s only, %s was issued on %s",
			Name(root), o.Usage, l.NotBefore.UTC().Format(day), Name(leaf), leaf.NotBefore.UTC().Format(day)))
	}
	return out
}
