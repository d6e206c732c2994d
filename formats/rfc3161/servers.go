package rfc3161

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// serverState is what all calls of a Client know of one server. Client.mu guards it.
type serverState struct {
	free     time.Time // no request before this (MinInterval, Retry-After)
	failures int       // in a row
	failed   time.Time // when the last of them ended
	open     time.Time // the circuit breaker is open until this; zero when closed
	probing  bool      // the one request after the breaker's pause is under way
}

func (c *Client) serverState(server string) *serverState {
	if c.state == nil {
		c.state = make(map[string]*serverState)
	}
	st := c.state[server]
	if st == nil {
		st = &serverState{}
		c.state[server] = st
	}
	return st
}

// retryAfter takes the header of a refusal in both of its forms, seconds and HTTP date
// (RFC 9110 section 10.2.3), and says whether it is one of them.
func (c *Client) retryAfter(server, header string) bool {
	now := c.now()
	var until time.Time
	if sec, err := strconv.ParseInt(strings.TrimSpace(header), 10, 32); err == nil && sec >= 0 {
		until = now.Add(time.Duration(sec) * time.Second)
	} else if date, err := http.ParseTime(header); err == nil {
		until = date
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if st := c.serverState(server); until.After(st.free) {
		st.free = until
	}
	return !until.IsZero()
}

// report counts the result of a request that began at start towards the circuit
// breaker. Failures of requests that were under way together count as one, or a single
// hiccup would open it; a server that asks for patience is not broken; an interruption
// says nothing about the server.
func (c *Client) report(server string, start time.Time, err error, interrupted bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.serverState(server)
	probe := st.probing
	st.probing = false
	if err == nil {
		st.failures, st.open = 0, time.Time{}
		return
	}
	if interrupted || throttled(err) {
		return
	}
	if !start.Before(st.failed) {
		st.failures++
	}
	st.failed = c.now()
	// The breaker must not open before Attempts is used up.
	limit := or(c.o.BreakerFailures, max(defaultBreakerFailures, c.o.Attempts))
	if probe || st.failures >= limit {
		st.open = c.now().Add(or(c.o.BreakerPause, defaultBreakerPause))
	}
}

// throttled says whether a server answered that it gets too many requests (RFC 6585 section 4).
func throttled(err error) bool {
	var he *httpError
	return errors.As(err, &he) && he.status == http.StatusTooManyRequests
}

// run is one call.
type run struct {
	c        *Client
	deadline time.Time
	tries    map[string]*tries
	attempts []Attempt
	late     bool // the budget did not suffice
}

// tries is what one call knows of one server.
type tries struct {
	n     int
	free  int       // of them refused with the advice to come back later
	not   time.Time // backoff
	done  bool      // another try is useless or used up
	cause error     // last failure
}

func (r *run) triesOf(server string) *tries {
	t := r.tries[server]
	if t == nil {
		t = &tries{}
		r.tries[server] = t
	}
	return t
}

// next waits for the server to ask and reserves its turn; "" means that there is none.
func (r *run) next(ctx context.Context) (string, error) {
	for {
		if err := ctx.Err(); err != nil {
			return "", fmt.Errorf("time stamping: %w", err)
		}
		server, wait := r.choose()
		if server == "" {
			return "", nil
		}
		if wait <= 0 {
			return server, nil
		}
		if r.c.now().Add(wait).After(r.deadline) {
			r.late = true
			return "", nil
		}
		if err := r.c.sleep(ctx, wait); err != nil {
			return "", fmt.Errorf("time stamping: %w", err)
		}
	}
}

// choose returns the server that can be asked soonest, the preferred one first. With
// wait 0 its turn is taken.
func (r *run) choose() (string, time.Duration) {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	now := r.c.now()
	if !now.Before(r.deadline) {
		r.late = true
		return "", 0
	}
	best, bestAt := "", time.Time{}
	for _, s := range r.c.servers {
		st, t := r.c.serverState(s), r.triesOf(s)
		if t.done || st.blocked(now) {
			continue
		}
		at := latest(now, st.free, t.not)
		if best == "" || at.Before(bestAt) {
			best, bestAt = s, at
		}
	}
	if best == "" {
		return "", 0
	}
	if wait := bestAt.Sub(now); wait > 0 {
		return best, wait
	}
	st := r.c.serverState(best)
	st.free = now.Add(max(r.c.o.MinInterval, 0))
	st.probing = !st.open.IsZero()
	return best, 0
}

// blocked says whether the circuit breaker lets no request through.
func (st *serverState) blocked(now time.Time) bool {
	return !st.open.IsZero() && (now.Before(st.open) || st.probing)
}

func latest(times ...time.Time) time.Time {
	out := times[0]
	for _, t := range times[1:] {
		if t.After(out) {
			out = t
		}
	}
	return out
}

// attempt asks one server once and says whether it answered well.
func (r *run) attempt(ctx context.Context, server string, try exchange) bool {
	start := r.c.now()
	limit := min(or(r.c.o.Timeout, defaultTimeout), max(r.deadline.Sub(start), time.Millisecond))
	rctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	status, err := try(rctx, server)
	if err != nil && rctx.Err() == context.DeadlineExceeded && ctx.Err() == nil {
		err = fmt.Errorf("no answer within %s", limit.Round(time.Millisecond))
		status = 0
	}
	a := Attempt{Server: redacted(server), Started: start, Took: r.c.now().Sub(start), Status: status, Err: err}
	r.attempts = append(r.attempts, a)
	if r.c.o.Log != nil {
		r.c.o.Log(a)
	}
	r.c.report(server, start, err, ctx.Err() != nil)
	if err == nil {
		return true
	}
	r.failed(server, err)
	return false
}

// failed decides whether the server is worth another try in this call, and after which pause.
func (r *run) failed(server string, err error) {
	t := r.triesOf(server)
	t.n++
	t.cause = err
	if he := (*httpError)(nil); throttled(err) && errors.As(err, &he) && he.wait {
		t.free++
	}
	t.done = !temporary(err) || t.n-t.free >= or(r.c.o.Attempts, defaultAttempts)
	pause := or(r.c.o.Backoff, defaultBackoff)
	limit := or(r.c.o.MaxBackoff, defaultMaxBackoff)
	for i := 1; i < t.n && pause < limit; i++ {
		pause *= 2
	}
	pause = min(pause, limit)
	t.not = r.c.now().Add(pause - time.Duration(r.c.jitter()*float64(pause)/2))
}

// temporary says whether the same request to the same server may succeed later. An
// answer that is wrong in itself (garbage, another nonce, another imprint) comes from a
// server that does not work as it should: the next one is asked.
func temporary(err error) bool {
	var he *httpError
	if errors.As(err, &he) {
		switch he.status {
		case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
			return true
		}
		return he.status >= 500
	}
	var se *StatusError
	if errors.As(err, &se) {
		return se.Temporary()
	}
	var answer *answerError
	return !errors.As(err, &answer)
}

// giveUp makes the error of a call that found no server.
func (r *run) giveUp() error {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	e := &ServiceError{Attempts: r.attempts}
	if r.late {
		e.Reason = fmt.Sprintf("the time budget of %s is used up", or(r.c.o.Budget, defaultBudget))
	}
	now := r.c.now()
	for _, s := range r.c.servers {
		t, st := r.triesOf(s), r.c.serverState(s)
		f := ServerFailure{Server: redacted(s), Attempts: t.n, Err: t.cause}
		var he *httpError
		if errors.As(t.cause, &he) {
			f.Status = he.status
		}
		switch {
		case f.Err == nil && st.blocked(now):
			f.Err = fmt.Errorf("not asked: it failed %d times in a row and is left alone until %s", st.failures, st.open.Format(time.TimeOnly))
		case f.Err == nil:
			f.Err = errors.New("not asked: its turn comes after the time budget")
		}
		e.Servers = append(e.Servers, f)
	}
	return e
}
