package identity

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/fetch"
)

const (
	// maxFetched bounds one answer in bytes; an issuer certificate has about
	// two thousand, a .p7c with a few of them ten thousand.
	maxFetched = 256 << 10
	// maxFetches bounds the requests for one chain.
	maxFetches = 8
	// maxAddresses is how many addresses of one certificate are tried.
	maxAddresses = 3
	// fetchTimeout is for one request, redirects included.
	fetchTimeout = 15 * time.Second
)

// fetcher gets issuer certificates from the addresses that a certificate
// names (RFC 5280 section 4.2.2.1, authority information access). They are
// plain http by custom, which is safe: what comes back is used only if it
// verifies the signature of the certificate that named it.
type fetcher struct {
	files *fetch.Fetcher
	left  int // requests
}

func newFetcher(o Options) *fetcher {
	return &fetcher{left: maxFetches, files: &fetch.Fetcher{
		Dir: filepath.Join(o.StateDir, "aia"), Limit: maxFetched, Timeout: cmp.Or(o.Timeout, fetchTimeout), Fresh: fetch.Always,
	}}
}

// FetchIssuers returns a function that looks for the issuers of a certificate at the
// addresses that it names, as FetchIntermediates does for the chain of an identity.
func FetchIssuers(o Options) func(context.Context, *x509.Certificate) ([]*x509.Certificate, error) {
	o = o.withDefaults()
	return func(ctx context.Context, c *x509.Certificate) ([]*x509.Certificate, error) {
		return newFetcher(o).issuers(ctx, c)
	}
}

// issuers returns the certificates at the first address of c that holds one
// that signed c. Without an address there is no certificate and no error. The error is a
// *fault.Error with status Service.
func (f *fetcher) issuers(ctx context.Context, c *x509.Certificate) ([]*x509.Certificate, error) {
	var last error
	for n, address := range c.IssuingCertificateURL {
		if n == maxAddresses {
			break
		}
		certs, err := f.get(ctx, address, c)
		if err == nil {
			return certs, nil
		}
		last = err
	}
	if last == nil {
		return nil, nil
	}
	return nil, fault.New(fault.Service, "fetching the issuer of %q: %v", c.Subject, last).
		Hint("download the intermediate certificate from the CA and name it in sign.chain (or -chain=)")
}

func (f *fetcher) get(ctx context.Context, address string, child *x509.Certificate) ([]*x509.Certificate, error) {
	if b, ok := f.files.Kept(address); ok {
		if certs, err := useful(b, child); err == nil {
			return certs, nil
		}
		f.files.Forget(address) // stale or damaged
	}
	if f.left--; f.left < 0 {
		return nil, fmt.Errorf("more than %d requests for one chain", maxFetches)
	}
	b, err := f.files.Fetch(ctx, address, nil)
	if err != nil {
		return nil, err
	}
	certs, err := useful(b, child)
	if err != nil {
		f.files.Forget(address)
		return nil, fmt.Errorf("%s: %v", address, err)
	}
	return certs, nil
}

// useful parses an answer and insists that one of its certificates signed
// child.
func useful(b []byte, child *x509.Certificate) ([]*x509.Certificate, error) {
	certs, err := certchain.ParseCertificates(b)
	if err != nil {
		return nil, err
	}
	if len(certs) > maxCandidates {
		return nil, fmt.Errorf("holds %d certificates", len(certs))
	}
	for _, c := range certs {
		if cms.IssuedBy(child, c) {
			return certs, nil
		}
	}
	fingerprint := sha256.Sum256(certs[0].Raw)
	return nil, fmt.Errorf("holds a certificate (SHA-256 %s) that did not sign it", hex.EncodeToString(fingerprint[:]))
}
