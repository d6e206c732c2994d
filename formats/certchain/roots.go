package certchain

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Roots are the trust anchors of a verification. Code signing and time stamping are
// separate purposes with separate lists in Microsoft's root programme, so a root of the
// one pool is worth nothing in the other.
type Roots struct {
	CodeSigning  *Pool // anchors of publishers
	TimeStamping *Pool // anchors of time stamping authorities
}

// NewRoots returns roots that trust each of the given anchors for both purposes, for a
// private hierarchy.
func NewRoots(certs ...*x509.Certificate) *Roots {
	return &Roots{CodeSigning: NewPool(certs...), TimeStamping: NewPool(certs...)}
}

// Add puts the anchors of other with their limits into r.
func (r *Roots) Add(other *Roots) {
	r.ready()
	r.CodeSigning.AddPool(other.CodeSigning)
	r.TimeStamping.AddPool(other.TimeStamping)
}

// AddLenient trusts a certificate in DER, written by others, for both purposes. It is
// parsed when it is needed; one that cannot be read, now or then, is passed over.
func (r *Roots) AddLenient(der []byte) {
	c := cms.NewCertificate(der)
	if subject, ok := c.RawSubject(); ok {
		a := &anchor{c, sha256.Sum256(der), string(subject)}
		r.ready()
		r.CodeSigning.add(a)
		r.TimeStamping.add(a)
	}
}

// Label says where the anchors that are in r, and have no label yet, come from.
func (r *Roots) Label(source string) {
	r.ready()
	r.CodeSigning.Label(source)
	r.TimeStamping.Label(source)
}

func (r *Roots) ready() {
	if r.CodeSigning == nil {
		r.CodeSigning = &Pool{}
	}
	if r.TimeStamping == nil {
		r.TimeStamping = &Pool{}
	}
}

// StampChain tells why the certificate of a time-stamping authority leads to
// none of the TimeStamping roots at the given time; nil if it does. It is an
// rfc3161.ChainFunc: embedded are the certificates of the token.
func (r *Roots) StampChain(cert *x509.Certificate, embedded []*x509.Certificate, at time.Time) error {
	best := Build(context.Background(), cert, Options{Time: at, Usage: UsageTimeStamping, Anchors: r.TimeStamping, Intermediates: embedded})[0]
	if err := best.Err(); err != nil {
		return fmt.Errorf("the authority is not trusted: %v", err)
	}
	return nil
}

//go:embed roots/*.pem
var builtinRoots embed.FS

// BuiltinRoots returns the roots that come with this package: Microsoft's own and the
// ones that Linux root bundles, which are made for TLS, lack. roots/README.md lists
// them with their thumbprints. Windows trusts all of them for code signing and for time
// stamping.
func BuiltinRoots() (*Roots, error) {
	certs, err := readRoots(builtinRoots, "roots/*.pem")
	if err != nil {
		return nil, err
	}
	return NewRoots(certs...), nil
}

// readRoots reads the certificates of an embedded folder.
func readRoots(files embed.FS, pattern string) ([]*x509.Certificate, error) {
	names, err := fs.Glob(files, pattern)
	if err != nil {
		return nil, fmt.Errorf("listing built-in roots: %v", err)
	}
	var out []*x509.Certificate
	for _, name := range names {
		b, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading built-in root %s: %v", name, err)
		}
		certs, err := ParseCertificates(b)
		if err != nil {
			return nil, fmt.Errorf("reading built-in root %s: %v", name, err)
		}
		out = append(out, certs...)
	}
	return out, nil
}
