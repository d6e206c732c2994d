package timeserver

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/rfc3161"
)

// Issuers finds the issuers of a certificate elsewhere, such as on the network.
type Issuers func(ctx context.Context, c *x509.Certificate) ([]*x509.Certificate, error)

// completer judges the certificate of a time server with all intermediates that
// are at hand, and puts into the stamp what it lacks: a verifier has the stamp
// alone.
type completer struct {
	roots   *certchain.Roots
	self    *certchain.Pool     // the anchors that are roots
	hand    []*x509.Certificate // intermediates
	issuers Issuers             // nil fetches nothing
}

// newCompleter takes the trusted certificates that are not roots for
// intermediates too.
func newCompleter(roots *certchain.Roots, hand []*x509.Certificate, issuers Issuers) *completer {
	c := &completer{roots: roots, self: &certchain.Pool{}, hand: slices.Clone(hand), issuers: issuers}
	for _, anchor := range roots.TimeStamping.Certificates() {
		if certchain.IsRoot(anchor) {
			c.self.Add(anchor)
		} else {
			c.hand = append(c.hand, anchor)
		}
	}
	return c
}

// trust is an rfc3161.Trust.
func (c *completer) trust(cert *x509.Certificate, embedded []*x509.Certificate, at time.Time) error {
	best, fetched := c.build(context.Background(), c.roots.TimeStamping, cert, embedded, at)
	switch err := best.Err(); {
	case err == nil:
		return nil
	case fetched != nil:
		return fmt.Errorf("the authority is not trusted: %v; %v", err, fetched)
	default:
		return fmt.Errorf("the authority is not trusted: %v", err)
	}
}

func (c *completer) build(ctx context.Context, anchors *certchain.Pool, cert *x509.Certificate, embedded []*x509.Certificate, at time.Time) (best certchain.Chain, fetched error) {
	o := certchain.Options{Time: at, Usage: certchain.UsageTimeStamping, Anchors: anchors, Intermediates: slices.Concat(embedded, c.hand)}
	if c.issuers != nil {
		o.Issuers = func(ctx context.Context, cert *x509.Certificate) (certs []*x509.Certificate) {
			certs, fetched = c.issuers(ctx, cert)
			return certs
		}
	}
	return certchain.Build(ctx, cert, o)[0], fetched
}

// missing lists the intermediates on the way from cert to its root that are not
// embedded. A machine may trust the root alone, even where an intermediate is
// trusted here.
func (c *completer) missing(ctx context.Context, cert *x509.Certificate, embedded []*x509.Certificate, at time.Time) []*x509.Certificate {
	best, _ := c.build(ctx, c.self, cert, embedded, at)
	if !best.Trusted() {
		best, _ = c.build(ctx, c.roots.TimeStamping, cert, embedded, at)
	}
	var out []*x509.Certificate
	for _, issuer := range best.Certificates[1:] {
		if !certchain.IsRoot(issuer) && !slices.ContainsFunc(embedded, issuer.Equal) {
			out = append(out, issuer)
		}
	}
	return out
}

// token completes a token. Its certificates are not part of what the server
// signed.
func (c *completer) token(ctx context.Context, t *rfc3161.Token) ([]byte, error) {
	cert, err := t.Signer()
	if err != nil {
		return nil, err
	}
	embedded, _ := t.SignedData.X509Certificates() // one that does not parse links nothing
	more := c.missing(ctx, cert, embedded, t.GenTime)
	if len(more) == 0 {
		return t.Raw, nil
	}
	for _, m := range more {
		t.SignedData.AddCertificate(m.Raw)
	}
	return t.SignedData.Marshal()
}

// legacy lists the certificates that go with a countersignature.
func (c *completer) legacy(ctx context.Context, s *rfc3161.LegacyStamp) ([]*x509.Certificate, error) {
	all := &cms.SignedData{}
	for _, known := range s.Certificates {
		all.AddCertificate(known.Raw)
	}
	cert, err := all.FindCertificate(s.Countersignature)
	if err != nil {
		return nil, err
	}
	return slices.Concat(s.Certificates, c.missing(ctx, cert, s.Certificates, s.Time)), nil
}
