package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/robustio"

	"github.com/hallmark-dev/hallmark/internal/fault"
)

// ErrReadOnly is a target that is marked read-only: without any write
// permission, or with the attribute of that name on Windows.
var ErrReadOnly = errors.New("the file is read-only")

// replaceable refuses what a rename could not, or should not, replace. It looks
// before anything is written, so that the answer does not depend on the system.
func replaceable(path string) error {
	if name := filepath.Base(path); name != ".." && !filepath.IsLocal(name) {
		return fmt.Errorf("%s is the name of a device or stream on Windows, not of a file", name)
	}
	st, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case st.IsDir():
		return errors.New("there is a folder of this name")
	case st.Mode().IsRegular() && st.Mode().Perm()&0o222 == 0:
		return fault.New(fault.Other, "%w", ErrReadOnly).Hint("make it writable, or write to another file")
	}
	return nil
}

// Move renames the file from to to, on the same file system, and replaces what
// is there. On Windows it tries for two seconds while another program, often a
// virus scanner, has one of them open.
func Move(from, to string) error {
	if err := replaceable(to); err != nil {
		return fmt.Errorf("moving %s to %s: %w", from, to, err)
	}
	return rename(from, to)
}

func rename(from, to string) error {
	err := robustio.Rename(from, to)
	if err != nil && inUse(err) {
		return fault.New(fault.Other, "%w", err).Hint("close the program that has %s open; a program that is running cannot be replaced", to)
	}
	return err
}

// MoveDir renames a folder. Unlike a file, a folder never replaces another.
func MoveDir(from, to string) error { return robustio.Rename(from, to) }

// Remove removes one file or empty folder, with the patience of Move.
func Remove(path string) error {
	err := os.Remove(path)
	if err == nil || !inUse(err) {
		return err
	}
	if st, statErr := os.Lstat(path); statErr != nil || st.IsDir() {
		return err
	}
	return robustio.RemoveAll(path)
}

// RemoveAll removes a file or folder with all it holds, with the patience of
// Move. What does not exist is not an error.
func RemoveAll(path string) error { return robustio.RemoveAll(path) }
