package service

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/secret"
)

const (
	// maxQuoted bounds what an error repeats of a service's text, in bytes.
	maxQuoted = 300
	// clockOff is how far two clocks may differ before an error mentions it.
	// AWS refuses requests from five minutes on.
	clockOff = time.Minute
)

// Failure is a try that got no answer, or one that says no.
type Failure struct {
	Service, Operation, Host string
	Status                   int    // of HTTP; 0 without an answer
	Code, Message            string // as the service says them
	RequestID                string
	Redirect                 string        // where a redirect pointed
	RetryAfter               time.Duration // how long the service asks to wait; 0 where it does not say
	Err                      error         // why there is no answer, or none of use
	Late                     error         // set when there was no time left to ask again
	Tries                    int

	counted bool // the lost answer may have been counted
}

// Judge is what a failure means at a service that says nothing else by its
// statuses: RFC 9110, and RFC 6585 for 429.
func Judge(f *Failure) Verdict {
	switch f.Status {
	case 0:
		return judgeNetwork(f.Err)
	case http.StatusUnauthorized:
		return Refused
	case http.StatusTooManyRequests:
		return Throttled
	case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return Retry
	}
	return Fail
}

// Judge500 is Judge for services where a 500 is an outage and not the answer
// to a wrong request.
func Judge500(f *Failure) Verdict {
	if f.Status == http.StatusInternalServerError {
		return Retry
	}
	return Judge(f)
}

// judgeNetwork gives up at once where the network would say the same again: a
// name that does not exist, a certificate that is not trusted.
func judgeNetwork(err error) Verdict {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	if errors.As(err, &dns) && dns.IsNotFound || errors.As(err, &cert) {
		return Fail
	}
	return Retry
}

// Error is one line: service, operation, status, what the service says, and
// the identifier of the request.
func (f *Failure) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s: ", f.Service, f.Operation)
	switch {
	case f.Status == 0 && f.Err != nil:
		fmt.Fprintf(&b, "no answer from %s: %s", f.Host, printable.Text(f.Err.Error()))
	case f.Status == 0:
		b.WriteString("not asked")
	case f.Err != nil:
		fmt.Fprintf(&b, "HTTP %d, %v", f.Status, f.Err)
	default:
		b.WriteString(strings.TrimSpace(fmt.Sprintf("HTTP %d %s", f.Status, http.StatusText(f.Status))))
	}
	for _, s := range []string{f.Code, f.Message} {
		if s != "" {
			b.WriteString(": " + s)
		}
	}
	if f.Status/100 == 3 && f.Redirect != "" {
		fmt.Fprintf(&b, ": a redirect to %s, which is not followed", printable.Text(f.Redirect))
	}
	if f.RequestID != "" {
		fmt.Fprintf(&b, " (request %s)", printable.Text(f.RequestID))
	}
	if f.Late != nil {
		fmt.Fprintf(&b, "; %v", f.Late)
	}
	if f.Tries > 1 {
		fmt.Fprintf(&b, "; %d tries", f.Tries)
	}
	if f.counted {
		b.WriteString("; the lost answer may have been counted as a signature")
	}
	return b.String()
}

// Unwrap returns what kept the answer away.
func (f *Failure) Unwrap() error { return f.Err }

// fault gives a failure its exit status and hints.
func (c *Caller) fault(f *Failure, verdict Verdict) error {
	f.Code, f.Message = c.quote(f.Code), c.quote(f.Message)
	status := fault.Service
	if outOfReach(f.Err) || (verdict == Fail || verdict == Refused) && f.Status >= 300 && f.Status < 500 {
		status = fault.Usage
	}
	e := fault.New(status, "%w", f)
	if c.Dialect.Hints != nil {
		for _, h := range c.Dialect.Hints(f) {
			e.Hint("%s", h)
		}
	}
	if off := c.ClockOff(); f.Status >= 400 && f.Status < 404 && off.Abs() > clockOff {
		e.Hint("this machine's clock is %v %s that of the service: set it: credentials and signatures of requests depend on it", off.Abs(), ahead(off))
	}
	if len(e.Hints) == 0 {
		e.Hint("%s", generalHint(f, verdict))
	}
	return e
}

func ahead(d time.Duration) string {
	if d > 0 {
		return "ahead of"
	}
	return "after"
}

// outOfReach recognises a host name that does not exist: a wrong setting.
func outOfReach(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}

func generalHint(f *Failure, verdict Verdict) string {
	var cert *tls.CertificateVerificationError
	switch {
	case outOfReach(f.Err):
		return "there is no such host: check the name and the region"
	case errors.As(f.Err, &cert):
		return "the certificate of the server is not trusted here: a proxy that opens connections needs its root in the system's store"
	case errors.Is(f.Err, context.DeadlineExceeded) || verdict == Retry || verdict == Throttled:
		return "nothing is lost: run the same command again, and it goes on from here"
	case f.Status == http.StatusUnauthorized:
		return "the service does not accept the credential: see docs/identities.md for where it is taken from"
	case f.Status == http.StatusForbidden:
		return "the credential is valid but lacks the right: assign the role that docs/identities.md names"
	case f.Status == http.StatusNotFound:
		return "check the names in the short form of the identity, and the region"
	}
	return "what the service is asked is described in docs/identities.md"
}

// quote makes a text of the service fit for a line of a message: masked, cut,
// and printable.
func (c *Caller) quote(s string) string {
	c.mu.Lock()
	s = secret.MaskText(s, c.secrets...)
	c.mu.Unlock()
	s, _, cut := cutAt(strings.TrimSpace(s), maxQuoted)
	s = printable.Text(strings.Join(strings.Fields(s), " "))
	if cut {
		s += " …"
	}
	return s
}

// cutAt cuts s after at most n bytes, between two characters.
func cutAt(s string, n int) (head, tail string, cut bool) {
	if len(s) <= n {
		return s, "", false
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n], s[n:], true
}

// RetryAfter reads how long the service asks to wait: Retry-After in seconds
// or as a date (RFC 9110 section 10.2.3), or Azure's headers in milliseconds.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if ms, err := strconv.ParseUint(h.Get(name), 10, 31); err == nil {
			return time.Duration(ms) * time.Millisecond
		}
	}
	v := h.Get("Retry-After")
	if s, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	if date, err := http.ParseTime(v); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}
