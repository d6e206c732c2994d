package authenticode_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// BenchmarkSign signs file to file: a Go program as it is, and one with an overlay that
// makes it 100 MB.
func BenchmarkSign(b *testing.B) {
	p := formatstest.NewPKI(b)
	program := readFile(b, formatstest.GoProgram(b, "amd64"))
	for name, c := range map[string]struct {
		size  int
		pages bool
	}{"program": {len(program), false}, "100MB": {100 << 20, false}, "100MB pages": {100 << 20, true}} {
		b.Run(name, func(b *testing.B) {
			src, err := os.Create(filepath.Join(b.TempDir(), "in.exe"))
			if err != nil {
				b.Fatal(err)
			}
			defer src.Close()
			if _, err := src.Write(program); err != nil {
				b.Fatal(err)
			}
			if err := src.Truncate(int64(c.size)); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(c.size))
			b.ReportAllocs()
			for b.Loop() {
				dst, err := os.Create(filepath.Join(b.TempDir(), "out.exe"))
				if err != nil {
					b.Fatal(err)
				}
				o := authenticode.SignOptions{Signer: signer(p.Leaf), PageHashes: c.pages}
				if _, err := authenticode.Sign(context.Background(), src, int64(c.size), dst, o); err != nil {
					b.Fatal(err)
				}
				dst.Close()
				os.Remove(dst.Name())
			}
		})
	}
}
