package authenticode_test

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// FuzzVerify looks for files that the verifier cannot stand, and for files that it
// trusts although they are not those that were signed. Nothing is trusted by accident:
// the only root is one that signed no seed.
func FuzzVerify(f *testing.F) {
	for _, pattern := range []string{"jsign/fuzz/*", "jsign/*.exe", "relic/*.exe"} {
		for _, file := range formatstest.CorpusFiles(f, pattern) {
			if b, err := os.ReadFile(file); err == nil && len(b) < 1<<17 {
				f.Add(b)
			}
		}
	}
	for _, file := range sampleFiles(f) {
		if b, err := os.ReadFile(file); err == nil && len(b) < 1<<17 {
			f.Add(b)
		}
	}
	roots := certchain.NewRoots(formatstest.NewPKI(f).UntrustedRoot)
	f.Fuzz(func(t *testing.T, b []byte) {
		o := authenticode.VerifyOptions{Roots: roots, Catalogs: shelf{}}
		r, err := authenticode.Verify(context.Background(), bytes.NewReader(b), int64(len(b)), o)
		if err != nil {
			return
		}
		if r.Trusted || r.Windows.Trusted() {
			t.Errorf("trusted:\n%s", r)
		}
		if _, err := r.JSON(); err != nil {
			t.Error(err)
		}
		blob, err := authenticode.PKCS7(b).Verify(context.Background(), nil, o)
		if err != nil || blob.Trusted {
			t.Errorf("blob: %v %v", blob, err)
		}
	})
}

// FuzzVerifyBlob is the same for the PKCS#7 alone, where most of the structure is.
func FuzzVerifyBlob(f *testing.F) {
	for _, file := range sampleFiles(f) {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if p7, err := authenticode.Extract(bytes.NewReader(b), int64(len(b))); err == nil {
			f.Add([]byte(p7))
		}
	}
	roots := certchain.NewRoots(formatstest.NewPKI(f).UntrustedRoot)
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := authenticode.PKCS7(b).Verify(context.Background(), []int{1, 3, 6, 1, 4, 1, 311, 2, 1, 4}, authenticode.VerifyOptions{Roots: roots})
		if err != nil || r.Trusted || r.Windows.Trusted() {
			t.Errorf("%v %v", r, err)
		}
	})
}
