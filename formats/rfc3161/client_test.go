package rfc3161

import (
	"context"
	"crypto"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// clock is a time that only moves when somebody sleeps.
type clock struct {
	sync.Mutex
	now    time.Time
	sleeps []time.Duration
}

func (c *clock) Now() time.Time {
	c.Lock()
	defer c.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.Lock()
	defer c.Unlock()
	c.now = c.now.Add(d)
	c.sleeps = append(c.sleeps, d)
	return ctx.Err()
}

// site is a faulty server and its URL.
type site struct {
	*Server
	url string
}

// faultySite starts a server that has the given faults one after the other and then
// works; with forever the last one stays.
func faultySite(t *testing.T, c *clock, forever bool, faults ...Fault) site {
	t.Helper()
	pki := formatstest.NewPKI(t)
	s := newServer(t, pki.TSA, func(o *ServerOptions) {
		o.Now = c.Now
		o.Fault = func(n int) Fault {
			switch {
			case n < len(faults):
				return faults[n]
			case forever && len(faults) > 0:
				return faults[len(faults)-1]
			}
			return Fault{}
		}
	})
	return site{s, serve(t, s)}
}

// newClient is a client whose pauses take no time and that chances nothing.
func newClient(t *testing.T, c *clock, servers ...site) *Client {
	t.Helper()
	var urls []string
	for _, s := range servers {
		urls = append(urls, s.url)
	}
	client := clientOf(t, urls, ClientOptions{Timeout: 5 * time.Second})
	client.now, client.sleep, client.jitter = c.Now, c.Sleep, func() float64 { return 0 }
	return client
}

func newClock() *clock { return &clock{now: time.Now().Truncate(time.Second)} }

func TestClientRetries(t *testing.T) {
	for name, c := range map[string]struct {
		faults   []Fault
		requests int // until success; 0 means that the call fails
		asked    int // requests that the server saw
		sleeps   []time.Duration
		says     string
	}{
		"works":            {requests: 1, asked: 1},
		"down once":        {faults: []Fault{{Kind: FaultDown}}, requests: 2, asked: 2, sleeps: []time.Duration{time.Second}},
		"500 twice":        {faults: []Fault{{Kind: FaultStatus}, {Kind: FaultStatus, Status: 503}}, requests: 3, asked: 3, sleeps: []time.Duration{time.Second, 2 * time.Second}},
		"truncated once":   {faults: []Fault{{Kind: FaultTruncate}}, requests: 2, asked: 2, sleeps: []time.Duration{time.Second}},
		"three times down": {faults: []Fault{{Kind: FaultStatus}, {Kind: FaultStatus}, {Kind: FaultStatus}}, asked: 3, says: "HTTP status 500"},
		"429 with seconds": {faults: []Fault{{Kind: FaultStatus, Status: 429, RetryAfter: "7"}}, requests: 2, asked: 2, sleeps: []time.Duration{7 * time.Second}},
		"429 five times": {faults: slices.Repeat([]Fault{{Kind: FaultStatus, Status: 429, RetryAfter: "9"}}, 5), requests: 6, asked: 6,
			sleeps: []time.Duration{9 * time.Second, 9 * time.Second, 9 * time.Second, 9 * time.Second, 16 * time.Second}},
		"429 for ever":      {faults: slices.Repeat([]Fault{{Kind: FaultStatus, Status: 429, RetryAfter: "1"}}, 50), asked: 14, says: "time budget"},
		"503 three times":   {faults: slices.Repeat([]Fault{{Kind: FaultStatus, Status: 503, RetryAfter: "9"}}, 3), asked: 3, says: "HTTP status 503"},
		"429 short":         {faults: []Fault{{Kind: FaultStatus, Status: 429, RetryAfter: "0"}}, requests: 2, asked: 2, sleeps: []time.Duration{time.Second}},
		"429 over budget":   {faults: []Fault{{Kind: FaultStatus, Status: 429, RetryAfter: "3600"}}, asked: 1, says: "time budget"},
		"429 nonsense":      {faults: []Fault{{Kind: FaultStatus, Status: 429, RetryAfter: "soon"}}, requests: 2, asked: 2, sleeps: []time.Duration{time.Second}},
		"404":               {faults: []Fault{{Kind: FaultStatus, Status: 404}}, asked: 1, says: "HTTP status 404"},
		"garbage":           {faults: []Fault{{Kind: FaultGarbage}}, asked: 1, says: `the answer is text: "this is not a response"`},
		"web page":          {faults: []Fault{{Kind: FaultHTML}}, asked: 1, says: `content type "text/html"`},
		"wrong nonce":       {faults: []Fault{{Kind: FaultNonce}}, asked: 1, says: "answers another request"},
		"no nonce":          {faults: []Fault{{Kind: FaultNoNonce}}, asked: 1, says: "no nonce"},
		"wrong imprint":     {faults: []Fault{{Kind: FaultImprint}}, asked: 1, says: "is for other data"},
		"wrong time":        {faults: []Fault{{Kind: FaultTime}}, asked: 1, says: "away from this machine's clock"},
		"rejected":          {faults: []Fault{{Kind: FaultReject}}, asked: 1, says: "badRequest"},
		"too large":         {faults: []Fault{{Kind: FaultOversize}}, asked: 1, says: "larger than allowed"},
		"redirect for ever": {faults: []Fault{{Kind: FaultRedirect}, {Kind: FaultRedirect}, {Kind: FaultRedirect}, {Kind: FaultRedirect}}, asked: 4, says: "more than 3"},
		"one redirect":      {faults: []Fault{{Kind: FaultRedirect}}, requests: 1, asked: 2},
		"to a file":         {faults: []Fault{{Kind: FaultRedirect, Location: "file:///etc/passwd"}}, asked: 1, says: "not to an http"},
	} {
		t.Run(name, func(t *testing.T) {
			clk := newClock()
			s := faultySite(t, clk, false, c.faults...)
			stamp, err := newClient(t, clk, s).Timestamp(t.Context(), signature, crypto.SHA256)
			if s.Requests() != c.asked {
				t.Errorf("the server was asked %d times instead of %d", s.Requests(), c.asked)
			}
			if c.requests == 0 {
				var se *ServiceError
				if !errors.As(err, &se) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), s.url) {
					t.Fatalf("error is %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(stamp.Attempts) != c.requests || stamp.Server != s.url {
				t.Errorf("%d attempts, server %s", len(stamp.Attempts), stamp.Server)
			}
			if len(clk.sleeps) != len(c.sleeps) {
				t.Fatalf("pauses %v instead of %v", clk.sleeps, c.sleeps)
			}
			for i := range c.sleeps {
				if clk.sleeps[i] != c.sleeps[i] {
					t.Errorf("pauses %v instead of %v", clk.sleeps, c.sleeps)
				}
			}
		})
	}
}

func TestClientRetryAfterDate(t *testing.T) {
	clk := newClock()
	date := clk.Now().Add(11 * time.Second).UTC().Format(http.TimeFormat)
	s := faultySite(t, clk, false, Fault{Kind: FaultStatus, Status: 503, RetryAfter: date})
	if _, err := newClient(t, clk, s).Timestamp(t.Context(), signature, crypto.SHA256); err != nil {
		t.Fatal(err)
	}
	if len(clk.sleeps) != 1 || clk.sleeps[0] != 11*time.Second {
		t.Errorf("pauses %v", clk.sleeps)
	}
}

func TestClientTakesTheNextServer(t *testing.T) {
	for _, kind := range []FaultKind{FaultDown, FaultStatus, FaultGarbage, FaultHTML, FaultNonce, FaultImprint, FaultTime, FaultOversize, FaultReject, FaultTruncate} {
		t.Run(string(kind), func(t *testing.T) {
			clk := newClock()
			bad := faultySite(t, clk, true, Fault{Kind: kind})
			good := faultySite(t, clk, false)
			var seen []Attempt
			c := newClient(t, clk, bad, good)
			c.o.Log = func(a Attempt) { seen = append(seen, a) }
			stamp, err := c.Timestamp(t.Context(), signature, crypto.SHA256)
			if err != nil {
				t.Fatal(err)
			}
			if stamp.Server != good.url || bad.Requests() != 1 || len(clk.sleeps) != 0 {
				t.Errorf("answer from %s, %d requests at the faulty server, pauses %v", stamp.Server, bad.Requests(), clk.sleeps)
			}
			if len(seen) != 2 || seen[0].Err == nil || seen[0].Server != bad.url || seen[1].Err != nil {
				t.Errorf("log: %+v", seen)
			}
		})
	}
}

func TestClientNamesAllServers(t *testing.T) {
	clk := newClock()
	a := faultySite(t, clk, true, Fault{Kind: FaultStatus, Status: 502})
	b := faultySite(t, clk, true, Fault{Kind: FaultNonce})
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	c := newClient(t, clk, a, b, site{url: gone.URL})
	_, err := c.Timestamp(t.Context(), signature, crypto.SHA256)
	var se *ServiceError
	if !errors.As(err, &se) {
		t.Fatal(err)
	}
	if len(se.Servers) != 3 || len(se.Attempts) != 7 {
		t.Fatalf("%d servers, %d attempts: %v", len(se.Servers), len(se.Attempts), err)
	}
	if f := se.Servers[0]; f.Attempts != 3 || f.Status != 502 || f.Server != a.url {
		t.Errorf("first server: %+v", f)
	}
	var te *TokenError
	if f := se.Servers[1]; f.Attempts != 1 || !errors.As(f.Err, &te) || !te.Has(RuleNonce) {
		t.Errorf("second server: %+v", f)
	}
	if f := se.Servers[2]; f.Attempts != 3 || f.Status != 0 || !strings.Contains(f.Err.Error(), "refused") {
		t.Errorf("third server: %+v", f)
	}
	if !errors.As(err, &te) {
		t.Error("the causes cannot be reached through the error")
	}
	t.Log(err)
}

func TestClientTimeout(t *testing.T) {
	pki := formatstest.NewPKI(t)
	slow := serve(t, newServer(t, pki.TSA, func(o *ServerOptions) { o.Fault = func(int) Fault { return Fault{Kind: FaultSlow} } }))
	c := clientOf(t, []string{slow}, ClientOptions{Attempts: 1, Timeout: 50 * time.Millisecond})
	_, err := c.Timestamp(t.Context(), signature, crypto.SHA256)
	var se *ServiceError
	if !errors.As(err, &se) || !strings.Contains(err.Error(), "no answer within 50ms") {
		t.Errorf("error is %v", err)
	}
}

func TestClientCancelled(t *testing.T) {
	pki := formatstest.NewPKI(t)
	ctx, cancel := context.WithCancel(t.Context())
	slow := serve(t, newServer(t, pki.TSA, func(o *ServerOptions) {
		o.Fault = func(int) Fault { cancel(); return Fault{Kind: FaultSlow} }
	}))
	c := clientOf(t, []string{slow}, ClientOptions{})
	_, err := c.Timestamp(ctx, signature, crypto.SHA256)
	var se *ServiceError
	if !errors.Is(err, context.Canceled) || errors.As(err, &se) {
		t.Errorf("error is %v", err)
	}
	if st := c.state[slow]; st.failures != 0 {
		t.Error("an interruption counts as the server's failure")
	}
}

func TestClientRefusesConfiguration(t *testing.T) {
	pki := formatstest.NewPKI(t)
	roots := TrustRoots(pki.TSARoots())
	for name, c := range map[string]struct {
		servers []string
		trust   Trust
	}{
		"no server":  {nil, roots},
		"no roots":   {[]string{"http://127.0.0.1:1"}, nil},
		"ftp":        {[]string{"ftp://127.0.0.1/"}, roots},
		"no host":    {[]string{"http:///tsa"}, roots},
		"no scheme":  {[]string{"timestamp.example"}, roots},
		"no URL":     {[]string{"http://user:secret@[::1"}, roots},
		"fragment":   {[]string{"http://127.0.0.1/#a"}, roots},
		"the second": {[]string{"http://127.0.0.1:1", "ftp://127.0.0.1/"}, roots},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := NewClient(c.servers, c.trust, ClientOptions{})
			var wrong *OptionError
			if client != nil || !errors.As(err, &wrong) || strings.Contains(err.Error(), "secret") {
				t.Errorf("error is %v", err)
			}
		})
	}
	if _, err := NewClient([]string{"ftp://a", "ftp://b"}, nil, ClientOptions{}); err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not all problems at once: %v", err)
	}
	c := clientOf(t, []string{"http://127.0.0.1:1"}, ClientOptions{})
	for _, h := range []crypto.Hash{0, crypto.MD5, crypto.SHA1} {
		var wrong *OptionError
		if _, err := c.Timestamp(t.Context(), signature, h); !errors.As(err, &wrong) {
			t.Errorf("hash %v: %v", h, err)
		}
	}
}

