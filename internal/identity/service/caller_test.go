package service_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/service"
	"github.com/hallmark-dev/hallmark/internal/identity/servicetest"
)

// world is a caller in front of a service that answers "done".
type world struct {
	*servicetest.Server
	caller *service.Caller
	clock  *servicetest.Clock
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Server: servicetest.New(t, servicetest.Status(200, "done")), clock: servicetest.NewClock()}
	w.caller = &service.Caller{Service: "Test Signing", Clock: service.Clock{Now: w.clock.Now, Wait: w.clock.Wait},
		Dialect: service.Dialect{RequestIDs: []string{"X-Request-Id"}}}
	return w
}

func (w *world) call(edit ...func(*service.Request)) (*service.Answer, error) {
	r := service.Request{Operation: "sign", URL: w.URL + "/sign?token=hush", Body: []byte("{}")}
	for _, e := range edit {
		e(&r)
	}
	return w.caller.Call(context.Background(), r)
}

// waited is the sum of all waits.
func (w *world) waited() (sum time.Duration) {
	for _, d := range w.clock.Waited() {
		sum += d
	}
	return sum
}

func TestCallTriesAgain(t *testing.T) {
	for name, c := range map[string]struct {
		fault    http.HandlerFunc
		min, max time.Duration // of the wait after one failure
	}{
		"408":                      {servicetest.Status(408, ""), 250 * time.Millisecond, 500 * time.Millisecond},
		"502":                      {servicetest.Status(502, "<html>Bad Gateway"), 250 * time.Millisecond, 500 * time.Millisecond},
		"503":                      {servicetest.Status(503, ""), 250 * time.Millisecond, 500 * time.Millisecond},
		"504":                      {servicetest.Status(504, ""), 250 * time.Millisecond, 500 * time.Millisecond},
		"503 with seconds":         {servicetest.Status(503, "", "Retry-After", "7"), 7 * time.Second, 7 * time.Second},
		"429":                      {servicetest.Throttle(""), 250 * time.Millisecond, 500 * time.Millisecond},
		"429 with seconds":         {servicetest.Throttle("3"), 3 * time.Second, 3 * time.Second},
		"429 with a date":          {servicetest.Throttle(time.Now().Add(40 * time.Second).UTC().Format(http.TimeFormat)), 30 * time.Second, 41 * time.Second},
		"429 with milliseconds":    {servicetest.Status(429, "", "retry-after-ms", "1500"), 1500 * time.Millisecond, 1500 * time.Millisecond},
		"429 with Azure's":         {servicetest.Status(429, "", "x-ms-retry-after-ms", "1200", "Retry-After", "9"), 1200 * time.Millisecond, 1200 * time.Millisecond},
		"429 with nonsense":        {servicetest.Throttle("soon"), 250 * time.Millisecond, 500 * time.Millisecond},
		"429 with a negative":      {servicetest.Throttle("-5"), 250 * time.Millisecond, 500 * time.Millisecond},
		"a connection that is cut": {servicetest.Cut, 250 * time.Millisecond, 500 * time.Millisecond},
		"a body that is cut":       {servicetest.CutAfterHeader, 250 * time.Millisecond, 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Fail("/sign", 1, c.fault)
			a, err := w.call()
			if err != nil || string(a.Body) != "done" {
				t.Fatalf("got %v, %v", a, err)
			}
			if n := w.Calls(""); n != 2 {
				t.Errorf("%d calls, want 2", n)
			}
			if d := w.waited(); d < c.min || d > c.max {
				t.Errorf("waited %v, want %v to %v", d, c.min, c.max)
			}
		})
	}
}

