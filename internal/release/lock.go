package release

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hallmark-dev/hallmark/internal/filelock"
	"github.com/hallmark-dev/hallmark/internal/secret"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// takeLock keeps two releases out of one folder. While another one runs it
// waits and prints a note; ctx ends the wait.
func takeLock(ctx context.Context, o Options) (unlock func(), err error) {
	dir := filepath.Join(o.Root, step.StateDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("taking the folder's lock: %w", err)
	}
	if w := sharedState(o); w != "" {
		o.Console.Warn("%s", w)
	}
	unlock, err = filelock.Take(ctx, filepath.Join(dir, "lock"), func() {
		o.Console.Note("another release is running in this folder; waiting until it is done (Ctrl-C to stop waiting)")
	})
	if ctx.Err() != nil && err != nil {
		return nil, fmt.Errorf("waiting for another release in this folder: %w", err)
	}
	return unlock, err
}

// sharedState is a warning if others may write to the folder with our state:
// test keys, fetched certificates, the history of releases. "" otherwise.
func sharedState(o Options) string {
	dir := filepath.Join(o.Root, step.StateDir)
	st, err := os.Stat(dir)
	if err != nil || !secret.Changeable(st.Mode()) {
		return ""
	}
	return fmt.Sprintf("other users can write to %s (mode %04o): run chmod go-w %s", step.StateDir, st.Mode().Perm(), step.StateDir)
}
