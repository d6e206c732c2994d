package authenticode_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"os"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// FuzzSignatures: what can be read as signatures can be edited, described and read
// again; nothing panics.
func FuzzSignatures(f *testing.F) {
	p := formatstest.NewPKI(f)
	for _, b := range signedCases(f) {
		f.Add(extract(f, b))
	}
	for _, path := range formatstest.CorpusFiles(f, "jsign/*.cat") {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(extract(f, signed(f, readFile(f, formatstest.GoProgram(f, "amd64")), authenticode.SignOptions{Signer: signer(p.Leaf), IntentToSeal: true})))
	f.Add(extract(f, sealedFile(f, p.Leaf)))
	f.Fuzz(func(t *testing.T, p7 []byte) {
		if bare, err := authenticode.PKCS7(p7).Unseal(); err == nil {
			if _, err := authenticode.PKCS7(bare).Unseal(); err == nil {
				t.Fatal("there is a seal left")
			}
		}
		in, err := authenticode.PKCS7(p7).Inspect()
		if err == nil {
			_ = in.String()
		}
		sigs, err := authenticode.PKCS7(p7).Signatures()
		if err != nil {
			return
		}
		for i := range sigs {
			edited, err := authenticode.PKCS7(p7).AddCertificates(i, []*x509.Certificate{p.CrossRoot})
			if err != nil {
				continue // the fuzzer found something that cannot be written in DER without breaking it
			}
			again, err := authenticode.PKCS7(edited).Signatures()
			if err != nil || len(again) != len(sigs) {
				t.Fatalf("%d signatures became %d: %v", len(sigs), len(again), err)
			}
			tagged, err := authenticode.PKCS7(p7).ReplaceTag(i, []byte("tag"))
			if err != nil {
				t.Fatalf("certificates can be added, a tag cannot: %v", err)
			}
			if again, err := authenticode.PKCS7(tagged).Signatures(); err != nil || len(again) != len(sigs) {
				t.Fatalf("%d signatures became %d: %v", len(sigs), len(again), err)
			}
		}
	})
}

// FuzzInspect: no file makes the inspector or the extractor panic.
func FuzzInspect(f *testing.F) {
	for _, pattern := range []string{"jsign/fuzz/*", "jsign/*.exe"} {
		for _, path := range formatstest.CorpusFiles(f, pattern) {
			b, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b[:min(len(b), 64<<10)])
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in, err := authenticode.Inspect(context.Background(), bytes.NewReader(b), int64(len(b)))
		if err == nil {
			_ = in.String()
		}
		p7, err := authenticode.Extract(bytes.NewReader(b), int64(len(b)))
		if err == nil && len(p7) == 0 {
			t.Fatal("nothing extracted, and no error")
		}
	})
}
