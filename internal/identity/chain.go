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
	builtin, err := certchain.BuiltinRoots()
	if err != nil {
		return fmt.Errorf("completing chain: %v", err)
	}
	candidates = append(append(candidates, i.opts.Roots...), builtin.CodeSigning.Certificates()...)
	if len(candidates) > maxCandidates {
		return fmt.Errorf("completing chain: too many candidate certificates: %d (limit %d)", len(candidates), maxCandidates)
	}
	candidates = slices.DeleteFunc(candidates, func(c *x509.Certificate) bool { return c.BasicConstraintsValid && !c.IsCA })
	elsewhere := issuerSource{now: i.opts.Now()}
	if i.opts.FetchIntermediates {
		elsewhere.fetch = newFetcher(i.opts).issuers
	}
	// Without anchors: which root is trusted is for the verifier to say.
	i.setChain(certchain.Build(ctx, i.Certificate, certchain.Options{Time: i.opts.Now(), Intermediates: candidates, Issuers: elsewhere.issuers})[0])
	switch {
	case i.Root != nil:
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
	i.Chain, i.Root, i.incomplete = path.Certificates[1:], nil, ""
	if path.Complete {
		i.Root = path.Top()
		i.Chain = path.Certificates[min(1, len(path.Certificates)-1) : len(path.Certificates)-1]
	}
}

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
