package pinned_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/pinned"
)

func write(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.New(rand.NewSource(int64(n))).Read(b)
	return b
}

// TestReads: a file gives its bytes, in whatever pieces they are asked for.
func TestReads(t *testing.T) {
	for _, size := range []int{0, 1, 4095, 256 << 10, 256<<10 + 1, 700_000, 1 << 20} {
		want := random(size)
		f, err := pinned.Open(write(t, want))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		h := sha256.Sum256(want)
		if f.Size() != int64(size) || f.Sum().SHA256 != hex.EncodeToString(h[:]) || f.Sum() != pinned.SumOf(want) {
			t.Errorf("%d bytes: %+v", size, f.Sum())
		}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				got, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%d bytes: %d read, %v", size, len(got), err)
				}
			})
		}
		wg.Wait()
		r := rand.New(rand.NewSource(1))
		for range 20 {
			from := r.Intn(size + 1)
			got := make([]byte, r.Intn(size+2))
			n, err := f.ReadAt(got, int64(from))
			if left := size - from; n != min(left, len(got)) || !bytes.Equal(got[:n], want[from:from+n]) || (err == io.EOF) != (len(got) > left) {
				t.Errorf("%d bytes from %d of %d: %d, %v", len(got), from, size, n, err)
			}
		}
		if _, err := f.ReadAt(make([]byte, 1), -1); err == nil {
			t.Error("a negative offset is read")
		}
	}
}

// TestChanged: every change in place is met by who reads there, and by nobody as data.
func TestChanged(t *testing.T) {
	content := random(600_000)
	for name, c := range map[string]struct {
		change func(*os.File) error
		at     int64
	}{
		"first byte":     {func(f *os.File) error { _, err := f.WriteAt([]byte{^content[0]}, 0); return err }, 0},
		"last byte":      {func(f *os.File) error { _, err := f.WriteAt([]byte{^content[599_999]}, 599_999); return err }, 590_000},
		"empty":          {func(f *os.File) error { return f.Truncate(0) }, 0},
		"shorter":        {func(f *os.File) error { return f.Truncate(300_000) }, 299_000},
		"shorter by one": {func(f *os.File) error { return f.Truncate(599_999) }, 550_000},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, content)
			f, err := pinned.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			w, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if err := c.change(w); err != nil {
				t.Fatal(err)
			}
			if n, err := f.ReadAt(make([]byte, 4), c.at); !errors.Is(err, pinned.ErrChanged) || n != 0 {
				t.Errorf("%d bytes, %v", n, err)
			}
			got, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
			if !errors.Is(err, pinned.ErrChanged) || !bytes.Equal(got, content[:len(got)]) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}

// TestReplaced: a file that is replaced by another one goes on giving its own bytes.
func TestReplaced(t *testing.T) {
	path := write(t, random(10))
	f, err := pinned.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Rename(write(t, random(20)), path); err != nil {
		t.Skipf("this system replaces no open file: %v", err)
	}
	if got, err := io.ReadAll(io.NewSectionReader(f, 0, 10)); err != nil || !bytes.Equal(got, random(10)) {
		t.Errorf("%x, %v", got, err)
	}
}

func TestOnlyFiles(t *testing.T) {
	if _, err := pinned.Open(t.TempDir()); err == nil {
		t.Error("a folder is opened")
	}
	if _, err := pinned.Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestUnchanged(t *testing.T) {
	path := write(t, random(10))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := pinned.Unchanged(path, f, before); err != nil {
		t.Error(err)
	}
	if err := f.Truncate(5); err != nil {
		t.Fatal(err)
	}
	if err := pinned.Unchanged(path, f, before); !errors.Is(err, pinned.ErrChanged) {
		t.Errorf("shorter: %v", err)
	}
	if err := f.Truncate(10); err != nil {
		t.Fatal(err)
	}
	if before, err = f.Stat(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(write(t, random(10)), path); err != nil {
		t.Skipf("this system replaces no open file: %v", err)
	}
	if err := pinned.Unchanged(path, f, before); !errors.Is(err, pinned.ErrChanged) {
		t.Errorf("replaced: %v", err)
	}
}