func TestCallGivesUp(t *testing.T) {
	for name, c := range map[string]struct {
		fault  http.HandlerFunc
		calls  int
		status int
		want   string
	}{
		"400":             {servicetest.Status(400, "wrong length"), 1, fault.Usage, "HTTP 400 Bad Request: wrong length"},
		"401":             {servicetest.Status(401, ""), 1, fault.Usage, "HTTP 401 Unauthorized"},
		"403":             {servicetest.Status(403, ""), 1, fault.Usage, "HTTP 403 Forbidden"},
		"404":             {servicetest.Status(404, ""), 1, fault.Usage, "HTTP 404"},
		"409":             {servicetest.Status(409, ""), 1, fault.Usage, "HTTP 409"},
		"500":             {servicetest.Status(500, ""), 1, fault.Service, "HTTP 500"},
		"501":             {servicetest.Status(501, ""), 1, fault.Service, "HTTP 501"},
		"always 429":      {servicetest.Throttle(""), 5, fault.Service, "HTTP 429 Too Many Requests; 5 tries"},
		"always 503":      {servicetest.Status(503, ""), 5, fault.Service, "5 tries"},
		"always cut":      {servicetest.Cut, 5, fault.Service, "no answer from 127.0.0.1"},
		"a huge body":     {servicetest.Huge, 1, fault.Service, "more than 1048576 bytes"},
		"a redirect":      {servicetest.Status(302, "", "Location", "https://elsewhere.example/x"), 1, fault.Usage, "a redirect to https://elsewhere.example/x, which is not followed"},
		"HTML":            {servicetest.Status(403, "<html>\x1b[31m\r\n<b>No"), 1, fault.Usage, `<html>\x1b[31m <b>No`},
		"a long text":     {servicetest.Status(400, strings.Repeat("ä", 5000)), 1, fault.Usage, "ä …"},
		"its request id":  {servicetest.Status(403, "", "X-Request-Id", "abc-1"), 1, fault.Usage, "(request abc-1)"},
		"a status of 999": {servicetest.Status(999, ""), 1, fault.Service, "HTTP 999"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Fail("/sign", servicetest.Always, c.fault)
			_, err := w.call()
			if err == nil {
				t.Fatal("no error")
			}
			text := err.Error()
			if !strings.HasPrefix(text, "Test Signing: sign: ") || !strings.Contains(text, c.want) || !strings.Contains(text, "\nhint: ") {
				t.Errorf("got %q, want %q", text, c.want)
			}
			if strings.Contains(text, "hush") || strings.ContainsAny(text, "\x1b\r") || len(text) > 800 {
				t.Errorf("got %q", text)
			}
			if got := fault.Status(err); got != c.status {
				t.Errorf("status %d, want %d: %v", got, c.status, err)
			}
			if n := w.Calls(""); n != c.calls {
				t.Errorf("%d calls, want %d", n, c.calls)
			}
		})
	}
}

func TestJudge500(t *testing.T) {
	w := newWorld(t)
	w.caller.Dialect.Judge = service.Judge500
	w.Fail("/sign", 2, servicetest.Status(500, ""))
	if _, err := w.call(); err != nil || w.Calls("") != 3 {
		t.Errorf("%d calls, %v", w.Calls(""), err)
	}
}

func TestHugeBodyIsNotRead(t *testing.T) {
	w := newWorld(t)
	w.Fail("/sign", servicetest.Always, servicetest.Huge)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	w.call()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 32<<20 {
		t.Errorf("%d bytes were allocated for an answer of a gigabyte", n)
	}
}

func TestLostAnswerMayBeCounted(t *testing.T) {
	w := newWorld(t)
	w.Fail("/sign", servicetest.Always, servicetest.Cut)
	_, err := w.call(func(r *service.Request) { r.Counted = true })
	if err == nil || !strings.Contains(err.Error(), "may have been counted") {
		t.Errorf("got %v", err)
	}
}

