package service

import (
	"bytes"
	"io"
	"net/http"
)

// Transport lets a library make its requests through a Caller: they are tried
// again, bounded, not redirected, and fail with the caller's errors.
type Transport struct {
	Caller    *Caller
	Operation string // in messages
}

// maxRequest bounds the body of a request in bytes.
const maxRequest = 1 << 20

// RoundTrip makes r through the caller.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	q := Request{Operation: t.Operation, Method: r.Method, URL: r.URL.String(), Header: r.Header}
	if r.Body != nil {
		defer r.Body.Close()
		body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
		if err != nil {
			return nil, err
		}
		q.Body = body
	}
	a, err := t.Caller.Call(r.Context(), q)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: http.StatusText(a.Status), StatusCode: a.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.Header, Body: io.NopCloser(bytes.NewReader(a.Body)), ContentLength: int64(len(a.Body)), Request: r,
	}, nil
}
