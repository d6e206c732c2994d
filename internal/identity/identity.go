// Package identity opens signing identities: a private key as a
// crypto.Signer, whether it lies in a file, in a hardware token or behind
// another program, together with the certificates that belong to it. It
// completes the chain, judges before anything is built whether Windows would
// accept the result, and lists what an identity holds.
//
// There is one file for each kind of key. The short forms that choose one are
// documented at ParseRef.
package identity

import (
	"cmp"
	"context"
	"crypto"
	"crypto/x509"
	"os"
	"path/filepath"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
	"github.com/hallmark-dev/hallmark/internal/secret"
)

// Identity is an open signing identity. Key may be used from several
// goroutines at once; Parallel is how many signatures should be made at a time.
type Identity struct {
	Kind        string              // the kind of its Ref, such as pkcs12
	Ref         string              // the short form, which holds no secret
	Key         crypto.Signer       // signs digests; RSA PKCS #1 v1.5, RSA-PSS or ECDSA (ASN.1)
	Certificate *x509.Certificate   // belongs to Key
	Chain       []*x509.Certificate // intermediates, from the issuer of Certificate upwards, without the root
	Cross       []*x509.Certificate // further intermediates at hand, by which other roots are reached, such as cross-certificates
	Root        *x509.Certificate   // where the chain ends, nil if it is not known
	Held        []*x509.Certificate // every certificate that the key's store holds, as found
	Test        bool                // a throw-away identity, not trusted anywhere
	Parallel    int                 // signatures at a time: 0 no limit, 1 one after the other
	Warnings    []string            // what was noticed while opening
	TSA         *Authority          // the time-stamping key beside a test identity, else nil

	incomplete string // why the chain does not reach a root; "" when it does
	tooLong    bool   // incomplete, because it has more certificates than a verifier follows
	chainErr   error  // the outside failure that caused incomplete, if any
	opts       Options
	probe      probe
	remote     service.Key // behind Key where a service holds it, else nil
	info       *service.Info
	allows     func(service.Scheme, crypto.Hash) error // nil: any signature
	close      func() error
}

// Authority is a key with its certificates that is not used for signing code.
type Authority struct {
	Key         crypto.Signer
	Certificate *x509.Certificate
	Chain       []*x509.Certificate
}

// Options describe how an identity is opened. The zero value is strict and reads
// nothing but what the short form names.
type Options struct {
	Password secret.Ref // password or PIN

	// Dir is where relative paths start; "" is the working directory.
	Dir string
	// StateDir keeps the test identity and fetched certificates; "" is
	// .hallmark below Dir.
	StateDir string

	ChainFiles           []string            // certificates that complete the chain: PEM, DER or PKCS #7
	Roots                []*x509.Certificate // known roots beside the system's
	FetchIntermediates   bool                // missing certificates may be fetched (AIA)
	AllowIncompleteChain bool                // judge a chain without root as a warning
	AllowECDSA           bool                // judge an elliptic-curve key as a warning

	// Hash of the signatures that will be asked for; 0 is SHA-256. The trial
	// signature uses it, since keys of some services work with one hash only.
	Hash crypto.Hash
	// ExpectEKUs are object identifiers of extended key usages that the
	// certificate must have, such as the subscriber's own of Artifact Signing;
	// ExpectSubject is its common name or whole subject. Both hold for every
	// certificate that signs.
	ExpectEKUs    []string
	ExpectSubject string

	// Timeout for one call of an exec program or one fetched certificate.
	// 0 is two minutes for programs and 15 seconds for certificates.
	Timeout time.Duration

	// Env is the environment of a program that the identity runs; nil is that
	// of this process.
	Env []string

	Now    func() time.Time    // nil is time.Now
	Getenv func(string) string // nil is os.Getenv
	Warn   func(string)        // told at once about each warning; nil only collects them
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.StateDir == "" {
		o.StateDir = ".hallmark"
	}
	o.StateDir = o.path(o.StateDir)
	return o
}

func (o Options) hash() crypto.Hash { return cmp.Or(o.Hash, crypto.SHA256) }

// path resolves a path against Dir.
func (o Options) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(o.Dir, p)
}

// Open opens the identity that the short form ref names (see ParseRef),
// completes its chain and remembers its warnings. It does not sign and does
// not judge: Judge does. ctx also ends later calls of an exec program, so it
// must live as long as the identity is used.
//
// Errors are *fault.Error: Usage for a wrong form, a missing file or a
// refused password, Service when a token or program failed. None of them
// holds a secret.
func Open(ctx context.Context, ref string, opts Options) (*Identity, error) {
	r, err := ParseRef(ref)
	if err != nil {
		return nil, err
	}
	id := &Identity{Kind: r.Kind, Ref: r.String(), Parallel: r.Parallel(), opts: opts.withDefaults()}
	if err := id.load(ctx, r); err != nil {
		id.Close()
		return nil, err
	}
	if err := id.completeChain(ctx); err != nil {
		id.Close()
		return nil, err
	}
	return id, nil
}

// OfCertificates is an identity whose key lives elsewhere: it judges (see
// JudgeCertificate) and cannot sign. The first certificate belongs to the key,
// the others complete its chain, as Open does with what a key's store holds.
func OfCertificates(ctx context.Context, certs []*x509.Certificate, opts Options) (*Identity, error) {
	id := &Identity{Certificate: certs[0], Chain: certs[1:], Held: certs, opts: opts.withDefaults()}
	if err := id.completeChain(ctx); err != nil {
		return nil, err
	}
	return id, nil
}

func (i *Identity) load(ctx context.Context, r Ref) error {
	switch r.Kind {
	case KindTest:
		return i.loadTest()
	case KindPKCS12:
		return i.loadPKCS12(r)
	case KindPEM:
		return i.loadPEM(r)
	case KindPKCS11:
		return i.loadPKCS11(r)
	case KindExec:
		return i.loadExec(ctx, r)
	}
	if r.Remote != nil {
		return i.loadRemote(ctx, r)
	}
	return fault.New(fault.Usage, "identity: unknown kind %q", r.Kind)
}

// Close ends the session with a token. An identity must not be used
// afterwards. It may be called more than once.
func (i *Identity) Close() error {
	f := i.close
	i.close = nil
	if f == nil {
		return nil
	}
	return f()
}

// password resolves Options.Password.
func (i *Identity) password() ([]byte, error) { return i.resolve(i.opts.Password) }

func (i *Identity) resolve(r secret.Ref) ([]byte, error) {
	s := secret.Source{Dir: i.opts.Dir, Getenv: i.opts.Getenv, Warn: i.warn}
	return s.Resolve(r)
}

func (i *Identity) warn(text string) {
	i.Warnings = append(i.Warnings, text)
	if i.opts.Warn != nil {
		i.opts.Warn(text)
	}
}
