// Package filelock keeps two processes from doing the same work in one folder.
package filelock

import (
	"context"
	"fmt"
	"time"

	"github.com/gofrs/flock"
)

const (
	// patience is how long the lock may take before the caller is told.
	patience = 300 * time.Millisecond
	// interval between two attempts.
	interval = 50 * time.Millisecond
)

// Take locks the file at path, which is made if it is not there and stays. While
// another process holds the lock it waits, and calls waiting once if that takes
// more than a moment; nil is not called. ctx ends the wait. A process that dies
// loses its lock.
func Take(ctx context.Context, path string, waiting func()) (release func(), err error) {
	l := flock.New(path)
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ok, err := l.TryLockContext(soon, interval)
	if !ok && soon.Err() != nil && ctx.Err() == nil {
		if waiting != nil {
			waiting()
		}
		ok, err = l.TryLockContext(ctx, interval)
	}
	switch {
	case ctx.Err() != nil && !ok:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() { l.Unlock() }, nil
}
