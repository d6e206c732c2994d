package awskms

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// credentials of AWS.
type credentials struct {
	id, secret, session string
}

// signer authorizes requests with AWS Signature Version 4.
type signer struct {
	region, service string
	credential      *service.Credential[credentials]
	now             func() time.Time
	from            string // where the credentials come from
}

// Authorize signs r.
func (s signer) Authorize(ctx context.Context, r *http.Request, body []byte) (func(), error) {
	c, drop, err := s.credential.Get(ctx)
	if err != nil {
		return nil, err
	}
	sign(r, body, c, s.region, s.service, s.now())
	return drop, nil
}

const (
	algorithmV4 = "AWS4-HMAC-SHA256"
	timeV4      = "20060102T150405Z"
)

// sign adds X-Amz-Date, X-Amz-Security-Token and Authorization (IAM User
// Guide, "Create a signed AWS API request"). Every header is signed except
// User-Agent, which proxies change.
func sign(r *http.Request, body []byte, c credentials, region, service string, now time.Time) {
	date := now.UTC().Format(timeV4)
	r.Header.Set("X-Amz-Date", date)
	if c.session != "" {
		r.Header.Set("X-Amz-Security-Token", c.session)
	}
	names, headers := canonicalHeaders(r)
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	canonical := strings.Join([]string{r.Method, path, canonicalQuery(r.URL.Query()), headers, names, hexSum(body)}, "\n")
	scope := strings.Join([]string{date[:8], region, service, "aws4_request"}, "/")
	toSign := strings.Join([]string{algorithmV4, date, scope, hexSum([]byte(canonical))}, "\n")
	key := []byte("AWS4" + c.secret)
	for _, part := range []string{date[:8], region, service, "aws4_request", toSign} {
		key = mac(key, part)
	}
	r.Header.Set("Authorization", algorithmV4+" Credential="+c.id+"/"+scope+", SignedHeaders="+names+", Signature="+hex.EncodeToString(key))
}

// canonicalHeaders are the names, and the lines NAME:VALUE, each with a line
// break behind it.
func canonicalHeaders(r *http.Request) (names, lines string) {
	values := map[string]string{"host": r.URL.Host}
	for name, v := range r.Header {
		if name == "User-Agent" || name == "Authorization" {
			continue
		}
		trimmed := make([]string, len(v))
		for i := range v {
			trimmed[i] = strings.Join(strings.Fields(v[i]), " ")
		}
		values[strings.ToLower(name)] = strings.Join(trimmed, ",")
	}
	var list []string
	for name := range values {
		list = append(list, name)
	}
	slices.Sort(list)
	for _, name := range list {
		lines += name + ":" + values[name] + "\n"
	}
	return strings.Join(list, ";"), lines
}

// canonicalQuery sorts a query by name and value; a space is %20.
func canonicalQuery(q url.Values) string {
	for _, v := range q {
		slices.Sort(v)
	}
	return strings.ReplaceAll(q.Encode(), "+", "%20")
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
