package peimage_test

import (
	"context"
	"crypto"
	"runtime"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestMemoryIsFlat counts what one pass over 256 MiB allocates, everything asked for
// but page hashes.
func TestMemoryIsFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("hashes 256 MiB")
	}
	const size, limit = 256 << 20, 4 << 20
	src := sparse{read(t, formatstest.GoProgram(t, "amd64"))}
	im, err := peimage.Parse(src, size)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := im.Digest(context.Background(), src, peimage.Request{Authentihash: []crypto.Hash{crypto.SHA256}, Checksum: true}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > limit {
		t.Errorf("%d bytes were allocated, at most %d are expected", n, limit)
	}
}
