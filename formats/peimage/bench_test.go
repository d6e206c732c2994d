package peimage_test

import (
	"context"
	"crypto"
	"os"
	"path/filepath"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// bigFile writes a Go program with an overlay that makes it size bytes long.
func bigFile(b *testing.B, size int64) *os.File {
	b.Helper()
	path := filepath.Join(b.TempDir(), "big.exe")
	if err := os.WriteFile(path, read(b, formatstest.GoProgram(b, "amd64")), 0o600); err != nil {
		b.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(i * 7 >> 3)
	}
	st, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	for off := st.Size(); off < size; off += int64(len(noise)) {
		if _, err := f.WriteAt(noise[:min(int64(len(noise)), size-off)], off); err != nil {
			b.Fatal(err)
		}
	}
	return f
}

func BenchmarkDigest(b *testing.B) {
	sha := []crypto.Hash{crypto.SHA256}
	for name, q := range map[string]peimage.Request{
		"authentihash":          {Authentihash: sha},
		"authentihash+checksum": {Authentihash: sha, Checksum: true},
		"authentihash+pages":    {Authentihash: sha, PageHashes: sha, Checksum: true},
		"everything":            {Authentihash: []crypto.Hash{crypto.SHA1, crypto.SHA256}, PageHashes: sha, Flat: sha, FirstPage: sha, Checksum: true},
	} {
		for _, size := range []int64{2 << 20, 100 << 20} {
			b.Run(name+"/"+sizeName(size), func(b *testing.B) {
				f := bigFile(b, size)
				im, err := peimage.Parse(f, size)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(size)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := im.Digest(context.Background(), f, q); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkDigestAndCopy(b *testing.B) {
	const size = 100 << 20
	f := bigFile(b, size)
	im, err := peimage.Parse(f, size)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		out, err := os.Create(filepath.Join(b.TempDir(), "out.exe"))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := im.DigestAndCopy(context.Background(), out, f, peimage.Request{Authentihash: []crypto.Hash{crypto.SHA256}, Checksum: true}); err != nil {
			b.Fatal(err)
		}
		out.Close()
		os.Remove(out.Name())
	}
}

func sizeName(n int64) string {
	if n < 10<<20 {
		return "2MB"
	}
	return "100MB"
}
