package step

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"sync"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/pinned"
)

// written holds the bytes that steps wrote in this run, by path relative to the
// project. The runner holds what it finds there against it: otherwise a file
// that something changes right after it was written would be recorded, and
// shipped, as what the step made.
type written struct {
	mu  sync.Mutex
	sum map[string]pinned.Sum
}

func (w *written) note(path string, s pinned.Sum) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sum == nil {
		w.sum = map[string]pinned.Sum{}
	}
	w.sum[path] = s
}

// Write replaces the output at path, relative to the project, by b. The folder
// must exist.
func (r *Run) Write(path string, b []byte) error {
	r.written.note(path, pinned.SumOf(b))
	return atomicfile.Write(r.Abs(path), b, 0o644)
}

// WriteFunc replaces the output at path by what fill writes into the file that
// it is given.
func (r *Run) WriteFunc(path string, fill func(*os.File) error) error {
	return atomicfile.WriteFunc(r.Abs(path), 0o644, r.noting(path, fill))
}

// Rewrite is WriteFunc for a fill that reads from src, which is closed before
// the output is replaced.
func (r *Run) Rewrite(path string, src *os.File, fill func(*os.File) error) error {
	return atomicfile.Rewrite(r.Abs(path), src, 0o644, atomicfile.Synced, r.noting(path, fill))
}

// noting hashes what fill wrote, before the file gets its name.
func (r *Run) noting(path string, fill func(*os.File) error) func(*os.File) error {
	return func(f *os.File) error {
		if err := fill(f); err != nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		h := sha256.New()
		n, err := io.Copy(h, f)
		r.written.note(path, pinned.Sum{Size: n, SHA256: hex.EncodeToString(h.Sum(nil))})
		return err
	}
}

// Written returns what was written to path in this run.
func (r *Run) Written(path string) (pinned.Sum, bool) {
	r.written.mu.Lock()
	defer r.written.mu.Unlock()
	s, ok := r.written.sum[path]
	return s, ok
}
