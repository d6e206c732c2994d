package identity

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/fault"
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
	client  *http.Client
	cache   string
	timeout time.Duration
	left    int
}

func newFetcher(o Options) *fetcher {
	f := &fetcher{client: o.HTTP, cache: filepath.Join(o.StateDir, "aia"), timeout: o.Timeout, left: maxFetches}
	if f.client == nil {
		f.client = &http.Client{}
	}
	if f.timeout <= 0 {
		f.timeout = fetchTimeout
	}
	return f
}

// issuers returns the certificates at the first address of c that holds one
// that signed c. No address is no error and no certificate. The error is a
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
	file := filepath.Join(f.cache, fmt.Sprintf("%x.cer", sha256.Sum256([]byte(address))))
	if b, err := os.ReadFile(file); err == nil && len(b) <= maxFetched {
		if certs, err := useful(b, child); err == nil {
			return certs, nil
		} // a stale or damaged entry is fetched again
	}
	b, err := f.download(ctx, address)
	if err != nil {
		return nil, err
	}
	certs, err := useful(b, child)
	if err != nil {
		return nil, fmt.Errorf("%s: %v", address, err)
	}
	f.store(file, b)
	return certs, nil
}

// store keeps an answer; a cache that cannot be written only costs time.
func (f *fetcher) store(file string, b []byte) {
	if os.MkdirAll(f.cache, 0o700) == nil {
		_ = atomicfile.Write(file, b, 0o644)
	}
}

// useful parses an answer and insists that one of its certificates signed
// child.
func useful(b []byte, child *x509.Certificate) ([]*x509.Certificate, error) {
	certs, err := authenticode.ParseCertificates(b)
	if err != nil {
		return nil, err
	}
	if len(certs) > maxCandidates {
		return nil, fmt.Errorf("holds %d certificates", len(certs))
	}
	for _, c := range certs {
		if issued(c, child) {
			return certs, nil
		}
	}
	fingerprint := sha256.Sum256(certs[0].Raw)
	return nil, fmt.Errorf("holds a certificate (SHA-256 %s) that did not sign it", hex.EncodeToString(fingerprint[:]))
}

func (f *fetcher) download(ctx context.Context, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is not an http address", address)
	}
	if f.left--; f.left < 0 {
		return nil, fmt.Errorf("more than %d requests for one chain", maxFetches)
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := f.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: HTTP status %s", address, response.Status)
	}
	b, err := io.ReadAll(io.LimitReader(response.Body, maxFetched+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %v", address, err)
	}
	if len(b) > maxFetched {
		return nil, fmt.Errorf("%s: answer is larger than %d bytes", address, maxFetched)
	}
	return b, nil
}
