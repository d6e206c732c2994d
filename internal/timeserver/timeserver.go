// Package timeserver gets timestamps: from the servers that are named, or, for the test identity, from a server of our own that runs on
// loopback meanwhile.
package timeserver

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/rfc3161"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/proxy"
)

// Test is the name of the time server that belongs to the test identity.
const Test = "test"

// Options say which servers are asked, and how.
type Options struct {
	// Servers to ask, in order: URLs, or Test alone.
	Servers []string
	// Hash of the timestamps.
	Hash crypto.Hash
	// Attempts at each server, Timeout of one answer, Budget for one file and
	// MinInterval between two requests to one server; 0 is rfc3161's default.
	Attempts                     int
	Timeout, Budget, MinInterval time.Duration
	// Allow lists what a server may do without, by the names of the checks of
	// authenticode.Verify; see Allowances.
	Allow []string
	// Intermediates may link a server's certificate to its root, beside those
	// that the server sends; Issuers looks for more, nil for none.
	Intermediates []*x509.Certificate
	Issuers       Issuers
}

// Allowances are the checks that a time server need not pass.
func Allowances() []authenticode.Check {
	return []authenticode.Check{authenticode.CheckTSACritical, authenticode.CheckTSAUsage, authenticode.CheckTSABinding, authenticode.CheckAlgorithms, authenticode.CheckKeySize}
}

// accept turns names into rules; an unknown one is an error (Usage).
func accept(names []string) ([]rfc3161.Rule, error) {
	var checks []authenticode.Check
	for _, n := range names {
		if !slices.Contains(Allowances(), authenticode.Check(n)) {
			return nil, fault.New(fault.Usage, "there is no check %q that a time server may do without", n).Hint("some of %v", Allowances())
		}
		checks = append(checks, authenticode.Check(n))
	}
	return authenticode.StampRules(checks), nil
}

// Stamper asks time servers. It is safe for several goroutines.
type Stamper struct {
	client *rfc3161.Client
	hash   crypto.Hash
	names  map[string]string // what people call a server, by URL

	complete *completer // nil where certificates are not judged
}

// Open prepares time servers; opened gives the identity, which is
// asked for only with the server test. With roots, a server whose certificate
// leads to none of their time-stamping roots counts as failed, and the next
// is asked; nil leaves that to the verification of the file. The returned
// function stops what was started.
func Open(ctx context.Context, o Options, roots *certchain.Roots, opened func(context.Context) (*identity.Identity, error)) (*Stamper, func() error, error) {
	rules, err := accept(o.Allow)
	if err != nil {
		return nil, nil, err
	}
	names := map[string]string{}
	client := rfc3161.ClientOptions{Attempts: o.Attempts, Timeout: o.Timeout, Budget: o.Budget, MinInterval: o.MinInterval, Accept: rules,
		HTTP: &http.Client{Transport: proxy.Transport()}}
	if len(o.Servers) != 1 || o.Servers[0] != Test {
		trust := rfc3161.TrustAny
		var complete *completer
		if roots != nil {
			complete = newCompleter(roots, o.Intermediates, o.Issuers)
			trust = complete.trust
		}
		c, err := rfc3161.NewClient(o.Servers, trust, client)
		return &Stamper{c, o.Hash, names, complete}, func() error { return nil }, err
	}
	id, err := opened(ctx)
	if err != nil {
		return nil, nil, err
	}
	url, stop, err := Serve(id)
	if err != nil {
		return nil, nil, err
	}
	names[url] = "the test time server"
	c, err := rfc3161.NewClient([]string{url}, rfc3161.TrustAny, client)
	return &Stamper{c, o.Hash, names, nil}, stop, err
}

