package file

import (
	"crypto/x509"
	"slices"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// judgeFor judges additional certificates for a signature that exists.
func judgeFor(c *console.Console, p7 []byte, a Adding, extra []*x509.Certificate, roots *certchain.Roots) error {
	sig, err := pick(p7, a.Index)
	if err != nil {
		return err
	}
	leaf, err := sig.SignerCertificate(0)
	if err != nil {
		return err
	}
	embedded, err := sig.X509Certificates()
	if err != nil {
		return err
	}
	return judgeAdditional(c, extra, candidate{leaf, embedded, roots}, a.RequirePathTo)
}

// pick returns the signature that -index= names.
func pick(p7 authenticode.PKCS7, index int) (authenticode.Signature, error) {
	sigs, err := p7.Signatures()
	if err != nil {
		return authenticode.Signature{}, err
	}
	if index < 0 || index >= len(sigs) {
		return authenticode.Signature{}, fault.New(fault.Usage, "-index: there is no signature %d; the file has %d", index, len(sigs))
	}
	return sigs[index], nil
}

// candidate is a signer with the certificates that its signature carries and
// the roots that may end its path.
type candidate struct {
	leaf  *x509.Certificate
	chain []*x509.Certificate
	roots *certchain.Roots
}

// withRoot adds the root of an identity, which is known by being in its file,
// to a copy of roots; it is trusted for nothing else.
func withRoot(roots *certchain.Roots, root *x509.Certificate) *certchain.Roots {
	if root == nil {
		return roots
	}
	more := certchain.NewRoots()
	more.Add(roots)
	more.CodeSigning.Add(root)
	return more
}

// judgeAdditional refuses certificates that do no good, warns of others, and
// shows the paths that a machine can build offline.
func judgeAdditional(c *console.Console, extra []*x509.Certificate, who candidate, path string) error {
	if len(extra) == 0 && path == "" {
		return nil
	}
	report := authenticode.JudgeAdditional(extra, authenticode.AdditionalOptions{
		Leaf: who.leaf, Embedded: who.chain, Anchors: who.roots.CodeSigning, RequirePathTo: path,
	})
	for _, f := range report.Findings {
		if f.Severity == authenticode.SeverityWarning {
			c.Warn("additional %s", f.Message)
		}
	}
	for _, p := range report.Paths {
		c.Detail("path from the embedded certificates: %s", p)
	}
	return refusal(report)
}

// refusal is the report's errors as one, with what to do about each.
func refusal(report *authenticode.AdditionalReport) error {
	err := report.Err()
	if err == nil {
		return nil
	}
	refused := fault.New(fault.Usage, "%w", err)
	for _, f := range report.Findings {
		if f.Severity == authenticode.SeverityError && f.Hint != "" && !slices.Contains(refused.Hints, f.Hint) {
			refused.Hint("%s", f.Hint)
		}
	}
	return refused
}
