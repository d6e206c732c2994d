package rfc3161

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/printable"
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

// ClientOptions are what a [Client] may be told besides its servers and whom to
// trust. The zero value is right for most.
type ClientOptions struct {
	// HTTP makes the requests; nil means http.DefaultTransport (with the proxy of
	// the environment). Its CheckRedirect is replaced: three redirects at most,
	// none that loses the request's body, none from https to http.
	HTTP *http.Client
	// Policy to ask for; nil leaves it to the server.
	Policy asn1.ObjectIdentifier
	// MaxSkew is how far the time in a token may be from this machine's clock; 0
	// means 5 min.
	MaxSkew time.Duration
	// AllowWeak accepts MD5 and SHA-1 in answers of the older protocol, which
	// leaves the choice to the server.
	AllowWeak bool
	// Accept lists rules that the servers need not keep, see CheckOptions.
	Accept []Rule
	// Attempts at each server in one call; 0 means 3. A refusal with status 429
	// that says when to come back (Retry-After) is obeyed and not counted, so only
	// Budget bounds it.
	Attempts int
	// Timeout of one request; 0 means 20 s.
	Timeout time.Duration
	// Budget is the time for one call, all servers, attempts and pauses together;
	// 0 means 5 min.
	Budget time.Duration
	// MinInterval is kept between two requests to the same server; 0 means none.
	MinInterval time.Duration
	// Backoff is the pause before the second attempt at a server; it doubles with
	// every attempt up to MaxBackoff and is shortened by up to half at random. 0
	// means 1 s and 30 s.
	Backoff, MaxBackoff time.Duration
	// BreakerFailures in a row, over all calls, open a server's circuit breaker for
	// BreakerPause; then one request is let through to see. Requests under way at
	// the same time count once, refusals with status 429 do not count. 0 means 5,
	// or Attempts if that is more, and 1 min.
	BreakerFailures int
	BreakerPause    time.Duration
	// MaxResponse is the size in bytes that an answer may have; 0 means 1 MiB.
	MaxResponse int64
	// Log is called after every attempt; nil is not called.
	Log func(Attempt)
}

// Client asks time-stamp servers. It is safe for concurrent use; what it learns
// about a server (its rate limit, its faults) holds for all calls, so one Client
// should serve a whole run.
//
// Servers are preferred in their order. Each call takes the first server that
// may be asked now, and where none may, it waits for the first that may; so a
// server that is down, or that wants a pause, costs no time while another
// answers.
type Client struct {
	servers []string
	trust   Trust
	o       ClientOptions

	now    func() time.Time
	sleep  func(context.Context, time.Duration) error
	random io.Reader
	jitter func() float64 // in [0,1)

	mu    sync.Mutex
	state map[string]*serverState
}

// NewClient returns a client for servers, which are http or https URLs, the
// preferred first. trust decides which authorities count: [TrustRoots], a
// function of your own, or [TrustAny]. Without servers, with a URL that is not
// one, or with nil for trust the error is a *OptionError.
func NewClient(servers []string, trust Trust, o ClientOptions) (*Client, error) {
	var problems []error
	option := "servers"
	if len(servers) == 0 {
		problems = append(problems, errors.New("no time-stamp server is given"))
	}
	for _, s := range servers {
		if err := CheckURL(s); err != nil {
			problems = append(problems, err)
		}
	}
	if trust == nil {
		option = "trust"
		problems = append(problems, errors.New("no roots are given that the server's certificate has to lead to"))
	}
	if len(problems) > 0 {
		return nil, cms.WrongOption(option, "time stamping: %v", errors.Join(problems...))
	}
	return &Client{servers: slices.Clone(servers), trust: trust, o: o,
		now: time.Now, sleep: sleep, random: rand.Reader, jitter: mathrand.Float64}, nil
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

// Timestamp gets a token for a signature (the signature octets of a SignerInfo), whose
// imprint is made with hash. Every token has passed Check. Errors: *ServiceError where
// no server gave a good token in time, *OptionError for a hash that is not accepted,
// the context's error where that ended.
func (c *Client) Timestamp(ctx context.Context, signature []byte, hash crypto.Hash) (*Stamp, error) {
	if weak(hash) || !hash.Available() {
		return nil, cms.WrongOption("hash", "time stamping: hash %v is not accepted for new stamps; use SHA-256, SHA-384 or SHA-512", hash)
	}
	stamp := &Stamp{}
	server, attempts, err := c.call(ctx, func(ctx context.Context, server string) (int, error) {
		q, err := NewRequest(signature, hash, c.random)
		if err != nil {
			return 0, err
		}
		q.Policy = c.o.Policy
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
	o := c.check()
	o.Request, o.AllowWeak = q, false
	return token, status, wrongAnswer(token.Check(signature, o))
}

// check is what answers are held against.
func (c *Client) check() CheckOptions {
	return CheckOptions{Now: c.now(), MaxSkew: c.o.MaxSkew, Trust: c.trust, AllowWeak: c.o.AllowWeak, Accept: c.o.Accept}
}

// exchange is one attempt at one server; it returns the HTTP status.
type exchange func(ctx context.Context, server string) (int, error)

// call runs an exchange at the servers until one succeeds or all means are used up.
func (c *Client) call(ctx context.Context, try exchange) (string, []Attempt, error) {
	r := &run{c: c, deadline: c.now().Add(or(c.o.Budget, defaultBudget)), tries: make(map[string]*tries)}
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

// CheckURL says whether a string can be a time-stamp server: an absolute http or https
// URL with a host and no fragment.
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
	wait   bool   // the server said when to come back
	odd    string // what it said instead of that
}

func (e *httpError) Error() string {
	s := fmt.Sprintf("HTTP status %d %s", e.status, http.StatusText(e.status))
	if e.text != "" {
		s += ": " + e.text
	}
	if e.odd != "" {
		s += fmt.Sprintf(" (Retry-After %q is neither seconds nor a date, and is ignored)", e.odd)
	}
	return s
}

// post sends one request and reads the answer. wantType is the media type that it must
// have, empty for any.
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
	answer, err := readLimited(resp.Body, or(c.o.MaxResponse, defaultMaxResponse))
	if resp.StatusCode != http.StatusOK {
		after := resp.Header.Get("Retry-After")
		wait, odd := c.retryAfter(server, after), ""
		if !wait && after != "" {
			odd = printable.Short(after, 40)
		}
		return nil, resp.StatusCode, &httpError{resp.StatusCode, firstLine(answer, resp.Header.Get("Content-Type")), wait, odd}
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
	if c.o.HTTP != nil {
		h = *c.o.HTTP
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

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// or returns v, or the default where v is not set.
func or[T int | int64 | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}
