package args

import (
	"context"
	"crypto"
	"fmt"
	"os"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/secret"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// Key says who signs.
type Key struct {
	// Identity in its short form, and its password as env:NAME or file:PATH.
	Identity, Password string
	// Chain is a comma-separated list of certificate files.
	Chain string
	// Fetch allows missing intermediates to be fetched; Incomplete signs
	// without them; ECDSA accepts an elliptic-curve key.
	Fetch, Incomplete, ECDSA bool

	hash crypto.Hash // of the signatures that will be made; 0 is SHA-256
}

// Open reaches the key and judges the certificate. A program that signs gets
// the environment of this process without the other secrets.
func (k Key) Open(ctx context.Context, c *console.Console, roots *certchain.Roots, others ...secret.Ref) (*identity.Identity, error) {
	if k.Identity == "" {
		return nil, fault.New(fault.Usage, "-identity= is missing").Hint("-identity= takes %s", identity.Forms())
	}
	if k.Identity == identity.KindTest && (k.Password != "" || k.Chain != "" || k.Fetch || k.Incomplete || k.ECDSA) {
		return nil, fault.New(fault.Usage, "-password, -chain, -fetch, -incomplete and -ecdsa have no effect with -identity=test").Hint("leave them out")
	}
	o := k.options(c, roots)
	o.Env = secret.Withhold(os.Environ(), others...)
	var err error
	if o.Password, err = Secret("password", k.Password); err != nil {
		return nil, err
	}
	id, err := identity.Open(ctx, k.Identity, o)
	if err != nil {
		return nil, err
	}
	if err := judged(c, id.Judge(time.Now())); err != nil {
		id.Close()
		return nil, fmt.Errorf("identity %s: %w", id.Ref, err)
	}
	return id, nil
}

// Certificates is Open for a key that lives elsewhere: the files of -cert=, a
// comma-separated list, hold the signer's certificate and then intermediates.
func (k Key) Certificates(ctx context.Context, c *console.Console, cert string) (*identity.Identity, error) {
	certs, err := trust.Certificates("reading a certificate", List(cert))
	if err != nil {
		return nil, err
	}
	if len(certs) == 0 {
		return nil, fault.New(fault.Usage, "-cert= is missing").Hint("-cert=FILE with the signer's certificate first, as PEM, DER or PKCS#7")
	}
	roots, err := Trusted{}.Open()
	if err != nil {
		return nil, err
	}
	id, err := identity.OfCertificates(ctx, certs, k.options(c, roots))
	if err != nil {
		return nil, err
	}
	if err := judged(c, id.JudgeCertificate(time.Now())); err != nil {
		return nil, fmt.Errorf("-cert: %w", err)
	}
	return id, nil
}

func (k Key) options(c *console.Console, roots *certchain.Roots) identity.Options {
	return identity.Options{
		Roots:                roots.CodeSigning.Certificates(),
		ChainFiles:           List(k.Chain),
		FetchIntermediates:   k.Fetch,
		AllowIncompleteChain: k.Incomplete,
		AllowECDSA:           k.ECDSA,
		Hash:                 k.hash,
		Warn:                 func(w string) { c.Warn("%s", w) },
	}
}

// judged shows what is worth a warning and returns the rest as one error.
func judged(c *console.Console, problems []identity.Problem) error {
	for _, p := range problems {
		if p.Severity == identity.Warning {
			c.Warn("identity: %s", p.Text)
		}
	}
	return identity.Err(problems)
}
