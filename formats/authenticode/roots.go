package authenticode

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"embed"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Pool is a set of trust anchors. The zero value is an empty pool: it trusts nobody.
// It is filled first and then only read; reading is safe from several goroutines.
type Pool struct {
	bySubject map[string][]*x509.Certificate
	seen      map[[sha256.Size]byte]bool
	list      []*x509.Certificate
}

// NewPool returns a pool of the given anchors.
func NewPool(certs ...*x509.Certificate) *Pool {
	p := &Pool{}
	p.Add(certs...)
	return p
}

// Add puts anchors into the pool; one that is there already is left out.
func (p *Pool) Add(certs ...*x509.Certificate) {
	if p.seen == nil {
		p.seen = map[[sha256.Size]byte]bool{}
		p.bySubject = map[string][]*x509.Certificate{}
	}
	for _, c := range certs {
		id := sha256.Sum256(c.Raw)
		if p.seen[id] {
			continue
		}
		p.seen[id] = true
		p.bySubject[string(c.RawSubject)] = append(p.bySubject[string(c.RawSubject)], c)
		p.list = append(p.list, c)
	}
}

// Contains reports whether exactly this certificate is an anchor.
func (p *Pool) Contains(c *x509.Certificate) bool {
	return p != nil && p.seen[sha256.Sum256(c.Raw)]
}

// Certificates returns the anchors in the order in which they were added.
func (p *Pool) Certificates() []*x509.Certificate {
	if p == nil {
		return nil
	}
	return append([]*x509.Certificate(nil), p.list...)
}

// Len is the number of anchors.
func (p *Pool) Len() int {
	if p == nil {
		return 0
	}
	return len(p.list)
}

func (p *Pool) named(rawSubject []byte) []*x509.Certificate {
	if p == nil {
		return nil
	}
	return p.bySubject[string(rawSubject)]
}

// Roots are the trust anchors of a verification. Code signing and time stamping are separate purposes
// with separate lists in Microsoft's root programme, so a root of the one pool is worth nothing in the other.
type Roots struct {
	CodeSigning  *Pool // anchors of publishers
	TimeStamping *Pool // anchors of time stamping authorities
}

// NewRoots returns roots that trust each of the given anchors for both purposes, for a private hierarchy.
func NewRoots(certs ...*x509.Certificate) *Roots {
	return &Roots{CodeSigning: NewPool(certs...), TimeStamping: NewPool(certs...)}
}

// Add puts the anchors of other into r.
func (r *Roots) Add(other *Roots) {
	if r.CodeSigning == nil {
		r.CodeSigning = &Pool{}
	}
	if r.TimeStamping == nil {
		r.TimeStamping = &Pool{}
	}
	r.CodeSigning.Add(other.CodeSigning.Certificates()...)
	r.TimeStamping.Add(other.TimeStamping.Certificates()...)
}

//go:embed roots/*.pem
var builtinRoots embed.FS

// BuiltinRoots returns the roots that come with this package: Microsoft's own and the ones that
// Linux root bundles, which are made for TLS, lack. roots/README.md lists them with their thumbprints.
// Windows trusts all of them for code signing and for time stamping.
func BuiltinRoots() (*Roots, error) {
	names, err := fs.Glob(builtinRoots, "roots/*.pem")
	if err != nil {
		return nil, fmt.Errorf("listing built-in roots: %v", err)
	}
	roots := NewRoots()
	for _, name := range names {
		b, err := builtinRoots.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading built-in root %s: %v", name, err)
		}
		certs, err := ParseCertificates(b)
		if err != nil {
			return nil, fmt.Errorf("reading built-in root %s: %v", name, err)
		}
		roots.CodeSigning.Add(certs...)
		roots.TimeStamping.Add(certs...)
	}
	return roots, nil
}

// ParseCertificates reads certificates from b: PEM blocks with certificates or PKCS#7 (others are passed over), one or
// more certificates in DER one after the other, or a PKCS#7 in DER (.p7b, .p7c). No certificate at all is an error.
func ParseCertificates(b []byte) ([]*x509.Certificate, error) {
	if !bytes.Contains(b, []byte("-----BEGIN")) {
		return parseDERCertificates(b)
	}
	var out []*x509.Certificate
	for n := 1; ; n++ {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		certs, err := parsePEMBlock(block)
		if err != nil {
			return nil, fmt.Errorf("PEM block %d: %v", n, err)
		}
		out = append(out, certs...)
	}
	if len(out) == 0 {
		return nil, errNoCertificate
	}
	return out, nil
}

var errNoCertificate = errors.New("no certificate found")

func parsePEMBlock(block *pem.Block) ([]*x509.Certificate, error) {
	switch block.Type {
	case "CERTIFICATE", "X509 CERTIFICATE":
		c, err := cms.ParseCertificate(block.Bytes)
		return []*x509.Certificate{c}, err
	case "TRUSTED CERTIFICATE":
		return nil, errors.New("holds OpenSSL's trust settings: write it again with openssl x509 -in OLD -out NEW")
	case "PKCS7", "CMS":
		return parsePKCS7Certificates(block.Bytes)
	}
	return nil, nil
}

func parseDERCertificates(b []byte) ([]*x509.Certificate, error) {
	out, err := x509.ParseCertificates(b)
	if err == nil && len(out) > 0 {
		return out, nil
	}
	if len(b) == 0 {
		return nil, errNoCertificate
	}
	if c, perr := cms.ParseCertificate(b); perr == nil { // with a serial number that crypto/x509 refuses
		return []*x509.Certificate{c}, nil
	}
	if certs, perr := parsePKCS7Certificates(b); perr == nil {
		return certs, nil
	}
	return nil, fmt.Errorf("neither PEM nor DER certificates nor PKCS#7: %v", err)
}

// parsePKCS7Certificates reads a certs-only message (RFC 2315 section 9, degenerate case). Two bytes behind it are let
// pass, since some tools end the file with a line break.
func parsePKCS7Certificates(b []byte) ([]*x509.Certificate, error) {
	sd, err := cms.Parse(b)
	if err != nil {
		return nil, err
	}
	if sd.Trailing > 2 {
		return nil, fmt.Errorf("%d bytes follow the PKCS#7", sd.Trailing)
	}
	out, err := sd.X509Certificates()
	if err == nil && len(out) == 0 {
		err = errNoCertificate
	}
	return out, err
}
