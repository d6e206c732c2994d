package rfc3161

import (
	"crypto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func TestClientMinInterval(t *testing.T) {
	clk := newClock()
	a := faultySite(t, clk, false)
	c := newClient(t, clk, a)
	c.o.MinInterval = 15 * time.Second
	for range 3 {
		if _, err := c.Timestamp(t.Context(), signature, crypto.SHA256); err != nil {
			t.Fatal(err)
		}
	}
	if len(clk.sleeps) != 2 || clk.sleeps[0] != 15*time.Second || clk.sleeps[1] != 15*time.Second {
		t.Errorf("pauses %v", clk.sleeps)
	}
	// A second server takes the turns of the first while that rests.
	b := faultySite(t, clk, false)
	c = newClient(t, clk, a, b)
	c.o.MinInterval, clk.sleeps = 15*time.Second, nil
	for range 4 {
		if _, err := c.Timestamp(t.Context(), signature, crypto.SHA256); err != nil {
			t.Fatal(err)
		}
	}
	if len(clk.sleeps) != 1 || b.Requests() != 2 {
		t.Errorf("pauses %v, %d requests at the second server", clk.sleeps, b.Requests())
	}
}

func TestClientMinIntervalHoldsForConcurrentCalls(t *testing.T) {
	pki := formatstest.NewPKI(t)
	var mu sync.Mutex
	var arrivals []time.Time
	s := serve(t, newServer(t, pki.TSA, func(o *ServerOptions) {
		o.Fault = func(int) Fault {
			mu.Lock()
			defer mu.Unlock()
			arrivals = append(arrivals, time.Now())
			return Fault{}
		}
	}))
	const interval = 40 * time.Millisecond
	c := clientOf(t, []string{s}, ClientOptions{MinInterval: interval})
	start := time.Now()
	var wg sync.WaitGroup
	for range 5 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if _, err := c.Timestamp(t.Context(), signature, crypto.SHA256); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	if len(arrivals) != 5 || time.Since(start) < 4*interval {
		t.Errorf("%d requests in %v", len(arrivals), time.Since(start))
	}
}

func TestCircuitBreaker(t *testing.T) {
	clk := newClock()
	down := true
	pki := formatstest.NewPKI(t)
	s := newServer(t, pki.TSA, func(o *ServerOptions) {
		o.Now = clk.Now
		o.Fault = func(int) Fault {
			if down {
				return Fault{Kind: FaultStatus}
			}
			return Fault{}
		}
	})
	c := newClient(t, clk, site{s, serve(t, s)})
	stamp := func() error {
		_, err := c.Timestamp(t.Context(), signature, crypto.SHA256)
		return err
	}
	expect := func(what string, requests int, says string) {
		t.Helper()
		err := stamp()
		if s.Requests() != requests || (says == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %d requests instead of %d, error %v", what, s.Requests(), requests, err)
		}
	}
	expect("first call", 3, "(3 attempts)")
	expect("second call opens the breaker", 5, "(2 attempts)")
	expect("open", 5, "left alone until")
	clk.Sleep(t.Context(), time.Minute)
	expect("one request is let through", 6, "(1 attempt)")
	expect("open again", 6, "left alone until")
	clk.Sleep(t.Context(), time.Minute)
	down = false
	expect("works again", 7, "")
	down = true
	expect("closed: all attempts", 10, "(3 attempts)")
}

func TestBackoffGrowsAndStops(t *testing.T) {
	clk := newClock()
	s := faultySite(t, clk, true, Fault{Kind: FaultStatus})
	c := newClient(t, clk, s)
	c.o.Attempts, c.o.BreakerFailures, c.o.Backoff, c.o.MaxBackoff = 6, 100, time.Second, 5*time.Second
	c.jitter = func() float64 { return 0.5 }
	if _, err := c.Timestamp(t.Context(), signature, crypto.SHA256); err == nil {
		t.Fatal("no error")
	}
	want := []time.Duration{750 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second, 3750 * time.Millisecond, 3750 * time.Millisecond}
	if len(clk.sleeps) != len(want) {
		t.Fatalf("pauses %v instead of %v", clk.sleeps, want)
	}
	for i := range want {
		if clk.sleeps[i] != want[i] {
			t.Fatalf("pauses %v instead of %v", clk.sleeps, want)
		}
	}
}

func TestBreakerIsPatient(t *testing.T) {
	t.Run("many attempts", func(t *testing.T) {
		clk := newClock()
		s := faultySite(t, clk, true, Fault{Kind: FaultStatus})
		c := newClient(t, clk, s)
		c.o.Attempts = 8
		if _, err := c.Timestamp(t.Context(), signature, crypto.SHA256); err == nil || s.Requests() != 8 {
			t.Errorf("%d requests, error %v", s.Requests(), err)
		}
	})
	t.Run("throttled", func(t *testing.T) {
		clk := newClock()
		s := faultySite(t, clk, true, Fault{Kind: FaultStatus, Status: 429})
		c := newClient(t, clk, s)
		for range 4 {
			if _, err := c.Timestamp(t.Context(), signature, crypto.SHA256); err == nil {
				t.Fatal("no error")
			}
		}
		if s.Requests() != 12 {
			t.Errorf("%d requests instead of 12", s.Requests())
		}
	})
	t.Run("one hiccup of many", func(t *testing.T) {
		clk := newClock()
		c := newClient(t, clk, site{url: "http://127.0.0.1:1"})
		start := clk.Now()
		clk.Sleep(t.Context(), time.Second)
		for range 20 { // all of them began before the first failed
			c.report(c.servers[0], start, &httpError{status: 503}, false)
		}
		if st := c.serverState(c.servers[0]); st.failures > 1 || !st.open.IsZero() {
			t.Errorf("%d failures counted", st.failures)
		}
	})
}
