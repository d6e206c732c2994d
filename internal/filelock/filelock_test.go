package filelock

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

func TestTake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	release, err := Take(t.Context(), path, func() { t.Error("waited for a free lock") })
	if err != nil {
		t.Fatal(err)
	}
	var told atomic.Int32
	got := make(chan error, 1)
	go func() {
		second, err := Take(t.Context(), path, func() { told.Add(1); release() })
		if err == nil {
			second()
		}
		got <- err
	}()
	if err := <-got; err != nil || told.Load() != 1 {
		t.Errorf("%v, told %d times", err, told.Load())
	}
}

// TestCancelled: the end of the wait leaves nothing behind that waits on.
func TestCancelled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	release, err := Take(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	why := errors.New("the person has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	if _, err := Take(ctx, path, func() { cancel(why) }); !errors.Is(err, why) {
		t.Errorf("error is %v, want the cause", err)
	}
	for range 100 { // timers end in their own time
		if runtime.NumGoroutine() <= before {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines more than before", n-before)
	}
	release()
	if again, err := Take(t.Context(), path, nil); err != nil {
		t.Errorf("after the release: %v", err)
	} else {
		again()
	}
}

func TestNoFolder(t *testing.T) {
	if _, err := Take(t.Context(), filepath.Join(t.TempDir(), "none", "lock"), nil); err == nil {
		t.Error("a lock in a folder that is not there")
	}
}
