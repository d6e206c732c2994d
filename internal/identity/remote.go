package identity

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// remoteKey is a private key in a service. Each signature carries the
// certificate of its own answer, since services that issue certificates for
// days may change key and certificate between two files of one run.
type remoteKey struct {
	ctx  context.Context // of Open: crypto.Signer has no place for one
	name string          // of the service, for messages
	key  service.Key
	id   *Identity

	mu      sync.Mutex
	renewed []certified // certificates after the first that have signed
}

// certified is a certificate with its intermediates, without root.
type certified struct {
	certificate *x509.Certificate
	chain       []*x509.Certificate
}

// adoptRemote takes over a key in a service: it opens the key and finds the
// certificate that belongs to it, among what the service holds or in the chain
// files. name is the service's name in messages.
func (i *Identity) adoptRemote(ctx context.Context, name string, key service.Key) error {
	began := time.Now()
	held, err := key.Open(ctx)
	if err != nil {
		return err
	}
	if held.Info == nil {
		held.Info = &service.Info{}
	}
	if held.Tried {
		held.Info.Latency = time.Since(began)
		i.probe.once.Do(func() {})
	}
	certs := held.Certificates
	for _, file := range i.opts.ChainFiles {
		more, err := readCertificates(i.opts.path(file))
		if err != nil {
			return err
		}
		certs = append(certs, more...)
	}
	if err := i.adoptHeld(name, held, certs); err != nil {
		return err
	}
	i.Key = &remoteKey{ctx: ctx, name: name, key: key, id: i}
	i.remote, i.info, i.allows = key, held.Info, held.Allows
	return nil
}

func (i *Identity) adoptHeld(name string, held *service.Held, certs []*x509.Certificate) error {
	if len(certs) == 0 {
		return fault.New(fault.Usage, "%s holds no certificate for the key", name).
			Hint("name the certificate that the CA issued for it in sign.chain (or -chain=)")
	}
	publics := held.Publics
	if len(publics) == 0 {
		publics = []crypto.PublicKey{certs[0].PublicKey}
	}
	for n, public := range publics {
		if err := canSign(name, public); err != nil {
			return err
		}
		if leaf, rest := pickLeaf(public, certs); leaf != nil {
			if held.Chosen != nil {
				held.Chosen(n)
			}
			i.Certificate, i.Chain, i.Held = leaf, rest, certs
			return nil
		}
	}
	return fault.New(fault.Usage, "%s: none of %d certificates belongs to the key", name, len(certs)).
		Hint("sign.chain (or -chain=) must hold the certificate that was issued for this key and this version of it")
}

func canSign(name string, public crypto.PublicKey) error {
	switch public.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey:
		return nil
	}
	return fault.New(fault.Usage, "%s has a key of type %T, which cannot make Authenticode signatures", name, public).
		Hint("make an RSA key of 3072 or 4096 bits")
}

// Public is the key of the identity's certificate.
func (k *remoteKey) Public() crypto.PublicKey { return k.id.Certificate.PublicKey }

// Sign is SignContext with the context that the identity was opened with.
func (k *remoteKey) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.SignContext(k.ctx, r, digest, opts)
}

// SignContext signs with the key of the identity's certificate. It fails where
// the service has changed its key since: SignCertified copes with that.
func (k *remoteKey) SignContext(ctx context.Context, _ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	c, err := k.SignCertified(ctx, digest, opts)
	if err != nil {
		return nil, err
	}
	if !samePublicKey(c.Certificate.PublicKey, k.Public()) {
		return nil, fault.New(fault.Service, "%s changed its key during the run", k.name).Hint("run the same command again")
	}
	return c.Signature, nil
}

