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
		"redirect for ever":  {url + "/loop", nil, ""},
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
