package args

import (
	"context"
	"errors"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/secret"
)

// Signer says who signs, who stamps, and what the signature tells.
type Signer struct {
	Key
	Trusted
	Stampers
	Digest, Description, URL string
}

// Session is an open key with its time servers. Close it.
type Session struct {
	*identity.Identity
	Roots *certchain.Roots
	// Options are those of a signature by the key.
	Options authenticode.SignOptions
	// Stamping is nil without time servers.
	Stamping *Stamping
}

// Open judges the flags, reaches the key, judges its certificate and prepares
// the time servers.
func (s Signer) Open(ctx context.Context, c *console.Console) (*Session, error) {
	hash, err := Digest(s.Digest)
	if err != nil {
		return nil, err
	}
	roots, err := s.Trusted.Open()
	if err != nil {
		return nil, err
	}
	others, err := Secret("tspassword", s.KeyPassword)
	if err != nil {
		return nil, err
	}
	s.Key.hash = hash
	id, err := s.Key.Open(ctx, c, roots, others)
	if err != nil {
		return nil, err
	}
	s.Stampers.Intermediates, s.Stampers.Fetching = s.Key.Chain, s.Key.Fetch
	stamping, err := s.Stampers.Open(ctx, s.Digest, roots, id, secret.Ref(s.Password))
	if err != nil {
		id.Close()
		return nil, err
	}
	if stamping == nil && id.ShortLived() {
		id.Close()
		return nil, fault.New(fault.Usage, "the certificate ends on %s, and without a timestamp the signatures end with it", id.Certificate.NotAfter.UTC().Format(time.DateTime)).
			Hint("add -server=http://timestamp.acs.microsoft.com, or another time server")
	}
	if stamping == nil {
		c.Warn("not timestamped: the signature expires with the certificate on %s (add -server=)", id.Certificate.NotAfter.Format(time.DateOnly))
	}
	return &Session{id, roots, authenticode.SignOptions{
		Signer:      cms.Signer{Key: id.Key, Certificate: id.Certificate, Chain: id.Embedded(), Hash: hash},
		Description: s.Description,
		URL:         s.URL,
		Own:         id.Owns,
	}, stamping}, nil
}

// Close stops the time servers and closes the key.
func (s *Session) Close() error { return errors.Join(s.Stamping.Close(), s.Identity.Close()) }
