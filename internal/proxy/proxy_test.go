package proxy

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

func TestAll(t *testing.T) {
	for name, c := range map[string]struct {
		target string
		env    map[string]string
		want   string // "" is none, "error" a refusal
	}{
		"none set":             {"http://tsa.example/", nil, ""},
		"http":                 {"http://tsa.example/", map[string]string{"ALL_PROXY": "http://p:3128"}, "http://p:3128"},
		"https":                {"https://kms.example/", map[string]string{"ALL_PROXY": "http://p:3128"}, "http://p:3128"},
		"small letters":        {"http://tsa.example/", map[string]string{"all_proxy": "http://p:1"}, "http://p:1"},
		"without scheme":       {"http://tsa.example/", map[string]string{"ALL_PROXY": "p:3128"}, "http://p:3128"},
		"socks":                {"https://tsa.example/", map[string]string{"ALL_PROXY": "socks5h://p:1080"}, "socks5h://p:1080"},
		"unknown scheme":       {"http://tsa.example/", map[string]string{"ALL_PROXY": "ftp://p"}, "error"},
		"no host":              {"http://tsa.example/", map[string]string{"ALL_PROXY": "http://"}, "error"},
		"the scheme has one":   {"http://tsa.example/", map[string]string{"ALL_PROXY": "http://p", "http_proxy": "http://q"}, ""},
		"the other scheme has": {"http://tsa.example/", map[string]string{"ALL_PROXY": "http://p", "HTTPS_PROXY": "http://q"}, "http://p"},
		"loopback":             {"http://127.0.0.9:81/", map[string]string{"ALL_PROXY": "http://p"}, ""},
		"loopback 6":           {"http://[::1]:81/", map[string]string{"ALL_PROXY": "http://p"}, ""},
		"localhost":            {"http://LOCALHOST/", map[string]string{"ALL_PROXY": "http://p"}, ""},
		"all excepted":         {"http://tsa.example/", map[string]string{"ALL_PROXY": "http://p", "NO_PROXY": "*"}, ""},
		"domain":               {"http://a.corp.example/", map[string]string{"ALL_PROXY": "http://p", "no_proxy": "x, corp.example"}, ""},
		"domain itself":        {"http://corp.example/", map[string]string{"ALL_PROXY": "http://p", "NO_PROXY": "corp.example"}, ""},
		"subdomains only":      {"http://corp.example/", map[string]string{"ALL_PROXY": "http://p", "NO_PROXY": ".corp.example"}, "http://p"},
		"a longer name":        {"http://notcorp.example/", map[string]string{"ALL_PROXY": "http://p", "NO_PROXY": "corp.example"}, "http://p"},
		"the port":             {"http://corp.example:8080/", map[string]string{"ALL_PROXY": "http://p", "NO_PROXY": "corp.example:8080"}, ""},
		"another port":         {"http://corp.example/", map[string]string{"ALL_PROXY": "http://p", "NO_PROXY": "corp.example:8080"}, "http://p"},
		"address":              {"http://10.1.2.3/", map[string]string{"ALL_PROXY": "http://p", "NO_PROXY": "10.1.2.3"}, ""},
		"network":              {"http://10.1.2.3/", map[string]string{"ALL_PROXY": "http://p", "NO_PROXY": "10.0.0.0/8"}, ""},
		"another network":      {"http://11.1.2.3/", map[string]string{"ALL_PROXY": "http://p", "NO_PROXY": "10.0.0.0/8"}, "http://p"},
		"network 6":            {"http://[fd00::5]/", map[string]string{"ALL_PROXY": "http://p", "NO_PROXY": "fd00::/8"}, ""},
	} {
		target, err := url.Parse(c.target)
		if err != nil {
			t.Fatal(err)
		}
		u, err := all(target, func(n string) string { return c.env[n] })
		got := ""
		if err != nil {
			got = "error"
		} else if u != nil {
			got = u.String()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q (%v)", name, got, c.want, err)
		}
	}
}

// TestTransport asks a host that does not exist: only the proxy can answer.
func TestTransport(t *testing.T) {
	asked := ""
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = r.URL.String() }))
	defer srv.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy", "all_proxy"} {
		t.Setenv(name, "")
	}
	t.Setenv("ALL_PROXY", srv.URL)
	resp, err := (&http.Client{Transport: Transport()}).Get("http://tsa.invalid/stamp")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if asked != "http://tsa.invalid/stamp" {
		t.Errorf("the proxy was asked for %q", asked)
	}
}
