package fetch_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fetch"
)

// world is a server with an answer for each thing that can go wrong.
func world(t *testing.T) (url string, requests *atomic.Int64) {
	t.Helper()
	requests = &atomic.Int64{}
	mux := http.NewServeMux()
	mux.HandleFunc("/crl", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "crl by "+r.Method) })
	mux.HandleFunc("/ocsp", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.Method+" "+r.Header.Get("Content-Type")+" "+string(b))
	})
	mux.HandleFunc("/huge", func(w http.ResponseWriter, r *http.Request) {
		block := make([]byte, 1<<20)
		for range 17 {
			_, _ = w.Write(block)
		}
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/crl", http.StatusFound) })
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/elsewhere", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
	})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, requests
}

func TestFetch(t *testing.T) {
	url, _ := world(t)
	for name, c := range map[string]struct {
		url     string
		request []byte
		want    string // empty: an error
	}{
		"get":                {url + "/crl", nil, "crl by GET"},
		"post":               {url + "/ocsp", []byte("question"), "POST application/ocsp-request question"},
		"redirect":           {url + "/moved", nil, "crl by GET"},
		"endless redirect":   {url + "/loop", nil, ""},
		"redirect to a file": {url + "/elsewhere", nil, ""},
		"too large":          {url + "/huge", nil, ""},
		"not there":          {url + "/none", nil, ""},
		"file":               {"file:///etc/passwd", nil, ""},
		"ldap":               {"ldap://ca.example.org/cn=crl", nil, ""},
		"no address":         {"::", nil, ""},
		"empty":              {"", nil, ""},
	} {
		b, err := fetch.New("").Fetch(context.Background(), c.url, c.request)
		if (err == nil) != (c.want != "") || (err == nil && string(b) != c.want) {
			t.Errorf("%s: %.60q, %v", name, b, err)
		}
	}
	if _, err := fetch.New("").Fetch(context.Background(), "ldap://x/", nil); !errors.Is(err, fetch.ErrAddress) {
		t.Errorf("wrong scheme: %v", err)
	}
}

// TestCache: the same question is asked once an hour; another question is another one.
func TestCache(t *testing.T) {
	url, requests := world(t)
	now := time.Now()
	f := &fetch.Fetcher{Dir: t.TempDir(), Now: func() time.Time { return now }}
	ask := func(request string, want int64) {
		t.Helper()
		path, body := "/crl", []byte(nil)
		if request != "" {
			path, body = "/ocsp", []byte(request)
		}
		b, err := f.Fetch(context.Background(), url+path, body)
		if err != nil || !strings.Contains(string(b), request) || requests.Load() != want {
			t.Errorf("%q, %v, after %d requests instead of %d", b, err, requests.Load(), want)
		}
	}
	ask("", 1)
	ask("", 1)
	ask("one", 2)
	ask("two", 3)
	ask("one", 3)
	now = now.Add(2 * time.Hour)
	ask("", 4)
	if _, err := f.Fetch(context.Background(), url+"/none", nil); err == nil {
		t.Error("no error")
	}
	files, err := os.ReadDir(f.Dir)
	if err != nil || len(files) != 3 {
		t.Errorf("%d files are kept, %v: errors must not be", len(files), err)
	}
}

func TestFetchEnds(t *testing.T) {
	stop := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
	defer s.Close()
	defer close(stop)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := fetch.New("").Fetch(ctx, s.URL, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
}

// TestForget: an answer is kept as long as it is said to be fresh, until it is forgotten.
func TestForget(t *testing.T) {
	url, requests := world(t)
	now := time.Now()
	f := &fetch.Fetcher{Dir: t.TempDir(), Fresh: fetch.Always, Now: func() time.Time { return now }}
	for range 2 {
		if _, err := f.Fetch(t.Context(), url+"/crl", nil); err != nil {
			t.Fatal(err)
		}
		now = now.AddDate(20, 0, 0)
	}
	if b, ok := f.Kept(url + "/crl"); !ok || string(b) != "crl by GET" || requests.Load() != 1 {
		t.Errorf("kept %q, %v, after %d requests", b, ok, requests.Load())
	}
	f.Forget(url + "/crl")
	if _, ok := f.Kept(url + "/crl"); ok {
		t.Error("it is still there")
	}
	f.Limit = 3
	if _, err := f.Fetch(t.Context(), url+"/crl", nil); err == nil || !strings.Contains(err.Error(), "larger than 3 bytes") {
		t.Errorf("an answer over the limit: %v", err)
	}
}

// TestAgain: a failure that may pass is tried again, after growing pauses; one
// that will not pass is not.
func TestAgain(t *testing.T) {
	for name, c := range map[string]struct {
		statuses []int // of one answer after another; 0 breaks the connection off
		asked    int
		ok       bool
	}{
		"once":                 {[]int{200}, 1, true},
		"in trouble":           {[]int{503, 200}, 2, true},
		"broken off":           {[]int{0, 0, 200}, 3, true},
		"too many requests":    {[]int{429, 200}, 2, true},
		"in trouble all along": {[]int{500, 502, 503, 200}, 3, false},
		"not there":            {[]int{404, 200}, 1, false},
		"forbidden":            {[]int{403, 200}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				status := c.statuses[asked]
				asked++
				if status == 0 {
					panic(http.ErrAbortHandler)
				}
				w.WriteHeader(status)
				io.WriteString(w, "answer")
			}))
			defer srv.Close()
			var pauses []time.Duration
			f := &fetch.Fetcher{Pause: func(_ context.Context, d time.Duration) error {
				pauses = append(pauses, d)
				return nil
			}}
			b, err := f.Fetch(t.Context(), srv.URL, []byte("request")) // a POST is tried again, too
			if asked != c.asked || (err == nil) != c.ok || c.ok && string(b) != "answer" {
				t.Errorf("asked %d times, want %d: %q, %v", asked, c.asked, b, err)
			}
			if len(pauses) != asked-1 || len(pauses) == 2 && pauses[1] <= pauses[0] {
				t.Errorf("pauses %v for %d attempts", pauses, asked)
			}
		})
	}
}

// TestPauseEnds: a cancelled wait gives the failure and asks no more.
func TestPauseEnds(t *testing.T) {
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	f := &fetch.Fetcher{Pause: func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }}
	if _, err := f.Fetch(ctx, srv.URL, nil); err == nil || !strings.Contains(err.Error(), "503") || asked != 1 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}
