package identity

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
)

const (
	// maxChain is the most certificates between leaf and root. Public
	// code-signing chains have one or two.
	maxChain = 8
	// maxCandidates bounds the certificates that a chain is searched in.
	maxCandidates = 2000
)

// issued reports whether parent signed child: the names match and the
// signature verifies. SHA-1 counts too, since whether it is good enough is
// for Judge to say. Validity is not looked at.
func issued(parent, child *x509.Certificate) bool {
	if !bytes.Equal(parent.RawSubject, child.RawIssuer) {
		return false
	}
	if parent.BasicConstraintsValid && !parent.IsCA {
		return false
	}
	return parent.CheckSignature(child.SignatureAlgorithm, child.RawTBSCertificate, child.Signature) == nil
}

func selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) &&
		c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// completeChain turns what the key's store held into the chain: from the
// certificate's issuer upwards, without the root, which goes into Root. It
// looks into the store, the chain files, the known roots, the system's roots
// and, if allowed, fetches what is missing. That a chain stays incomplete is
// no error here; Judge reports it.
func (i *Identity) completeChain(ctx context.Context) error {
	candidates := append([]*x509.Certificate{}, i.Chain...)
	if i.Root != nil {
		candidates = append(candidates, i.Root)
	}
	for _, file := range i.opts.ChainFiles {
		certs, err := readCertificates(i.opts.path(file))
		if err != nil {
			return err
		}
		candidates = append(candidates, certs...)
	}
	builtin, err := authenticode.BuiltinRoots()
	if err != nil {
		return fmt.Errorf("completing chain: %v", err)
	}
	candidates = append(append(candidates, i.opts.Roots...), builtin.CodeSigning.Certificates()...)
	if len(candidates) > maxCandidates {
		return fmt.Errorf("completing chain: %d certificates to choose from, at most %d make sense", len(candidates), maxCandidates)
	}
	s := search{candidates: candidates, now: i.opts.Now()}
	if i.opts.FetchIntermediates {
		s.fetch = newFetcher(i.opts).issuers
	}
	path, complete := s.upwards(ctx, []*x509.Certificate{i.Certificate})
	i.Chain, i.Root, i.incomplete = path[1:], nil, ""
	switch {
	case complete:
		i.setRoot(path)
	case s.fetchErr != nil:
		i.incomplete, i.chainErr = message(s.fetchErr), s.fetchErr
	default:
		i.incomplete = fmt.Sprintf("the certificate of %q is missing", path[len(path)-1].Issuer)
	}
	return nil
}

func (i *Identity) setRoot(path []*x509.Certificate) {
	last := len(path) - 1
	i.Root = path[last]
	i.Chain = nil
	if last > 0 {
		i.Chain = path[1:last]
	}
}

// search walks from a certificate to a root.
type search struct {
	candidates []*x509.Certificate
	now        time.Time
	fetch      func(context.Context, *x509.Certificate) ([]*x509.Certificate, error)
	fetchErr   error
}

// upwards extends path to a self-signed certificate. When there is none it
// returns the longest extension that it found.
func (s *search) upwards(ctx context.Context, path []*x509.Certificate) ([]*x509.Certificate, bool) {
	last := path[len(path)-1]
	if selfSigned(last) {
		return path, true
	}
	if len(path) > maxChain+1 {
		return path, false
	}
	best := path
	for _, issuer := range s.issuersOf(ctx, path) {
		longer, complete := s.upwards(ctx, append(slices.Clip(path), issuer))
		if complete {
			return longer, true
		}
		if len(longer) > len(best) {
			best = longer
		}
	}
	return best, false
}

// issuersOf collects the certificates that signed the last of path, the best
// first, asking dearer sources only when the cheaper have none.
func (s *search) issuersOf(ctx context.Context, path []*x509.Certificate) []*x509.Certificate {
	last := path[len(path)-1]
	if found := s.matching(s.candidates, path); len(found) > 0 {
		return found
	}
	if root := systemRoot(last, s.now); root != nil {
		return []*x509.Certificate{root}
	}
	if s.fetch == nil {
		return nil
	}
	certs, err := s.fetch(ctx, last)
	if err != nil {
		s.fetchErr = err
		return nil
	}
	return s.matching(certs, path)
}

func (s *search) matching(from, path []*x509.Certificate) []*x509.Certificate {
	last := path[len(path)-1]
	var found []*x509.Certificate
	for _, c := range from {
		equal := func(o *x509.Certificate) bool { return o.Equal(c) }
		if !slices.ContainsFunc(path, equal) && !slices.ContainsFunc(found, equal) && issued(c, last) {
			found = append(found, c)
		}
	}
	slices.SortStableFunc(found, s.preference)
	return found
}

// preference puts certificates that are valid now first, then roots, which
// make the shortest chain, then those that are valid longest.
func (s *search) preference(a, b *x509.Certificate) int {
	return cmp.Or(
		boolFirst(s.valid(a), s.valid(b)),
		boolFirst(selfSigned(a), selfSigned(b)),
		b.NotAfter.Compare(a.NotAfter),
	)
}

func (s *search) valid(c *x509.Certificate) bool {
	return !s.now.Before(c.NotBefore) && !s.now.After(c.NotAfter)
}

func boolFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// systemRoot asks the operating system for the root that signed c itself.
func systemRoot(c *x509.Certificate, now time.Time) *x509.Certificate {
	chains, err := c.Verify(x509.VerifyOptions{
		Intermediates: x509.NewCertPool(),
		CurrentTime:   now,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return nil // the usual case: not in the store
	}
	for _, chain := range chains {
		if len(chain) == 2 {
			return chain[1]
		}
	}
	return nil
}