// OpenOwn prepares a time-stamping key of one's own: its server runs on
// loopback until the returned function is called. A certificate that may not
// make timestamps is an error (Usage). The roots have to lead to it, as to any
// server.
func OpenOwn(hash crypto.Hash, tsa *identity.Identity, roots *certchain.Roots) (*Stamper, func() error, error) {
	url, stop, err := serve(&identity.Authority{Key: tsa.Key, Certificate: tsa.Certificate, Chain: tsa.Embedded()})
	if err != nil {
		return nil, nil, fault.New(fault.Usage, "%s cannot make timestamps: %w", tsa.Ref, err).
			Hint("the certificate needs the extended key usage timeStamping, alone and critical (RFC 3161 section 2.3)")
	}
	complete := newCompleter(roots, nil, nil)
	c, err := rfc3161.NewClient([]string{url}, complete.trust, rfc3161.ClientOptions{Attempts: 1})
	return &Stamper{c, hash, map[string]string{url: tsa.Ref}, complete}, stop, err
}

// Serve starts the time server of a test identity on loopback.
func Serve(id *identity.Identity) (url string, stop func() error, err error) {
	if id.TSA == nil {
		return "", nil, fault.New(fault.Usage, "the identity %s has no time server of its own", id.Ref).
			Hint("name real time servers, such as http://timestamp.digicert.com")
	}
	return serve(id.TSA)
}

func serve(a *identity.Authority) (url string, stop func() error, err error) {
	h, err := rfc3161.NewServer(rfc3161.ServerOptions{Key: a.Key, Certificate: a.Certificate, Chain: a.Chain})
	if err != nil {
		return "", nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("starting a time server: %v", err)
	}
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go srv.Serve(l)
	return "http://" + l.Addr().String() + "/", srv.Close, nil
}

// Stamp gets a token over a signature value. A server that fails is a
// *fault.Error with status Service.
func (s *Stamper) Stamp(ctx context.Context, signature []byte) (token []byte, server string, err error) {
	stamp, err := s.client.Timestamp(ctx, signature, s.hash)
	if err != nil {
		return nil, "", ServiceFault(err)
	}
	if s.complete == nil {
		return stamp.Raw, s.name(stamp.Server), nil
	}
	if token, err = s.complete.token(ctx, stamp.Token); err != nil {
		return nil, "", fmt.Errorf("completing the timestamp of %s: %w", s.name(stamp.Server), err)
	}
	return token, s.name(stamp.Server), nil
}

// StampLegacy gets a countersignature of the older Authenticode protocol.
func (s *Stamper) StampLegacy(ctx context.Context, signature []byte) (stamp *rfc3161.LegacyStamp, server string, err error) {
	stamp, err = s.client.LegacyTimestamp(ctx, signature)
	if err != nil {
		return nil, "", ServiceFault(err)
	}
	if s.complete == nil {
		return stamp, s.name(stamp.Server), nil
	}
	if stamp.Certificates, err = s.complete.legacy(ctx, stamp); err != nil {
		return nil, "", fmt.Errorf("completing the timestamp of %s: %w", s.name(stamp.Server), err)
	}
	return stamp, s.name(stamp.Server), nil
}

func (s *Stamper) name(server string) string {
	if name := s.names[server]; name != "" {
		return name
	}
	return server
}

// ServiceFault gives the failure of time servers its exit status and a hint.
func ServiceFault(err error) error {
	var se *rfc3161.ServiceError
	if !errors.As(err, &se) {
		return err
	}
	if untrusted(se) {
		return fault.New(fault.Verification, "%w", err).
			Hint("the server answers, but it is not trusted here: name another server (timestamp.servers, -server=), trust its root (verify.timestamp_roots, -tsroots=), run roots:update, or give the intermediate that the server does not send (sign.chain, -chain=, or -fetch)")
	}
	return fault.New(fault.Service, "%w", err).
		Hint("nothing is lost: run the same command again, and it goes on from here; a second server in timestamp.servers (or -server=) makes this rarer")
}

// untrusted tells whether every server did its work, and only their roots are
// missing: asking again would not help.
func untrusted(e *rfc3161.ServiceError) bool {
	for _, s := range e.Servers {
		var token *rfc3161.TokenError
		if !errors.As(s.Err, &token) || len(token.Problems) != 1 || !token.Has(rfc3161.RuleChain) {
			return false
		}
	}
	return len(e.Servers) > 0
}
