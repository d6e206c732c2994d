package filetool

import (
	"crypto/x509"
	"path/filepath"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// judgeFor judges additional certificates for a signature that exists.
func judgeFor(c *console.Console, p7 []byte, a Adding, extra []*x509.Certificate) error {
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
	return judgeAdditional(c, extra, leaf, embedded, nil, a.RequirePathTo)
}

// pick returns the signature that -index= names.
func pick(p7 []byte, index int) (authenticode.Signature, error) {
	sigs, err := authenticode.Signatures(p7)
	if err != nil {
		return authenticode.Signature{}, err
	}
	if index < 0 || index >= len(sigs) {
		return authenticode.Signature{}, fault.New(fault.Usage, "-index: there is no signature %d; the file has %d", index, len(sigs))
	}
	return sigs[index], nil
}

// judgeAdditional refuses certificates that do no good, warns of others, and
// shows the paths that a machine can build offline. root is a known root or
// nil.
func judgeAdditional(c *console.Console, extra []*x509.Certificate, leaf *x509.Certificate, chain []*x509.Certificate, root *x509.Certificate, path string) error {
	if len(extra) == 0 && path == "" {
		return nil
	}
	roots, err := trust.Defaults(filepath.Join(".hallmark", trust.File))
	if err != nil {
		return err
	}
	if root != nil {
		roots.CodeSigning.Add(root)
	}
	report := authenticode.JudgeAdditional(extra, authenticode.AdditionalOptions{
		Leaf: leaf, Embedded: chain, Anchors: roots.CodeSigning, RequirePathTo: path,
	})
	for _, f := range report.Findings {
		if f.Severity == authenticode.SeverityWarning {
			c.Warn("%s", f)
		}
	}
	for _, p := range report.Paths {
		c.Detail("path built from the file alone: %s", p)
	}
	return report.Err()
}
