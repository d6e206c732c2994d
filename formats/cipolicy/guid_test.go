package cipolicy

import (
	"crypto/sha1"
	"testing"
)

// TestNewGUID makes the example of RFC 9562, appendix A.4: version 5 of
// www.example.com in the namespace of DNS names.
func TestNewGUID(t *testing.T) {
	namespace := []byte{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}
	sum := sha1.Sum(append(namespace, "www.example.com"...))
	want := MustGUID("2ed6657d-e927-568b-95e1-2665a8aea6a2")
	if got := NewGUID(sum[:], 5); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
