package cms

import (
	"crypto"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func BenchmarkParse(b *testing.B) {
	sig := realSignatures(b)[0].der
	b.SetBytes(int64(len(sig)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(sig); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMarshal(b *testing.B) {
	s, err := Parse(realSignatures(b)[0].der)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Marshal(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	s, err := Parse(realSignatures(b)[0].der)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := check(s); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSign is dominated by the RSA-3072 private operation; BenchmarkPrepare is the rest.
func BenchmarkSign(b *testing.B) {
	signer := signerOf(formatstest.NewPKI(b).Leaf, crypto.SHA256)
	for b.Loop() {
		if _, err := Sign(b.Context(), ContentInfo{Type: OIDData, DER: octets(payload)}, signer, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPrepare(b *testing.B) {
	signer := signerOf(formatstest.NewPKI(b).Leaf, crypto.SHA256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Prepare(ContentInfo{Type: OIDData, DER: octets(payload)}, signer, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParseBig is a content of 32 MiB, as a catalog with 100,000 members has:
// nothing of it may be copied.
func BenchmarkParseBig(b *testing.B) {
	content := make([]byte, 32<<20)
	head := appendLength([]byte{0x30}, len(content)-6)
	copy(content, head)
	s, err := Sign(b.Context(), ContentInfo{Type: OIDCTL, DER: content}, signerOf(formatstest.NewPKI(b).Leaf, crypto.SHA256), nil)
	if err != nil {
		b.Fatal(err)
	}
	der, err := s.Marshal()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(der); err != nil {
			b.Fatal(err)
		}
	}
}
