package service

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
)

// Request is one call.
type Request struct {
	Operation string // what is asked for, in messages: "sign"
	Method    string // "" is GET without Body and POST with one
	URL       string // of an endpoint that Endpoint accepted
	Header    http.Header
	Body      []byte
	Auth      Authorizer // nil sends no credential
	// Counted says that the service counts or bills each call, which an error
	// mentions when an answer got lost.
	Counted bool
	// Answers are statuses beside 200 to 299 that are answers, not failures.
	Answers []int
	// Timeout of one try; 0 is 30 seconds.
	Timeout time.Duration
	// Once makes one try and no more, for addresses that may not be there.
	Once bool
}

// Authorizer puts a credential on a request.
type Authorizer interface {
	// Authorize changes the headers of r, whose body is given because some
	// services want it signed. Where another credential may be had after this
	// one was refused, refused drops this one; else it is nil.
	Authorize(ctx context.Context, r *http.Request, body []byte) (refused func(), err error)
}

// Answer is what the service said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // at most 1 MiB

	service, operation string
}

// JSON decodes the body into v. The error (Service) does not repeat the body.
func (a *Answer) JSON(v any) error {
	err := json.Unmarshal(a.Body, v)
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntax):
		return a.Bad("something that is not JSON (byte %d)", syntax.Offset)
	}
	return a.Bad("JSON of another shape: %v", err)
}

// Bad is the error (Service) of an answer that makes no sense: "… answered with
// something".
func (a *Answer) Bad(format string, args ...any) error {
	return fault.New(fault.Service, "%s: %s: answered with %s", a.service, a.operation, fmt.Sprintf(format, args...)).
		Hint("the address must be that of this service; a proxy may answer in its place")
}

// tried is the outcome of one try: an answer or a failure.
type tried struct {
	answer  *Answer
	failure *Failure
	refused func()
	round   int
}

// try makes one request. The error is final: the credential cannot be had, or
// ctx has ended while waiting for a turn.
func (c *Caller) try(ctx context.Context, r Request) (t tried, err error) {
	req, err := r.build(ctx)
	if err != nil {
		return t, fmt.Errorf("%s: %s: %v", c.Service, r.Operation, err)
	}
	if r.Auth != nil { // before the gate, through which the credential's own call may have to go
		if t.refused, err = r.Auth.Authorize(ctx, req, r.Body); err != nil {
			return t, err
		}
	}
	if t.round, err = c.gate.enter(ctx, c.Clock); err != nil {
		return t, c.ended(ctx, &Failure{Service: c.Service, Operation: r.Operation})
	}
	defer c.gate.leave()
	ctx, cancel := context.WithTimeoutCause(ctx, cmp.Or(r.Timeout, tryTimeout), fmt.Errorf("no answer within %v", cmp.Or(r.Timeout, tryTimeout)))
	defer cancel()
	resp, err := c.client.Do(req.WithContext(ctx))
	if err == nil && c.Dialect.FollowOnce {
		resp, err = c.follow(ctx, req, resp, r.Body)
	}
	if err != nil {
		t.failure = c.noAnswer(ctx, r, err)
		return t, nil
	}
	defer resp.Body.Close()
	t.answer, t.failure = c.read(ctx, r, resp)
	return t, nil
}

func (r Request) build(ctx context.Context) (*http.Request, error) {
	method, body := cmp.Or(r.Method, http.MethodGet), io.Reader(nil)
	if r.Body != nil {
		method, body = cmp.Or(r.Method, http.MethodPost), bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.URL, body)
	if err != nil {
		return nil, errors.New("the address cannot be used")
	}
	for name, values := range r.Header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "Hallmark")
	}
	return req, nil
}

// follow sends the request once more, with its credential, to where a 307 or
// 308 points, if that is https like the first address.
func (c *Caller) follow(ctx context.Context, req *http.Request, resp *http.Response, body []byte) (*http.Response, error) {
	if resp.StatusCode != http.StatusTemporaryRedirect && resp.StatusCode != http.StatusPermanentRedirect {
		return resp, nil
	}
	to, err := resp.Location()
	if err != nil || to.Scheme != "https" || req.URL.Scheme != "https" {
		return resp, nil // read makes a failure of it
	}
	resp.Body.Close()
	again := req.Clone(ctx)
	again.URL, again.Host = to, ""
	if body != nil {
		again.Body = io.NopCloser(bytes.NewReader(body))
	}
	return c.client.Do(again)
}

// read takes the answer, or makes a failure of it.
func (c *Caller) read(ctx context.Context, r Request, resp *http.Response) (*Answer, *Failure) {
	c.noteClock(resp.Header)
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		f := c.noAnswer(ctx, r, err)
		f.RequestID = c.requestID(resp.Header)
		return nil, f
	case len(body) > maxAnswer:
		f := c.failure(r, resp)
		f.Err = fmt.Errorf("an answer of more than %d bytes", maxAnswer)
		return nil, f
	}
	if resp.StatusCode/100 == 2 || slices.Contains(r.Answers, resp.StatusCode) {
		return &Answer{resp.StatusCode, resp.Header, body, c.Service, r.Operation}, nil
	}
	f := c.failure(r, resp)
	f.RetryAfter = RetryAfter(resp.Header, c.Clock.Time())
	if c.Dialect.Read != nil {
		c.Dialect.Read(f, body)
	}
	if f.Message == "" && f.Code == "" {
		f.Message = string(body)
	}
	return nil, f
}

// noAnswer is the failure of a request that got no whole answer. The error of
// net/http repeats the address, whose query may hold a secret, so it is left
// out.
func (c *Caller) noAnswer(ctx context.Context, r Request, err error) *Failure {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	f := &Failure{Service: c.Service, Operation: r.Operation, Err: err, counted: r.Counted}
	if u, err := url.Parse(r.URL); err == nil {
		f.Host = u.Host
	}
	return f
}

func (c *Caller) failure(r Request, resp *http.Response) *Failure {
	return &Failure{
		Service: c.Service, Operation: r.Operation, Host: resp.Request.URL.Host, Status: resp.StatusCode,
		RequestID: c.requestID(resp.Header), Redirect: resp.Header.Get("Location"), counted: r.Counted && resp.StatusCode >= 500,
	}
}

func (c *Caller) requestID(h http.Header) string {
	for _, name := range c.Dialect.RequestIDs {
		if v := h.Get(name); v != "" {
			return v
		}
	}
	return ""
}

// noteClock keeps how far the service's clock is from this machine's.
func (c *Caller) noteClock(h http.Header) {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		c.offset.Store(int64(c.Clock.Time().Sub(date) / time.Second))
	}
}

// ClockOff is how far this machine's clock is ahead of the service's, by its
// last answer; 0 before the first.
func (c *Caller) ClockOff() time.Duration { return time.Duration(c.offset.Load()) * time.Second }