// TestOnePauseForAll: a 429 stops every call of the caller for the time that
// the service asks for, and halves how many are made at a time, once for all
// that were under way together.
func TestOnePauseForAll(t *testing.T) {
	w := newWorld(t)
	w.caller.Clock = service.Clock{}
	slow := servicetest.After(20*time.Millisecond, servicetest.Status(200, "done"))
	w.Fail("/sign", 4, servicetest.After(20*time.Millisecond, servicetest.Throttle("1")))
	w.Fail("/sign", servicetest.Always, slow)
	var g sync.WaitGroup
	for range 12 {
		g.Go(func() {
			if _, err := w.call(); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	calls := w.Requests("/sign")
	if len(calls) != 16 {
		t.Fatalf("%d calls, want 12 and 4 again", len(calls))
	}
	pause := calls[4].At.Sub(calls[3].At)
	if pause < 900*time.Millisecond {
		t.Errorf("the fifth call came %v after the fourth, want a second", pause)
	}
	if w.Most() != service.Parallel {
		t.Errorf("%d calls at a time, want %d", w.Most(), service.Parallel)
	}
	if n := together(calls[4:], 15*time.Millisecond); n > 2 {
		t.Errorf("%d calls at a time after the pause, want 2", n)
	}
}

// together is how many calls began within d of one another, at most.
func together(calls []servicetest.Call, d time.Duration) (most int) {
	for i := range calls {
		n := 0
		for _, c := range calls[i:] {
			if c.At.Sub(calls[i].At) < d {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func TestPauseBeyondTheDeadline(t *testing.T) {
	w := newWorld(t)
	w.Fail("/sign", servicetest.Always, servicetest.Throttle("600"))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := w.caller.Call(ctx, service.Request{Operation: "sign", URL: w.URL + "/sign"})
	if fault.Status(err) != fault.Service || w.Calls("") != 1 || w.waited() > 0 {
		t.Errorf("%d calls, waited %v: %v", w.Calls(""), w.waited(), err)
	}
}

func TestEndOfContext(t *testing.T) {
	w := newWorld(t)
	w.caller.Clock = service.Clock{}
	w.Fail("/sign", servicetest.Always, servicetest.After(time.Minute, servicetest.Status(200, "")))
	ctx, cancel := context.WithTimeoutCause(context.Background(), 100*time.Millisecond, errors.New("no signature within 100ms"))
	defer cancel()
	_, err := w.caller.Call(ctx, service.Request{Operation: "sign", URL: w.URL + "/sign"})
	if fault.Status(err) != fault.Service || !strings.Contains(err.Error(), "no signature within 100ms") {
		t.Errorf("deadline: %v", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, stop)
	_, err = w.caller.Call(ctx, service.Request{Operation: "sign", URL: w.URL + "/sign"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestTryTimeout(t *testing.T) {
	w := newWorld(t)
	w.Fail("/sign", 1, servicetest.After(time.Minute, servicetest.Status(200, "")))
	a, err := w.call(func(r *service.Request) { r.Timeout = 100 * time.Millisecond })
	if err != nil || string(a.Body) != "done" {
		t.Errorf("got %v, %v", a, err)
	}
}

func TestClockOffset(t *testing.T) {
	w := newWorld(t)
	w.Fail("/sign", servicetest.Always, servicetest.Status(401, "", "Date", time.Now().Add(-10*time.Minute).UTC().Format(http.TimeFormat)))
	_, err := w.call()
	if err == nil || !strings.Contains(err.Error(), "clock is 10m") || !strings.Contains(err.Error(), "ahead of") {
		t.Errorf("got %v", err)
	}
}

func TestSecretsAreMasked(t *testing.T) {
	w := newWorld(t)
	w.caller.Secret([]byte("hunter2secret"))
	w.Fail("/sign", servicetest.Always, servicetest.Status(400, "invalid secret hunter2secret given"))
	_, err := w.call()
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "invalid secret *** given") {
		t.Errorf("got %v", err)
	}
}

func tokens(n *int, life time.Duration, now func() time.Time) *service.Credential[string] {
	return &service.Credential[string]{Now: now, Fetch: func(context.Context) (string, time.Time, error) {
		*n++
		return fmt.Sprintf("token-%d", *n), now().Add(life), nil
	}}
}

func TestTokenIsFetchedOnceAndRenewed(t *testing.T) {
	w := newWorld(t)
	n := 0
	auth := service.Bearer{Token: tokens(&n, time.Hour, w.clock.Now)}
	call := func() {
		t.Helper()
		if _, err := w.call(func(r *service.Request) { r.Auth = auth }); err != nil {
			t.Fatal(err)
		}
	}
	var g sync.WaitGroup
	for range 8 {
		g.Go(call)
	}
	g.Wait()
	if n != 1 {
		t.Errorf("%d tokens for 8 calls", n)
	}
	w.clock.Wait(context.Background(), 54*time.Minute)
	if call(); n != 1 {
		t.Errorf("renewed 6 minutes before its end")
	}
	w.clock.Wait(context.Background(), 90*time.Second)
	if call(); n != 2 {
		t.Errorf("%d tokens, 4.5 minutes before the first ends", n)
	}
}

func TestRefusedTokenIsRenewedOnce(t *testing.T) {
	w := newWorld(t)
	n := 0
	auth := service.Bearer{Token: tokens(&n, time.Hour, w.clock.Now)}
	w.Fail("/sign", 1, servicetest.Status(401, ""))
	if _, err := w.call(func(r *service.Request) { r.Auth = auth }); err != nil || n != 2 {
		t.Fatalf("%d tokens: %v", n, err)
	}
	calls := w.Requests("/sign")
	if got := calls[1].Header.Get("Authorization"); got != "Bearer token-2" {
		t.Errorf("the second call carries %q", got)
	}
	w.Fail("/sign", servicetest.Always, servicetest.Status(401, "expired"))
	_, err := w.call(func(r *service.Request) { r.Auth = auth })
	if fault.Status(err) != fault.Usage || n != 3 {
		t.Errorf("%d tokens: %v", n, err)
	}
}

// TestRedirectKeepsCredentialsHere: net/http would take X-Api-Key along.
func TestRedirectKeepsCredentialsHere(t *testing.T) {
	other := servicetest.New(t, servicetest.Status(200, "stolen"))
	for _, follow := range []bool{false, true} {
		w := newWorld(t)
		w.caller.Dialect.FollowOnce = follow
		w.Fail("/sign", servicetest.Always, servicetest.Status(307, "", "Location", other.URL))
		_, err := w.call(func(r *service.Request) { r.Header = http.Header{"X-Api-Key": {"hush"}} })
		if err == nil || other.Calls("") != 0 {
			t.Errorf("follow %v: %d calls went elsewhere: %v", follow, other.Calls(""), err)
		}
	}
}

func TestUnknownHost(t *testing.T) {
	c := &service.Caller{Service: "Test Signing"}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, err := c.Call(ctx, service.Request{Operation: "sign", URL: "https://no-such-vault.invalid/"})
	if err == nil {
		t.Fatal("no error")
	}
	if fault.Status(err) == fault.Usage && !strings.Contains(err.Error(), "check the name and the region") {
		t.Errorf("got %v", err)
	}
}

func TestEndpoint(t *testing.T) {
	for s, want := range map[string]string{
		"https://weu.codesigning.azure.net/": "https://weu.codesigning.azure.net",
		"weu.codesigning.azure.net":          "https://weu.codesigning.azure.net",
		"https://vault.example:8200/base/":   "https://vault.example:8200/base",
		"http://127.0.0.1:8200":              "http://127.0.0.1:8200",
		"http://localhost:1":                 "http://localhost:1",
		"http://[::1]:1":                     "http://[::1]:1",
		"http://vault.example":               "",
		"http://127.0.0.1.example":           "",
		"ftp://x.example":                    "",
		"https://user:pw@x.example":          "",
		"https://x.example/?a=b":             "",
		"https://x.example/#a":               "",
		"https://":                           "",
		"":                                   "",
		"https://x.example:port":             "",
	} {
		u, err := service.Endpoint("endpoint", s)
		if want == "" {
			if fault.Status(err) != fault.Usage || strings.Contains(err.Error(), "pw") {
				t.Errorf("%q: got %v, %v", s, u, err)
			}
			continue
		}
		if err != nil || u.String() != want {
			t.Errorf("%q: got %v, %v", s, u, err)
		}
	}
}
