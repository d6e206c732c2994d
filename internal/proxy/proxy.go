// Package proxy tells which proxy a request goes through: that of HTTP_PROXY,
// HTTPS_PROXY and NO_PROXY as in net/http, or else that of ALL_PROXY, which
// curl and most other programs know and net/http does not.
package proxy

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
)

// Transport returns the one transport of the requests that need no settings of
// their own. It is http.DefaultTransport with FromEnvironment.
var Transport = sync.OnceValue(func() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = FromEnvironment
	return t
})

// FromEnvironment is a Proxy of an http.Transport.
func FromEnvironment(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if u != nil || err != nil {
		return u, err
	}
	return all(r.URL, os.Getenv)
}

// all applies ALL_PROXY where no variable for the scheme of target is set and
// NO_PROXY does not name its host. nil means no proxy.
func all(target *url.URL, getenv func(string) string) (*url.URL, error) {
	value := either(getenv, "ALL_PROXY")
	if value == "" || either(getenv, strings.ToUpper(target.Scheme)+"_PROXY") != "" || bypassed(target, either(getenv, "NO_PROXY")) {
		return nil, nil
	}
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || !known(u.Scheme) {
		return nil, fmt.Errorf("ALL_PROXY is not the address of a proxy: it must be http, https, socks5 or socks5h, with a host")
	}
	return u, nil
}

func known(scheme string) bool {
	switch scheme {
	case "http", "https", "socks5", "socks5h":
		return true
	}
	return false
}

// either reads a variable in capital or small letters.
func either(getenv func(string) string, name string) string {
	if v := getenv(name); v != "" {
		return v
	}
	return getenv(strings.ToLower(name))
}

// bypassed reports whether a host is asked directly: this machine, and what the
// entries of NO_PROXY name (the rules of golang.org/x/net/http/httpproxy).
func bypassed(target *url.URL, noProxy string) bool {
	host, port := strings.ToLower(strings.TrimSuffix(target.Hostname(), ".")), target.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[target.Scheme]
	}
	ip, err := netip.ParseAddr(host)
	ip = ip.Unmap()
	if host == "localhost" || err == nil && ip.IsLoopback() {
		return true
	}
	for entry := range strings.SplitSeq(noProxy, ",") {
		if matches(strings.ToLower(strings.TrimSpace(entry)), host, port, ip) {
			return true
		}
	}
	return false
}

func matches(entry, host, port string, ip netip.Addr) bool {
	if entry == "" || entry == "*" {
		return entry == "*"
	}
	if p, err := netip.ParsePrefix(entry); err == nil {
		return ip.IsValid() && p.Masked().Contains(ip)
	}
	if h, p, err := net.SplitHostPort(entry); err == nil {
		if entry = h; p != port {
			return false
		}
	}
	if a, err := netip.ParseAddr(strings.Trim(entry, "[]")); err == nil {
		return a.Unmap() == ip
	}
	if suffix, ok := strings.CutPrefix(entry, "*."); ok {
		entry = "." + suffix
	}
	if strings.HasPrefix(entry, ".") {
		return strings.HasSuffix(host, entry)
	}
	return host == entry || strings.HasSuffix(host, "."+entry)
}
