// Package fetch gets small files over http and https: issuer certificates,
// revocation lists, OCSP answers, lists of roots. Size and time are bounded and
// answers are kept for a while, so that many files of one publisher cost one
// request.
package fetch

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/proxy"
)

const (
	// maxAnswer bounds an answer in bytes: the largest revocation lists of
	// code-signing CAs have a few megabytes.
	maxAnswer = int64(16 << 20)
	// maxTime is for one request, redirects included.
	maxTime = 20 * time.Second
	// maxRedirects is what CAs' addresses need, with room to spare.
	maxRedirects = 3
	// attempts at an address, with pauses of firstPause and four times that.
	attempts   = 3
	firstPause = 300 * time.Millisecond
	// maxAge is how long an answer is used again. Revocation lists and OCSP
	// answers carry their own dates, which the verifier judges.
	maxAge = time.Hour
)

// ErrAddress: only http and https addresses are asked.
var ErrAddress = errors.New("not an http or https address")

var (
	errRedirects = errors.New("too many redirects")
	errTooLarge  = errors.New("the answer is larger")
)

// Always is the Fresh of answers that do not age, such as certificates.
const Always = time.Duration(math.MaxInt64)

// Fetcher implements certchain.Fetcher.
type Fetcher struct {
	// Dir keeps answers; "" keeps none.
	Dir string
	// Limit is the size of the largest answer in bytes; 0 is 16 MiB.
	Limit int64
	// Timeout of one request, redirects included; 0 is 20 seconds.
	Timeout time.Duration
	// Attempts at an address that does not answer; 0 is three. Pause waits
	// between them; nil waits in real time.
	Attempts int
	Pause    func(context.Context, time.Duration) error
	// Fresh is how long a kept answer is used again; 0 is an hour.
	Fresh time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// New returns a Fetcher that keeps answers in dir.
func New(dir string) *Fetcher { return &Fetcher{Dir: dir} }

// Fetch gets url, or posts request as an OCSP request (RFC 6960 appendix A).
func (f *Fetcher) Fetch(ctx context.Context, address string, request []byte) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("fetching %q: %w", address, ErrAddress)
	}
	file := f.file(address, request)
	if b, ok := f.read(file); ok {
		return b, nil
	}
	b, err := f.patiently(ctx, address, request)
	if err != nil {
		return nil, fmt.Errorf("fetching %s: %w", address, err)
	}
	if file != "" && os.MkdirAll(f.Dir, 0o700) == nil {
		_ = atomicfile.Write(file, b, 0o644) // a cache that cannot be written only costs time
	}
	return b, nil
}

// Kept is the answer of an address that was got before and is fresh.
func (f *Fetcher) Kept(address string) ([]byte, bool) { return f.read(f.file(address, nil)) }

// Forget drops the kept answer of an address that was got; the next Fetch asks
// again.
func (f *Fetcher) Forget(address string) {
	if file := f.file(address, nil); file != "" {
		os.Remove(file) // what cannot be removed is found useless again
	}
}

// file names the place of an answer in the cache.
func (f *Fetcher) file(address string, request []byte) string {
	if f.Dir == "" {
		return ""
	}
	h := sha256.New()
	io.WriteString(h, address)
	h.Write([]byte{0})
	h.Write(request)
	return filepath.Join(f.Dir, hex.EncodeToString(h.Sum(nil)))
}

func (f *Fetcher) read(file string) ([]byte, bool) {
	if file == "" {
		return nil, false
	}
	now := time.Now
	if f.Now != nil {
		now = f.Now
	}
	st, err := os.Stat(file)
	if err != nil || st.Size() > cmp.Or(f.Limit, maxAnswer) || now().Sub(st.ModTime()) > cmp.Or(f.Fresh, maxAge) {
		return nil, false
	}
	b, err := os.ReadFile(file)
	return b, err == nil
}

// patiently asks again where that may help. All attempts together may begin
// within the time of one: an address without any answer is not waited for thrice.
func (f *Fetcher) patiently(ctx context.Context, address string, request []byte) ([]byte, error) {
	began := time.Now()
	wait := firstPause
	for n := 1; ; n++ {
		b, err := f.get(ctx, address, request)
		if err == nil || n >= cmp.Or(f.Attempts, attempts) || !again(err) || ctx.Err() != nil || time.Since(began) > cmp.Or(f.Timeout, maxTime) {
			return b, err
		}
		if f.pause(ctx, wait) != nil {
			return nil, err
		}
		wait *= 4
	}
}

func (f *Fetcher) pause(ctx context.Context, d time.Duration) error {
	if f.Pause != nil {
		return f.Pause(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// again tells whether another attempt may go better: after a failure of the
// network, a server in trouble, or one that asks for patience.
func again(err error) bool {
	var status *statusError
	if errors.As(err, &status) {
		return status.code >= 500 || status.code == http.StatusTooManyRequests || status.code == http.StatusRequestTimeout
	}
	return !errors.Is(err, ErrAddress) && !errors.Is(err, errRedirects) && !errors.Is(err, errTooLarge)
}

// statusError is an answer without the status 200.
type statusError struct {
	code   int
	status string
}

func (e *statusError) Error() string { return "the server answered " + e.status }

func (f *Fetcher) get(ctx context.Context, address string, request []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(f.Timeout, maxTime))
	defer cancel()
	method, body := http.MethodGet, io.Reader(nil)
	if request != nil {
		method, body = http.MethodPost, bytes.NewReader(request)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, err
	}
	if request != nil {
		req.Header.Set("Content-Type", "application/ocsp-request")
	}
	resp, err := client().Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, &statusError{resp.StatusCode, resp.Status}
	}
	limit := cmp.Or(f.Limit, maxAnswer)
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%w than %d bytes", errTooLarge, limit)
	}
	return b, err
}

func client() *http.Client {
	return &http.Client{Transport: proxy.Transport(), CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return errRedirects
		}
		if r.URL.Scheme != "http" && r.URL.Scheme != "https" {
			return ErrAddress
		}
		return nil
	}}
}
