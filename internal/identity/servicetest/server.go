// Package servicetest has stand-ins for signing services, on loopback, with
// real keys and certificates in them. Each follows the published
// specification of its service and answers that were recorded from it: where
// the real one refuses, so does the stand-in. Faults are put in front of it:
// throttling, outages, cut connections, hostile bodies.
package servicetest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Server is a stand-in. Its URL is http on loopback.
type Server struct {
	URL string

	mu     sync.Mutex
	calls  []Call
	faults []*planned
	under  int // requests under way
	most   int
	delay  time.Duration
}

// Call is a request that came in.
type Call struct {
	Method, Path string
	Query        string
	Header       http.Header
	At           time.Time
}

type planned struct {
	path   string
	left   int
	answer http.HandlerFunc
}

// New starts a server whose handler is h.
func New(t testing.TB, h http.Handler) *Server {
	t.Helper()
	s := &Server{}
	srv := httptest.NewServer(s.record(h))
	t.Cleanup(srv.Close)
	s.URL = srv.URL
	return s
}

// record keeps what comes in and lets faults answer first.
func (s *Server) record(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f := s.begin(r)
		defer s.end()
		time.Sleep(s.takes())
		if f != nil {
			f(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// Slow makes every answer take d.
func (s *Server) Slow(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = d
}

func (s *Server) takes() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.delay
}

func (s *Server) begin(r *http.Request) http.HandlerFunc {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, Call{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Clone(), time.Now()})
	s.under++
	s.most = max(s.most, s.under)
	for _, f := range s.faults {
		if f.left > 0 && strings.Contains(r.URL.Path, f.path) {
			f.left--
			return f.answer
		}
	}
	return nil
}

func (s *Server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.under--
}

// Calls counts the requests whose path holds part; "" counts all.
func (s *Server) Calls(part string) int { return len(s.Requests(part)) }

// Requests are the requests whose path holds part, in the order they came.
func (s *Server) Requests(part string) (list []Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if strings.Contains(c.Path, part) {
			list = append(list, c)
		}
	}
	return list
}

// Most is how many requests were under way at the same time, at most.
func (s *Server) Most() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

// Fail lets f answer the next n requests whose path holds part.
func (s *Server) Fail(part string, n int, f http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &planned{part, n, f})
}

// Always is the n of a fault that does not end.
const Always = 1 << 30

// Status answers with a status and a body; header are names and values in
// turn.
func Status(code int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		w.Write([]byte(body)) // a client that has gone away has its answer
	}
}

// Throttle answers 429. wait is the header Retry-After, "" for none.
func Throttle(wait string) http.HandlerFunc {
	if wait == "" {
		return Status(http.StatusTooManyRequests, "")
	}
	return Status(http.StatusTooManyRequests, "", "Retry-After", wait)
}

// Cut ends the connection without an answer, after the request was read.
func Cut(w http.ResponseWriter, _ *http.Request) {
	if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
		c.Close()
	}
}

// CutAfterHeader promises a body and ends the connection within it.
func CutAfterHeader(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "1000")
	w.Write([]byte(`{"half":`))
	w.(http.Flusher).Flush()
	Cut(w, r)
}

// Huge answers 200 with a body of a gigabyte.
func Huge(w http.ResponseWriter, r *http.Request) {
	chunk := []byte(strings.Repeat("A", 1<<20))
	w.Header().Set("Content-Length", strconv.Itoa(1<<30))
	for range 1 << 10 {
		if _, err := w.Write(chunk); err != nil {
			return // the client has had enough
		}
	}
}

// After answers with h, later.
func After(d time.Duration, h http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body) // net/http notices a client that goes away only once the body was read
		r.Body = io.NopCloser(bytes.NewReader(b))
		select {
		case <-time.After(d):
			h.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // a client that has gone away has its answer
}

// Clock is time that passes only while a caller waits for it.
type Clock struct {
	mu     sync.Mutex
	now    time.Time
	waited []time.Duration
}

// NewClock begins now.
func NewClock() *Clock { return &Clock{now: time.Now()} }

// Now is the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Wait lets the time pass at once.
func (c *Clock) Wait(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.waited = append(c.waited, d)
	return nil
}

// Waited are the waits so far.
func (c *Clock) Waited() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration(nil), c.waited...)
}
