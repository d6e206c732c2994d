package service

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/proxy"
)

// Endpoint checks the address of a service: https, or http to loopback, with
// neither user, query nor fragment. An address without scheme is https. A
// slash at the end is cut off. what names the setting in the error (Usage).
func Endpoint(what, s string) (*url.URL, error) {
	if s != "" && !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault.New(fault.Usage, "%s is not the address of a service", what).
			Hint("write https://HOST, without user, query and fragment")
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && Loopback(u.Hostname())) {
		return nil, fault.New(fault.Usage, "%s is not an https address", what).
			Hint("credentials go to this address, so it must be https; http is accepted for 127.0.0.1 and localhost only")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

// Loopback reports whether a host is this machine.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// NewClient returns a client for a Caller: it follows no redirect, keeps
// Parallel connections, requires TLS 1.2 and takes proxies from the environment.
// config may name further roots or a client certificate, and may be nil.
func NewClient(config *tls.Config) *http.Client {
	c := direct(config)
	c.Transport.(*http.Transport).Proxy = func(r *http.Request) (*url.URL, error) {
		if LinkLocal(r.URL.Hostname()) {
			return nil, nil
		}
		return proxy.FromEnvironment(r)
	}
	return c
}

// LinkLocal reports whether a host is an address that leads to no other
// network, as those of metadata services are.
func LinkLocal(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && (ip.IsLinkLocalUnicast() || ip.Equal(net.ParseIP("fd00:ec2::254")))
}

// NewMetadataClient is NewClient without proxy: addresses that belong to the
// machine itself, such as 169.254.169.254, must not be asked through one, which
// would learn the machine's credentials or answer with its own.
func NewMetadataClient() *http.Client { return direct(nil) }

func direct(config *tls.Config) *http.Client {
	if config == nil {
		config = &tls.Config{}
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSClientConfig:        config,
			TLSHandshakeTimeout:    10 * time.Second,
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    Parallel,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}
}

// TrustFile is a configuration that trusts the certificates in a PEM file, and
// no others. what names the setting in the error (Usage).
func TrustFile(what, file string) (*tls.Config, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.New(fault.Usage, "%s: %v", what, err).Hint("it names a file with certificates in PEM")
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fault.New(fault.Usage, "%s names a file without certificates", what).Hint("it names a file with certificates in PEM")
	}
	return &tls.Config{RootCAs: pool}, nil
}
