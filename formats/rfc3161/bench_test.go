package rfc3161

import (
	"crypto"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// BenchmarkTimestamp is a whole exchange over loopback; most of it is the server's
// RSA-3072 private operation.
func BenchmarkTimestamp(b *testing.B) {
	pki := formatstest.NewPKI(b)
	c := clientOf(b, []string{serve(b, newServer(b, pki.TSA, nil))}, ClientOptions{})
	for b.Loop() {
		if _, err := c.Timestamp(b.Context(), signature, crypto.SHA256); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseToken(b *testing.B) {
	token, _ := stamped(b, newServer(b, formatstest.NewPKI(b).TSA, nil), signature, crypto.SHA256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseToken(token.Raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	pki := formatstest.NewPKI(b)
	token, q := stamped(b, newServer(b, pki.TSA, nil), signature, crypto.SHA256)
	for b.Loop() {
		if err := token.Check(signature, CheckOptions{Request: q, Trust: TrustRoots(pki.TSARoots())}); err != nil {
			b.Fatal(err)
		}
	}
}
