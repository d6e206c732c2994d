package rfc3161

import (
	"bytes"
	"context"
	"crypto"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Defaults of a Client.
const (
	defaultAttempts        = 3
	defaultTimeout         = 20 * time.Second
	defaultBudget          = 5 * time.Minute
	defaultBackoff         = time.Second
	defaultMaxBackoff      = 30 * time.Second
	defaultBreakerFailures = 5
	defaultBreakerPause    = time.Minute
	defaultMaxResponse     = 1 << 20 // tokens with their chains have 3 to 10 KiB
	maxRedirects           = 3
)

// Client asks time-stamp servers. It is safe for concurrent use; what it learns about a server (its rate limit, its
// faults) holds for all calls, so one Client should serve a whole run. Fields must not be changed after the first call.
//
// Servers are preferred in their order. Each call takes the first server that may be asked now, and where none may, it
// waits for the first that may; so a server that is down, or that wants a pause, costs no time while another answers.
type Client struct {
	// Servers are http or https URLs, the preferred first.
	Servers []string
	// HTTP makes the requests; nil means http.DefaultTransport (with the proxy of the environment). Its CheckRedirect is
	// replaced: three redirects at most, none that loses the request's body, none from https to http.
	HTTP *http.Client
	// Policy to ask for; nil leaves it to the server.
	Policy asn1.ObjectIdentifier
	// Check judges the answers. Request and Now are filled in. Roots or Chain have to be set, or NoChain.
	Check CheckOptions
	// Attempts at each server in one call; 0 means 3. A refusal with status 429 that says when to come back (Retry-After)
	// is obeyed and not counted, so only Budget bounds it.
	Attempts int
	// Timeout of one request; 0 means 20 s.
	Timeout time.Duration
	// Budget is the time for one call, all servers, attempts and pauses together; 0 means 5 min.
	Budget time.Duration
	// MinInterval is kept between two requests to the same server; 0 means none.
	MinInterval time.Duration
	// Backoff is the pause before the second attempt at a server; it doubles with every attempt up to MaxBackoff and is shortened by
	// up to half at random. 0 means 1 s and 30 s.
	Backoff, MaxBackoff time.Duration
	// BreakerFailures in a row, over all calls, open a server's circuit breaker for BreakerPause; then one request is let
	// through to see. Requests under way at the same time count once, refusals with status 429 do not count.
	// 0 means 5, or Attempts if that is more, and 1 min.
	BreakerFailures int
	BreakerPause    time.Duration
	// MaxResponse is the size in bytes that an answer may have; 0 means 1 MiB.
	MaxResponse int64
	// Log is told of every attempt; nil means nobody.
	Log func(Attempt)

	// Now, Sleep, Random and Jitter replace clock, pause, nonce source (crypto/rand) and random number in [0,1).
	Now    func() time.Time
	Sleep  func(context.Context, time.Duration) error
	Random io.Reader
	Jitter func() float64

	mu    sync.Mutex
	state map[string]*serverState
}

// Stamp is a token that was checked, and where it is from.
type Stamp struct {
	Token *Token
	// Raw is the DER of the token.
	Raw []byte
	// Server is the URL that answered, without password.
	Server string
	// Attempts are all requests of the call, the last being the one that was answered well.
	Attempts []Attempt
}

// Attempt is one request to one server.
type Attempt struct {
	// Server is its URL without password.
	Server  string
	Started time.Time
	Took    time.Duration
	// Status is the HTTP status, 0 where there was no answer.
	Status int
	// Err is nil for success.
	Err error
}

// Timestamp gets a token for a signature (the signature octets of a SignerInfo), whose imprint is made with hash. Every
// token has passed Check. Errors: *ServiceError where no server gave a good token in time, the context's error where
// that ended, others for a wrong configuration.
func (c *Client) Timestamp(ctx context.Context, signature []byte, hash crypto.Hash) (*Stamp, error) {
	if weak(hash) || !hash.Available() {
		return nil, fmt.Errorf("time stamping: hash %v is not accepted for new stamps; use SHA-256, SHA-384 or SHA-512", hash)
	}
	stamp := &Stamp{}
	server, attempts, err := c.call(ctx, func(ctx context.Context, server string) (int, error) {
		q, err := NewRequest(signature, hash, c.Random)
		if err != nil {
			return 0, err
		}
		q.Policy = c.Policy
		var status int
		stamp.Token, status, err = c.request(ctx, server, q, signature)
		return status, err
	})
	if err != nil {
		return nil, err
	}
	stamp.Raw, stamp.Server, stamp.Attempts = stamp.Token.Raw, server, attempts
	return stamp, nil
}

// request makes one exchange and checks the token.
func (c *Client) request(ctx context.Context, server string, q *Request, signature []byte) (*Token, int, error) {
	body, err := q.Marshal()
	if err != nil {
		return nil, 0, err
	}
	answer, status, err := c.post(ctx, server, body, "application/timestamp-query", "application/timestamp-reply")
	if err != nil {
		return nil, status, err
	}
	token, err := ParseResponse(answer)
	if err != nil {
		return nil, status, wrongAnswer(err)
	}
	o := c.Check
	o.Request, o.Now = q, c.now()
	return token, status, wrongAnswer(token.Check(signature, o))
}

// exchange is one attempt at one server; it returns the HTTP status.
type exchange func(ctx context.Context, server string) (int, error)

// call runs an exchange at the servers until one succeeds or all means are used up.
func (c *Client) call(ctx context.Context, try exchange) (string, []Attempt, error) {
	if err := c.validate(); err != nil {
		return "", nil, err
	}
	r := &run{c: c, deadline: c.now().Add(or(c.Budget, defaultBudget)), tries: make(map[string]*tries)}
	for {
		server, err := r.next(ctx)
		if err != nil {
			return "", r.attempts, err
		}
		if server == "" {
			return "", r.attempts, r.giveUp()
		}
		if r.attempt(ctx, server, try) {
			return redacted(server), r.attempts, nil
		}
		if err := ctx.Err(); err != nil {
			return "", r.attempts, fmt.Errorf("time stamping: %w", err)
		}
	}
}

// validate judges the configuration before anything is sent.
func (c *Client) validate() error {
	var problems []error
	if len(c.Servers) == 0 {
		problems = append(problems, errors.New("no time-stamp server is given"))
	}
	if c.Check.Roots == nil && c.Check.Chain == nil && !c.Check.NoChain {
		problems = append(problems, errors.New("no time-stamping roots are given (Check.Roots, Check.Chain), and leaving the chain unchecked was not asked for (Check.NoChain)"))
	}
	for _, s := range c.Servers {
		if err := CheckURL(s); err != nil {
			problems = append(problems, err)
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("time stamping: %w", errors.Join(problems...))
	}
	return nil
}

// CheckURL says whether a string can be a time-stamp server: an absolute http or https URL with a host and no fragment.
func CheckURL(server string) error {
	u, err := url.Parse(server)
	if err != nil {
		return errors.New("time-stamp server: not a URL") // the parser's error would show a password
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Fragment != "" {
		return fmt.Errorf("time-stamp server %q: not an http or https URL with a host", u.Redacted())
	}
	return nil
}

// redacted is the URL as it may be shown.
func redacted(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		return "(malformed URL)"
	}
	return u.Redacted()
}

// httpError is an answer that is not 200.
type httpError struct {
	status int
	text   string
	wait   bool // the server said when to come back
}

func (e *httpError) Error() string {
	s := fmt.Sprintf("HTTP status %d %s", e.status, http.StatusText(e.status))
	if e.text != "" {
		s += ": " + e.text
	}
	return s
}

// post sends one request and reads the answer. wantType is the media type that it must have, empty for any.
func (c *Client) post(ctx context.Context, server string, body []byte, sendType, wantType string) ([]byte, int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, server, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Content-Type", sendType)
	req.Header.Set("User-Agent", "hallmark")
	if wantType != "" {
		req.Header.Set("Accept", wantType)
	}
	resp, err := c.client().Do(req)
	if errors.Is(err, errRedirect) {
		return nil, 0, wrongAnswer(withoutURL(err))
	}
	if err != nil {
		return nil, 0, withoutURL(err)
	}
	defer resp.Body.Close()
	answer, err := readLimited(resp.Body, or(c.MaxResponse, defaultMaxResponse))
	if resp.StatusCode != http.StatusOK {
		wait := c.retryAfter(server, resp.Header.Get("Retry-After"))
		return nil, resp.StatusCode, &httpError{resp.StatusCode, firstLine(answer, resp.Header.Get("Content-Type")), wait}
	}
	if errors.Is(err, errTooBig) {
		return nil, resp.StatusCode, wrongAnswer(err)
	}
	if err != nil {
		return nil, resp.StatusCode, fmt.Errorf("reading the answer: %w", err)
	}
	if err := checkType(resp.Header.Get("Content-Type"), wantType); err != nil {
		return nil, resp.StatusCode, wrongAnswer(err)
	}
	return answer, resp.StatusCode, nil
}

// withoutURL takes off the part of a request's error that repeats the server's URL.
func withoutURL(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

func (c *Client) client() *http.Client {
	h := http.Client{}
	if c.HTTP != nil {
		h = *c.HTTP
	}
	h.CheckRedirect = checkRedirect
	return &h
}

// errRedirect is a redirect that is not followed.
var errRedirect = errors.New("redirect refused")

func checkRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("%w: more than %d", errRedirect, maxRedirects)
	case req.Method != http.MethodPost:
		return fmt.Errorf("%w: it loses the request (only 307 and 308 keep it)", errRedirect)
	case CheckURL(req.URL.String()) != nil:
		return fmt.Errorf("%w: not to an http or https URL", errRedirect)
	case via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https":
		return fmt.Errorf("%w: from https to http", errRedirect)
	}
	return nil
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func (c *Client) sleep(ctx context.Context, d time.Duration) error {
	if c.Sleep != nil {
		return c.Sleep(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (c *Client) jitter() float64 {
	if c.Jitter != nil {
		return c.Jitter()
	}
	return rand.Float64()
}

// or returns v, or the default where v is not set.
func or[T int | int64 | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}
