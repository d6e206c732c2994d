package args

import (
	"context"
	"crypto"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/rfc3161"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/secret"
	"github.com/hallmark-dev/hallmark/internal/timeserver"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// Stampers say which time servers are asked for what kind of timestamp.
type Stampers struct {
	// Servers is a comma-separated list of time servers, or test, or the
	// short form of an identity: a time-stamping key of one's own. Empty means
	// no timestamp.
	Servers string
	// KeyPassword is that of such a key, as env:NAME or file:PATH.
	KeyPassword string
	// Legacy asks for the older kind of timestamp.
	Legacy bool
	// Allow is a comma-separated list of checks that the server may fail.
	Allow string
	// Intermediates is a comma-separated list of files with certificates that
	// complete the server's chain. Fetching allows to fetch them.
	Intermediates string
	Fetching      bool
}

// Stamping is an open connection to time servers. A nil one is valid to close.
type Stamping struct {
	stamper *timeserver.Stamper
	legacy  bool
	stop    func() error
}

// Close stops what was started.
func (s *Stamping) Close() error {
	if s == nil {
		return nil
	}
	return s.stop()
}

// Open prepares the servers; nil without any. A server whose certificate leads
// to none of the roots counts as failed, as in a release. id is the signing
// identity, or nil where nothing is signed.
func (s Stampers) Open(ctx context.Context, digest string, roots *certchain.Roots, id *identity.Identity, others ...secret.Ref) (*Stamping, error) {
	names := List(s.Servers)
	switch {
	case len(names) == 0 && (s.Legacy || s.KeyPassword+s.Allow != ""):
		return nil, fault.New(fault.Usage, "-legacy, -tspassword and -allow need -server=")
	case len(names) == 0:
		return nil, nil
	}
	hash, err := Digest(digest)
	if err != nil {
		return nil, err
	}
	test, own := s.Servers == timeserver.Test, ownKey(s.Servers)
	if id != nil && id.Test != test {
		return nil, fault.New(fault.Usage, "-server=test needs the identity test, and the identity test needs -server=test")
	}
	if s.Allow != "" && (own || test) {
		return nil, fault.New(fault.Usage, "-allow is for what a time server does, and -server=%s asks none", s.Servers).Hint("leave -allow out")
	}
	if own {
		return s.openOwn(ctx, hash, roots, others)
	}
	if s.KeyPassword != "" {
		return nil, fault.New(fault.Usage, "-tspassword: a time server takes no password").Hint("it is for a time-stamping key, such as -server=pkcs12:FILE")
	}
	if err := addresses(names, test); err != nil {
		return nil, err
	}
	o := timeserver.Options{Servers: names, Hash: hash, Allow: List(s.Allow)}
	if o.Intermediates, err = trust.Certificates("-chain", List(s.Intermediates)); err != nil {
		return nil, err
	}
	if s.Fetching {
		o.Issuers = identity.FetchIssuers(identity.Options{})
	}
	stamper, stop, err := timeserver.Open(ctx, o, roots, func(ctx context.Context) (*identity.Identity, error) {
		if id != nil {
			return id, nil
		}
		return identity.Open(ctx, identity.KindTest, identity.Options{})
	})
	if err != nil {
		return nil, err
	}
	return &Stamping{stamper, s.Legacy, stop}, nil
}

// addresses refuses what cannot be a time server before a key signs anything.
func addresses(servers []string, test bool) error {
	var errs []error
	for _, s := range servers {
		if found := secret.InURL(s); found != "" {
			errs = append(errs, fault.New(fault.Usage, "-server: the address %s", found).
				Hint("addresses are shown in messages, so they must hold no secret; ask the provider for an address without one"))
			continue
		}
		if err := rfc3161.CheckURL(s); err != nil && !test {
			errs = append(errs, fault.New(fault.Usage, "-server: %w", err).
				Hint("addresses such as http://timestamp.digicert.com; test, or a key such as pkcs12:FILE, stands alone"))
		}
	}
	return errors.Join(errs...)
}

// ownKey tells the short form of an identity from addresses.
func ownKey(servers string) bool {
	kind, _, ok := strings.Cut(servers, ":")
	return ok && slices.Contains([]string{identity.KindPKCS12, identity.KindPEM, identity.KindPKCS11, identity.KindExec}, kind)
}

func (s Stampers) openOwn(ctx context.Context, hash crypto.Hash, roots *certchain.Roots, others []secret.Ref) (*Stamping, error) {
	pw, err := Secret("tspassword", s.KeyPassword)
	if err != nil {
		return nil, err
	}
	tsa, err := identity.Open(ctx, s.Servers, identity.Options{
		Password: pw,
		Roots:    roots.TimeStamping.Certificates(),
		Env:      secret.Withhold(os.Environ(), others...),

		ChainFiles:         List(s.Intermediates),
		FetchIntermediates: s.Fetching,
	})
	if err != nil {
		return nil, err
	}
	stamper, stop, err := timeserver.OpenOwn(hash, tsa, roots)
	if err != nil {
		tsa.Close()
		return nil, err
	}
	return &Stamping{stamper, s.Legacy, func() error { return errors.Join(stop(), tsa.Close()) }}, nil
}

// Stamp gets a timestamp for the signature with the given index and returns
// the signature with it.
func (s *Stamping) Stamp(ctx context.Context, p7 authenticode.PKCS7, index int) (authenticode.PKCS7, string, error) {
	value, err := p7.SignatureValue(index)
	if err != nil {
		return nil, "", err
	}
	if s.legacy {
		answer, server, err := s.stamper.StampLegacy(ctx, value)
		if err != nil {
			return nil, "", kept(err)
		}
		p7, err = p7.SetCountersignature(index, answer.Raw, answer.Certificates)
		return p7, server, err
	}
	token, server, err := s.stamper.Stamp(ctx, value)
	if err != nil {
		return nil, "", kept(err)
	}
	p7, err = p7.SetToken(index, token)
	return p7, server, err
}

// kept says how to go on with single files where no server answered: unlike in
// a release, the signature is not kept.
func kept(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Status != fault.Service {
		return err
	}
	return fault.New(fault.Service, "%w", f.Err).
		Hint("the file stays as it was: run the command again, file:sign with -existing=skip, which leaves alone what is done; a second server in -server= makes this rarer")
}
