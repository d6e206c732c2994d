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
	bySubject map[string][]*anchor
	seen      map[[sha256.Size]byte]bool
	limits    map[[sha256.Size]byte]Limits
	list      []*anchor
}

// anchor is parsed when somebody needs it: a system has 150 roots, of which a signature's chain needs one.
type anchor struct {
	*cms.Certificate
	id      [sha256.Size]byte // SHA-256 of Raw
	subject string            // DER
}

// NewPool returns a pool of the given anchors.
func NewPool(certs ...*x509.Certificate) *Pool {
	p := &Pool{}
	p.Add(certs...)
	return p
}

// Add puts anchors into the pool; one that is there already is left out.
func (p *Pool) Add(certs ...*x509.Certificate) {
	for _, c := range certs {
		p.add(&anchor{cms.FromX509(c), sha256.Sum256(c.Raw), string(c.RawSubject)})
	}
}

func (p *Pool) addAll(other *Pool) {
	if other == nil {
		return
	}
	p.add(other.list...)
	for id, l := range other.limits {
		p.limit(id, l)
	}
}

func (p *Pool) add(anchors ...*anchor) {
	if p.seen == nil {
		p.seen = map[[sha256.Size]byte]bool{}
		p.bySubject = map[string][]*anchor{}
	}
	for _, a := range anchors {
		if p.seen[a.id] {
			continue
		}
		p.seen[a.id] = true
		p.bySubject[a.subject] = append(p.bySubject[a.subject], a)
		p.list = append(p.list, a)
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
	return parsed(p.list)
}

// Len is the number of anchors.
func (p *Pool) Len() int { return len(p.Certificates()) }

func (p *Pool) named(rawSubject []byte) []*x509.Certificate {
	if p == nil {
		return nil
	}
	return parsed(p.bySubject[string(rawSubject)])
}

func parsed(anchors []*anchor) []*x509.Certificate {
	var out []*x509.Certificate
	for _, a := range anchors {
		if c, err := a.X509(); err == nil {
			out = append(out, c)
		}
	}
	return out
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

// Add puts the anchors of other with their limits into r.
func (r *Roots) Add(other *Roots) {
	r.ready()
	r.CodeSigning.addAll(other.CodeSigning)
	r.TimeStamping.addAll(other.TimeStamping)
}

// AddLenient trusts a certificate in DER, of which nobody here is the author, for both purposes. It is parsed when it is
// needed; one that cannot be read, now or then, vouches for nobody and is passed over.
func (r *Roots) AddLenient(der []byte) {
	c := cms.NewCertificate(der)
	if subject, ok := c.RawSubject(); ok {
		a := &anchor{c, sha256.Sum256(der), string(subject)}
		r.ready()
		r.CodeSigning.add(a)
		r.TimeStamping.add(a)
	}
}

func (r *Roots) ready() {
	if r.CodeSigning == nil {
		r.CodeSigning = &Pool{}
	}
	if r.TimeStamping == nil {
		r.TimeStamping = &Pool{}
	}
}

//go:embed roots/*.pem
var builtinRoots embed.FS

// BuiltinRoots returns the roots that come with this package: Microsoft's own and the ones that
// Linux root bundles, which are made for TLS, lack. roots/README.md lists them with their thumbprints.
// Windows trusts all of them for code signing and for time stamping.
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
