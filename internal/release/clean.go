package release

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// Clean removes everything in dist/ but its .gitignore. What .hallmark holds
// (test identity, fetched certificates) stays: it is not output.
func Clean(ctx context.Context, o Options) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	unlock, err := takeLock(ctx, o)
	if err != nil {
		return err
	}
	defer unlock()
	dist := filepath.Join(o.Root, step.Dist)
	entries, err := os.ReadDir(dist)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cleaning: %w", err)
	}
	for _, e := range entries {
		if e.Name() == ".gitignore" {
			continue
		}
		if err := atomicfile.RemoveAll(filepath.Join(dist, e.Name())); err != nil {
			return fmt.Errorf("cleaning: %w", err)
		}
	}
	return nil
}