func TestPasswordsAreNotShown(t *testing.T) {
	clk := newClock()
	s := faultySite(t, clk, true, Fault{Kind: FaultStatus, Status: 404})
	c := newClient(t, clk, site{url: strings.Replace(s.url, "http://", "http://user:secret@", 1)})
	_, err := c.Timestamp(t.Context(), signature, crypto.SHA256)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error is %v", err)
	}
}

func TestRedirectFromHTTPS(t *testing.T) {
	pki := formatstest.NewPKI(t)
	plain := serve(t, newServer(t, pki.TSA, nil))
	for name, c := range map[string]struct {
		status int
		says   string
	}{
		"to http":         {http.StatusTemporaryRedirect, "from https to http"},
		"loses the query": {http.StatusFound, "loses the request"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewTLSServer(http.RedirectHandler(plain, c.status))
			defer srv.Close()
			client := clientOf(t, []string{srv.URL}, ClientOptions{HTTP: srv.Client()})
			_, err := client.Timestamp(t.Context(), signature, crypto.SHA256)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func TestLegacyClient(t *testing.T) {
	for name, c := range map[string]struct {
		fault Fault
		says  string
	}{
		"good":    {},
		"garbage": {Fault{Kind: FaultGarbage}, "not base64"},
		"imprint": {Fault{Kind: FaultImprint}, "is for another signature"},
		"404":     {Fault{Kind: FaultStatus, Status: 404}, "HTTP status 404"},
	} {
		t.Run(name, func(t *testing.T) {
			clk := newClock()
			s := faultySite(t, clk, true, c.fault)
			stamp, err := newClient(t, clk, s).LegacyTimestamp(t.Context(), signature)
			if c.says != "" {
				var se *ServiceError
				if !errors.As(err, &se) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error is %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !stamp.Time.Equal(clk.Now()) || stamp.Server != s.url || len(stamp.Certificates) != 1 {
				t.Errorf("%+v", stamp)
			}
		})
	}
}

func TestClientAsksForAPolicy(t *testing.T) {
	for name, c := range map[string]struct {
		policy []int
		says   string
	}{
		"the server's": {defaultPolicy(), ""},
		"another":      {[]int{1, 2, 3}, "unacceptedPolicy"},
	} {
		t.Run(name, func(t *testing.T) {
			clk := newClock()
			s := faultySite(t, clk, false)
			client := newClient(t, clk, s)
			client.o.Policy = c.policy
			stamp, err := client.Timestamp(t.Context(), signature, crypto.SHA256)
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Fatal(err)
			}
			if err == nil && !stamp.Token.Policy.Equal(c.policy) {
				t.Errorf("policy %v", stamp.Token.Policy)
			}
		})
	}
}
