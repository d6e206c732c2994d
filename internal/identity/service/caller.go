// Package service calls signing services over HTTP. A Caller is shared by all
// signatures of an identity: it asks again where the service means "later",
// pauses every call when the service throttles one, follows no redirect, bounds
// every answer, and words errors so that people can act on them.
//
// A kind of identity adds what is its own: addresses, bodies, how its errors
// read (Dialect), where credentials come from (Credential, Authorizer), and
// implements Key.
package service

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxAnswer bounds an answer in bytes. The largest that services give, a
	// certificate chain coded in base64 twice, has some twenty thousand.
	maxAnswer = 1 << 20
	// tryTimeout is for one try, its answer included.
	tryTimeout = 30 * time.Second
	// SignTimeout is for one signature, all tries included: a tenth of the
	// calls to one region of Artifact Signing were seen to take 100 seconds.
	SignTimeout = 2 * time.Minute
	// maxTries of one call, the first included.
	maxTries = 5
	// firstWait doubles with each try up to maxWait, unless the service says
	// how long to wait.
	firstWait = 500 * time.Millisecond
	maxWait   = time.Minute
	// Parallel is how many calls are made at a time: services answer slowly,
	// and four at a time stay below every known limit of their rates.
	Parallel = 4
)

// Verdict is what a failed try means for the call.
type Verdict int

const (
	Fail      Verdict = iota // asking again would not help
	Retry                    // ask again after a wait
	Throttled                // so, and all other calls of the caller wait too, and fewer are made at a time
	Refused                  // the credential was refused: ask again, once, with a new one
)

// Dialect is how a service reports failures. Its functions may be nil.
type Dialect struct {
	// Read sets Code and Message of a failure from the body of the answer,
	// which may be empty, HTML or hostile.
	Read func(f *Failure, body []byte)
	// Judge describes what a failure means; nil is Judge.
	Judge func(f *Failure) Verdict
	// Hints describe what to do about a failure that ended the call.
	Hints func(f *Failure) []string
	// RequestIDs are the headers that identify a call for the service's
	// support, the best first.
	RequestIDs []string
	// FollowOnce follows one redirect (307 or 308) from https to https, as a
	// standby node of Vault sends. Other redirects are never followed: net/http
	// would take credentials in headers of their own along to another host.
	FollowOnce bool
}

// Caller makes the calls of one identity to one service. Its methods may be
// called from several goroutines; the fields are set before. It must not be
// copied.
type Caller struct {
	Service string // the service's name in messages, such as "Azure Key Vault"
	Dialect Dialect
	Client  *http.Client // nil is NewClient(nil)
	Clock   Clock
	// Parallel is how many calls are made at a time; 0 is the constant
	// Parallel. It falls when the service throttles.
	Parallel int

	once    sync.Once
	client  *http.Client
	gate    gate
	offset  atomic.Int64 // of the service's clock, in seconds
	mu      sync.Mutex
	secrets [][]byte
}

// Clock is time, to be replaced in tests. The zero value is real.
type Clock struct {
	Now  func() time.Time
	Wait func(ctx context.Context, d time.Duration) error // returns early with the error of ctx
}

// Time is the time.
func (c Clock) Time() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

func (c Clock) wait(ctx context.Context, d time.Duration) error {
	if c.Wait != nil {
		return c.Wait(ctx, d)
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

// Wait waits by the caller's clock, for services that are asked until an
// operation has ended.
func (c *Caller) Wait(ctx context.Context, d time.Duration) error { return c.Clock.wait(ctx, d) }

// Now is the time by the caller's clock.
func (c *Caller) Now() time.Time { return c.Clock.Time() }

// Secret makes a value known that must not appear in errors, wherever a
// service may repeat it.
func (c *Caller) Secret(value []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.secrets = append(c.secrets, value)
}

func (c *Caller) init() {
	c.once.Do(func() {
		if c.client = c.Client; c.client == nil {
			c.client = NewClient(nil)
		}
		c.gate.limit = c.Parallel
		if c.gate.limit <= 0 {
			c.gate.limit = Parallel
		}
	})
}

// Call asks the service until it answers or asking again makes no sense.
//
// The error is a *fault.Error that wraps a *Failure: Usage where a setting, a
// right or a credential is wrong, Service where the service failed. An error
// of the request's Authorizer and the end of ctx are returned as they are.
func (c *Caller) Call(ctx context.Context, r Request) (*Answer, error) {
	c.init()
	renewed := false
	for try := 1; ; try++ {
		t, err := c.try(ctx, r)
		if err != nil {
			return nil, err
		}
		if t.failure == nil {
			return t.answer, nil
		}
		t.failure.Tries = try
		verdict := c.judge(t.failure)
		switch {
		case ctx.Err() != nil:
			return nil, c.ended(ctx, t.failure)
		case verdict == Refused && t.refused != nil && !renewed:
			renewed = true
			t.refused()
			continue
		case verdict == Fail || verdict == Refused || try >= maxTries || r.Once:
			return nil, c.fault(t.failure, verdict)
		}
		if err := c.later(ctx, verdict, t); err != nil {
			return nil, err
		}
	}
}

func (c *Caller) judge(f *Failure) Verdict {
	if c.Dialect.Judge != nil {
		return c.Dialect.Judge(f)
	}
	return Judge(f)
}

// later waits before the next try. What the service asks for holds for all
// calls, since the next would be refused as well.
func (c *Caller) later(ctx context.Context, verdict Verdict, t tried) error {
	d := t.failure.RetryAfter
	asked := d > 0
	if !asked {
		d = backoff(t.failure.Tries)
	}
	if end, ok := ctx.Deadline(); ok && asked && d > time.Until(end) {
		return c.fault(t.failure, verdict)
	}
	if verdict == Throttled || asked {
		c.gate.pause(c.Clock.Time().Add(d), t.round, verdict == Throttled)
		return nil // the next try waits at the gate
	}
	if err := c.Clock.wait(ctx, d); err != nil {
		return c.ended(ctx, t.failure)
	}
	return nil
}

// backoff is the wait after the given number of tries: between half and all
// of what doubles with each, so that calls which failed together do not come
// back together.
func backoff(tries int) time.Duration {
	d := min(firstWait<<(tries-1), maxWait)
	return d/2 + rand.N(d/2+1)
}

// ended words the end of ctx: a cancelled run is not a failure of the service.
func (c *Caller) ended(ctx context.Context, f *Failure) error {
	if errors.Is(context.Cause(ctx), context.Canceled) {
		return fmt.Errorf("%s: %s: %w", f.Service, f.Operation, context.Cause(ctx))
	}
	f.Late = context.Cause(ctx)
	return c.fault(f, Retry)
}
