package identity

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
)

// maxCandidates bounds the certificates that a chain is searched in.
const maxCandidates = 2000

// completeChain turns what the key's store held into the chain: from the
// certificate's issuer upwards, without the root, which goes into Root. It
// looks into the store, the chain files, the known roots, the system's roots
// and, if allowed, fetches what is missing. Of several paths the one to a known
// root is taken; what is at hand for the others goes into Cross. That a chain
// stays incomplete is not an error here; Judge reports it.
func (i *Identity) completeChain(ctx context.Context) error {
	hand := slices.Clone(i.Chain)
	if i.Root != nil {
		hand = append(hand, i.Root)
	}
	for _, file := range i.opts.ChainFiles {
		certs, err := readCertificates(i.opts.path(file))
		if err != nil {
			return err
		}
		hand = append(hand, certs...)
	}
	builtin, err := certchain.BuiltinRoots()
	if err != nil {
		return fmt.Errorf("completing chain: %v", err)
	}
	known := append(slices.Clone(i.opts.Roots), builtin.CodeSigning.Certificates()...)
	candidates := append(slices.Clone(hand), known...)
	if len(candidates) > maxCandidates {
		return fmt.Errorf("completing chain: too many candidate certificates: %d (limit %d)", len(candidates), maxCandidates)
	}
	elsewhere := issuerSource{now: i.opts.Now()}
	if i.opts.FetchIntermediates {
		elsewhere.fetch = newFetcher(i.opts).issuers
	}
	// Which root is trusted is for the verifier to say: the known ones only come first.
	anchors := certchain.NewPool(slices.DeleteFunc(known, func(c *x509.Certificate) bool { return !certchain.IsRoot(c) })...)
	paths := certchain.Build(ctx, i.Certificate, certchain.Options{Time: i.opts.Now(), Anchors: anchors, Intermediates: candidates, Issuers: elsewhere.issuers})
	i.setChain(paths[0])
	i.setCross(paths[1:], hand)
	switch {
	case i.Root != nil:
	case i.tooLong:
		i.incomplete = fmt.Sprintf("it has more than %d certificates", len(paths[0].Certificates))
	case elsewhere.err != nil:
		i.incomplete, i.chainErr = message(elsewhere.err), elsewhere.err
	default:
		i.incomplete = fmt.Sprintf("the certificate of %q is missing", i.top().Issuer)
	}
	return nil
}

// setChain takes a path apart: the leaf is the identity's, a root goes into
// Root, what is between into Chain.
func (i *Identity) setChain(path certchain.Chain) {
	i.Chain, i.Root, i.incomplete, i.tooLong = path.Certificates[1:], nil, "", path.TooLong()
	if path.Complete {
		i.Root = path.Top()
		i.Chain = path.Certificates[min(1, len(path.Certificates)-1) : len(path.Certificates)-1]
	}
}

// setCross keeps the intermediates of further paths that are good for a machine
// which trusts their root. A machine may know another root than this one, and
// a verifier has only what is in the signature.
func (i *Identity) setCross(paths []certchain.Chain, hand []*x509.Certificate) {
	i.Cross = nil
	for _, p := range paths {
		if !p.Complete || slices.ContainsFunc(p.Problems, func(f certchain.Finding) bool { return f.Verdict != certchain.VerdictUntrustedRoot }) {
			continue
		}
		for _, c := range p.Certificates[1:] {
			if !certchain.IsRoot(c) && slices.ContainsFunc(hand, c.Equal) && !slices.ContainsFunc(i.Embedded(), c.Equal) {
				i.Cross = append(i.Cross, c)
			}
		}
	}
}

// Embedded returns what belongs into a signature beside the certificate: Chain,
// then Cross.
func (i *Identity) Embedded() []*x509.Certificate { return slices.Concat(i.Chain, i.Cross) }

// top is the last certificate of the chain below the root.
func (i *Identity) top() *x509.Certificate {
	if n := len(i.Chain); n > 0 {
		return i.Chain[n-1]
	}
	return i.Certificate
}

// issuerSource finds issuers outside the files: among the system's roots and,
// if allowed, where a certificate says that its issuer is.
type issuerSource struct {
	now   time.Time
	fetch func(context.Context, *x509.Certificate) ([]*x509.Certificate, error)
	err   error // of the last fetch
}

func (s *issuerSource) issuers(ctx context.Context, c *x509.Certificate) []*x509.Certificate {
	if root := systemRoot(c, s.now); root != nil {
		return []*x509.Certificate{root}
	}
	if s.fetch == nil {
		return nil
	}
	certs, err := s.fetch(ctx, c)
	s.err = err
	return certs
}
