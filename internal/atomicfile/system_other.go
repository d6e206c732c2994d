//go:build !windows

package atomicfile

import (
	"errors"
	"os"
	"syscall"
)

// syncDir makes the rename durable. File systems that cannot sync a folder
// say EINVAL, which leaves nothing to do.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

// inUse is about Windows: elsewhere an open file can be replaced and removed.
func inUse(error) bool { return false }
