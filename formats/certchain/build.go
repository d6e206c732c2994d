package certchain

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Limits of the search: hostile certificate sets can be cyclic and can fan out
// without end.
const (
	maxChainLength     = 12   // certificates in one path; real ones have three to five
	maxChains          = 32   // finished paths of one leaf
	maxIssuers         = 16   // candidates tried as issuer of one certificate
	maxSignatureChecks = 400  // signatures checked for one leaf
	maxKeyBits         = 8192 // of RSA; Microsoft's root programme ends at 4096
	maxIssuerFetches   = 5    // calls of Options.Issuers for one leaf
)

// Options says what Build works with. The zero value builds chains and trusts
// no root.
type Options struct {
	Time          time.Time           // the moment that counts; zero is now
	Usage         Usage               // what the leaf is used for
	Anchors       *Pool               // trusted roots of that usage; nil trusts none
	Intermediates []*x509.Certificate // certificates that may link the leaf to an anchor, in any order
	Disallowed    *Disallowed         // certificates that no path may have; nil is none

	// Issuers looks for the issuer of c elsewhere, such as on the network. It
	// is called when no chain is complete. What it returns is not trusted.
	Issuers func(ctx context.Context, c *x509.Certificate) []*x509.Certificate
	// Budget bounds the work of several calls together; nil is a budget for
	// this one.
	Budget *Budget
}

// Budget counts the signatures that may still be checked. It is not safe for
// concurrent use.
type Budget struct{ left int }

// NewBudget returns a budget for the chains of n leaves.
func NewBudget(n int) *Budget { return &Budget{n * maxSignatureChecks} }

var errBudget = errors.New("too many signatures to check: the certificates are made to exhaust the verifier")

// Build finds the paths from leaf over the intermediates to the anchors and
// judges each, the best first. There is always at least one: where no root is
// reached it shows how far the path got. Names are matched by their encoding,
// key identifiers only order the candidates (RFC 4158 section 3.5.12), every
// signature is checked.
func Build(ctx context.Context, leaf *x509.Certificate, o Options) []Chain {
	if o.Time.IsZero() {
		o.Time = time.Now()
	}
	if o.Budget == nil {
		o.Budget = NewBudget(1)
	}
	b := &builder{opts: o, issuers: NewPool(o.Intermediates...)}
	b.build(leaf)
	for n := 0; n < maxIssuerFetches && o.Issuers != nil && b.chains[0].dangling; n++ {
		have := len(b.issuers.list)
		b.issuers.Add(o.Issuers(ctx, b.chains[0].Top())...)
		if len(b.issuers.list) == have {
			break
		}
		b.build(leaf)
	}
	return b.chains
}

type builder struct {
	opts    Options
	issuers *Pool // not trusted; a pool for its index by subject
	chains  []Chain
}

func (b *builder) build(leaf *x509.Certificate) {
	b.chains = nil
	b.extend([]*x509.Certificate{leaf})
	slices.SortStableFunc(b.chains, Chain.compare)
}

// extend grows path upwards in every way there is, depth first.
func (b *builder) extend(path []*x509.Certificate) {
	top := path[len(path)-1]
	switch {
	case len(b.chains) >= maxChains:
	case b.opts.Anchors.Contains(top):
		b.finish(path, Chain{Complete: true, Anchored: true})
	case SelfIssued(top) && b.issued(top, top) == nil:
		b.finish(path, Chain{Complete: true}, problem(CheckChain, VerdictUntrustedRoot, "root %s is not trusted for %s", Name(top), b.opts.Usage))
	case len(path) == maxChainLength:
		b.finish(path, Chain{}, problem(CheckChain, VerdictChaining, "no root within %d certificates", maxChainLength))
	default:
		b.climb(path, top)
	}
}

// climb tries every possible issuer of top.
func (b *builder) climb(path []*x509.Certificate, top *x509.Certificate) {
	var wrong []Finding
	found := false
	for _, issuer := range b.candidates(path, top) {
		if err := b.issued(top, issuer); err != nil {
			wrong = append(wrong, problem(CheckChain, VerdictCertSignature, "the signature of %s was not made with the key of %s: %v", Name(top), Name(issuer), err))
			continue
		}
		found = true
		b.extend(append(path[:len(path):len(path)], issuer))
	}
	if found {
		return
	}
	if len(wrong) == 0 {
		wrong = []Finding{problem(CheckChain, VerdictChaining, "issuer of %s is missing: %s", Name(top), issuerName(top))}
	}
	b.finish(path, Chain{dangling: true}, wrong[0])
}

// candidates lists certificates named as top's issuer: anchors first, then
// those whose key identifier fits.
func (b *builder) candidates(path []*x509.Certificate, top *x509.Certificate) []*x509.Certificate {
	out := slices.DeleteFunc(append(b.opts.Anchors.named(top.RawIssuer), b.issuers.named(top.RawIssuer)...),
		func(c *x509.Certificate) bool { return onPath(path, c) })
	misfit := func(c *x509.Certificate) int {
		if len(top.AuthorityKeyId) > 0 && bytes.Equal(top.AuthorityKeyId, c.SubjectKeyId) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(out, func(c, d *x509.Certificate) int { return misfit(c) - misfit(d) })
	return out[:min(len(out), maxIssuers)]
}

// onPath reports whether c, or another certificate of the same name and key, is
// on the path already (RFC 4158 section 2.4.2).
func onPath(path []*x509.Certificate, c *x509.Certificate) bool {
	return slices.ContainsFunc(path, func(p *x509.Certificate) bool {
		return bytes.Equal(p.RawSubject, c.RawSubject) && bytes.Equal(p.RawSubjectPublicKeyInfo, c.RawSubjectPublicKeyInfo)
	})
}

func (b *builder) issued(child, issuer *x509.Certificate) error {
	if b.opts.Budget.left--; b.opts.Budget.left < 0 {
		return errBudget
	}
	if key, ok := issuer.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > maxKeyBits {
		return fmt.Errorf("RSA key of %d bits, more than %d", key.N.BitLen(), maxKeyBits)
	}
	return cms.CheckCertificate(child, issuer)
}

func (b *builder) finish(path []*x509.Certificate, c Chain, problems ...Finding) {
	c.Certificates = slices.Clone(path)
	c.Problems = append(problems, judgePath(path, b.opts)...)
	slices.SortStableFunc(c.Problems, byGravity)
	b.chains = append(b.chains, c)
}
