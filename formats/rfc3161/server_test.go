package rfc3161

import (
	"bytes"
	"crypto"
	"errors"
	"math/big"
	"net/http"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestServerOverHTTP has the requests that are none.
func TestServerOverHTTP(t *testing.T) {
	pki := formatstest.NewPKI(t)
	url := serve(t, newServer(t, pki.TSA, nil))
	broken := serve(t, newServer(t, pki.TSA, func(o *ServerOptions) {
		o.Serial = func() (*big.Int, error) { return nil, errors.New("the counter is lost") }
	}))
	for name, c := range map[string]struct {
		url, method, media, body string
		status                   int
	}{
		"GET":                   {url, http.MethodGet, "", "", http.StatusMethodNotAllowed},
		"no protocol":           {url, http.MethodPost, "text/plain", "hello", http.StatusUnsupportedMediaType},
		"too large":             {url, http.MethodPost, "application/timestamp-query", strings.Repeat("x", maxRequest+1), http.StatusBadRequest},
		"malformed":             {url, http.MethodPost, "application/timestamp-query", "x", http.StatusOK}, // the answer says so
		"fault of the server's": {broken, http.MethodPost, "application/timestamp-query", string(goodRequest(t)), http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), c.method, c.url, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", c.media)
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := readLimited(resp.Body, 1<<16)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != c.status || bytes.Contains(body, []byte("counter")) {
				t.Errorf("status %d: %s", resp.StatusCode, body)
			}
		})
	}
}

func goodRequest(t *testing.T) []byte {
	t.Helper()
	q, err := NewRequest(signature, crypto.SHA256, nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := q.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestNoCertificateUnlessAsked (RFC 3161 section 2.4.1).
func TestNoCertificateUnlessAsked(t *testing.T) {
	pki := formatstest.NewPKI(t)
	s := newServer(t, pki.TSA, nil)
	q, err := ParseRequest(goodRequest(t))
	if err != nil {
		t.Fatal(err)
	}
	q.CertReq = false
	der, err := q.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Respond(t.Context(), der)
	if err != nil {
		t.Fatal(err)
	}
	token, err := ParseResponse(answer)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(token.SignedData.Certificates); n != 0 {
		t.Errorf("%d certificates", n)
	}
}

func TestFailuresAreNamed(t *testing.T) {
	for _, f := range []Failure{NoFailure, FailureBadAlg, FailureBadRequest, FailureBadDataFormat, FailureTimeNotAvailable, FailureUnacceptedPolicy,
		FailureUnacceptedExtension, FailureAddInfoNotAvailable, FailureSystemFailure, 7} {
		e := &StatusError{Status: StatusRejection, Failure: f}
		answer, err := marshalResponse(e, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ParseResponse(answer)
		var got *StatusError
		if !errors.As(err, &got) || got.Failure != f || (f != NoFailure) != strings.Contains(err.Error(), f.String()) {
			t.Errorf("%v: %v", f, err)
		}
		if want := f == FailureTimeNotAvailable || f == FailureSystemFailure; got.Temporary() != want {
			t.Errorf("%v: temporary %v", f, got.Temporary())
		}
	}
}
