package rfc3161

import (
	"context"
	"crypto"
	"math/big"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// newServer makes an embedded server of a test identity; edit may change its options.
func newServer(t testing.TB, id *formatstest.Identity, edit func(*ServerOptions)) *Server {
	t.Helper()
	o := ServerOptions{Key: id.Key, Certificate: id.Certificate, Chain: id.Chain}
	if edit != nil {
		edit(&o)
	}
	s, err := NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serve starts a server on loopback and returns its URL.
func serve(t testing.TB, s *Server) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(s)
	srv.Config.ErrorLog = nil
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.URL
}

// clientOf is a client that trusts the test PKI.
func clientOf(t testing.TB, servers []string, o ClientOptions) *Client {
	t.Helper()
	c, err := NewClient(servers, TrustRoots(formatstest.NewPKI(t).TSARoots()), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// counter gives serial numbers 1, 2, 3, …
func counter() func() (*big.Int, error) {
	var n atomic.Int64
	return func() (*big.Int, error) { return big.NewInt(n.Add(1)), nil }
}

// stamped returns a token of the server over data, parsed, and the request it answers.
func stamped(t testing.TB, s *Server, data []byte, h crypto.Hash) (*Token, *Request) {
	t.Helper()
	q, err := NewRequest(data, h, nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := q.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Respond(context.Background(), der)
	if err != nil {
		t.Fatal(err)
	}
	token, err := ParseResponse(answer)
	if err != nil {
		t.Fatal(err)
	}
	return token, q
}

// fixedTime is a clock that stands still.
func fixedTime(t time.Time) func() time.Time { return func() time.Time { return t } }