// SignCertified asks the service for a signature and verifies it with the
// certificate that came with it, or else with the identity's. A certificate
// that is new is judged like the first.
func (k *remoteKey) SignCertified(ctx context.Context, digest []byte, opts crypto.SignerOpts) (*cms.Certified, error) {
	d := service.Digest{Scheme: schemeOf(k.Public(), opts), Hash: opts.HashFunc(), Sum: digest}
	if _, err := hashName(digest, opts); err != nil {
		return nil, err
	}
	if err := k.id.allowed(d.Scheme, d.Hash); err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeoutCause(ctx, service.SignTimeout, fmt.Errorf("no signature within %v", service.SignTimeout))
	defer cancel()
	signed, err := k.key.Sign(within, d)
	if err != nil {
		return nil, err
	}
	for _, c := range append(signed.Certificates, k.id.Certificate) {
		if checkSignature(c.PublicKey, digest, signed.Signature, opts) == nil {
			chain, err := k.chainOf(ctx, c, signed.Certificates)
			return &cms.Certified{Signature: signed.Signature, Certificate: c, Chain: chain}, err
		}
	}
	return nil, fault.New(fault.Service, "%s: sign: answered with a signature that its certificate does not verify", k.name).
		Hint("the certificate must be the one that was issued for this key and this version of it")
}

// chainOf returns the intermediates of a certificate that has signed.
func (k *remoteKey) chainOf(ctx context.Context, c *x509.Certificate, beside []*x509.Certificate) ([]*x509.Certificate, error) {
	if c.Equal(k.id.Certificate) {
		return k.id.Embedded(), nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, known := range k.renewed {
		if known.certificate.Equal(c) {
			return known.chain, nil
		}
	}
	chain, err := k.judgeRenewed(ctx, c, beside)
	if err != nil {
		return nil, fmt.Errorf("%s: the certificate of this signature is a new one: %w", k.name, err)
	}
	k.renewed = append(k.renewed, certified{c, chain})
	return chain, nil
}

// judgeRenewed judges a certificate that came with a signature as the first
// one was judged, and demands the same subject.
func (k *remoteKey) judgeRenewed(ctx context.Context, c *x509.Certificate, beside []*x509.Certificate) ([]*x509.Certificate, error) {
	if !bytes.Equal(c.RawSubject, k.id.Certificate.RawSubject) {
		return nil, fault.New(fault.Usage, "its subject is %q, and the run began with %q", c.Subject, k.id.Certificate.Subject).
			Hint("the profile was changed at the service: if that was intended, run the same command again")
	}
	next, err := OfCertificates(ctx, append([]*x509.Certificate{c}, beside...), k.id.opts)
	if err != nil {
		return nil, err
	}
	return next.Embedded(), Err(next.JudgeCertificate(k.id.opts.Now()))
}

// allowed asks whether the key can make such signatures at all.
func (i *Identity) allowed(s service.Scheme, h crypto.Hash) error {
	if i.allows == nil {
		return nil
	}
	return i.allows(s, h)
}

// Permitted asks the service whether this identity may sign, without a
// signature. Kinds that cannot be asked give nil.
func (i *Identity) Permitted(ctx context.Context) error {
	if err := i.allowed(schemeOf(i.Certificate.PublicKey, i.opts.hash()), i.opts.hash()); err != nil {
		return err
	}
	if p, ok := i.remote.(service.Permitter); ok {
		return p.Permitted(ctx)
	}
	return nil
}

// shortest is the validity below which a certificate is one that a service
// issues anew every few days: Artifact Signing's live for three.
const shortest = 7 * 24 * time.Hour

// ShortLived reports whether the certificate lives for days only, so that
// signatures are worth nothing without a timestamp.
func (i *Identity) ShortLived() bool { return isShortLived(i.Certificate) }

func isShortLived(c *x509.Certificate) bool { return c.NotAfter.Sub(c.NotBefore) < shortest }

// Owns reports whether c is this identity's certificate or, where certificates
// live for days only, an earlier or later one of it: the same subject with the
// same key usages, among which Artifact Signing has one for each subscriber.
func (i *Identity) Owns(c *x509.Certificate) bool {
	if c.Equal(i.Certificate) {
		return true
	}
	return i.ShortLived() && isShortLived(c) && bytes.Equal(c.RawSubject, i.Certificate.RawSubject) &&
		slices.Equal(certchain.EKUs(c), certchain.EKUs(i.Certificate))
}
