package certchain

import (
	"crypto/sha256"
	"crypto/x509"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Pool is a set of trust anchors. The zero value is an empty pool, which trusts nothing.
// It is filled first and then only read; reading is safe from several goroutines.
type Pool struct {
	bySubject map[string][]*anchor
	seen      map[[sha256.Size]byte]bool
	limits    map[[sha256.Size]byte]Limits
	sources   map[[sha256.Size]byte]string
	list      []*anchor
}

// anchor is parsed when it is needed: a system has 150 roots, of which a signature's
// chain needs one.
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

// AddPool puts the anchors of other with their limits into the pool.
func (p *Pool) AddPool(other *Pool) {
	if other == nil {
		return
	}
	p.add(other.list...)
	for id, l := range other.limits {
		p.limit(id, l)
	}
	for id, source := range other.sources {
		p.label(id, source)
	}
}

// Label says where the anchors that are in the pool, and have no label yet, come from.
// Reports name it.
func (p *Pool) Label(source string) {
	for _, a := range p.list {
		p.label(a.id, source)
	}
}

func (p *Pool) label(id [sha256.Size]byte, source string) {
	if p.sources == nil {
		p.sources = map[[sha256.Size]byte]string{}
	}
	if p.sources[id] == "" {
		p.sources[id] = source
	}
}

// Source is the label of an anchor, empty without one.
func (p *Pool) Source(c *x509.Certificate) string {
	if p == nil {
		return ""
	}
	return p.sources[sha256.Sum256(c.Raw)]
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

// Issuer returns the first anchor that signed c, nil if none did.
func (p *Pool) Issuer(c *x509.Certificate) *x509.Certificate {
	for _, a := range p.named(c.RawIssuer) {
		if cms.CheckCertificate(c, a) == nil {
			return a
		}
	}
	return nil
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
