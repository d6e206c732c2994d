// Package atomicfile writes files so that a reader, or the next run after a
// crash, finds either the old file or the complete new one.
//
// A write has three phases: the new content is filled into a temporary file
// beside the target, everything that it was made from is closed, and the
// temporary file is renamed over the target. The order matters on Windows,
// where a file that is open cannot be replaced; so a function that reads one
// file to write another hands its source to Rewrite, which closes it in time.
//
// A target that is marked read-only is left alone on every system, although
// only Windows would refuse to replace it.
package atomicfile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/atomicfile/crashpoint"
)

// Prefix of the temporary files and folders, which lie beside what is to be
// written. A crash can leave one there; Sweep removes them.
const Prefix = ".hallmark-tmp-"

// Durability decides whether a write waits for the disk. Without waiting a crash
// of this program changes nothing about what is promised; a power failure in
// the seconds afterwards can lose the file.
type Durability bool

const (
	// Synced waits until the disk holds the file.
	Synced Durability = true
	// Unsynced does not wait. It is for results that can be made again from
	// other files, where waiting would take longer than making them.
	Unsynced Durability = false
)

// Write replaces the file at path by b with permissions perm. The folder must
// exist.
func Write(path string, b []byte, perm fs.FileMode) error {
	return WriteFunc(path, perm, func(f *os.File) error {
		half := len(b) / 2
		if _, err := f.Write(b[:half]); err != nil {
			return err
		}
		crashpoint.Here("inside write of " + filepath.Base(path))
		_, err := f.Write(b[half:])
		return err
	})
}

// WriteFunc replaces the file at path by what fill writes into the temporary
// file it is given. When fill fails nothing changes. What fill reads it also
// opens and closes; for a source that is open already there is Rewrite.
func WriteFunc(path string, perm fs.FileMode, fill func(dst *os.File) error) error {
	return write(path, nil, perm, Synced, fill)
}

// Rewrite is WriteFunc for content that is made from src, which may be the file
// at path itself. It takes src over: src is closed before path is replaced, and
// also when something fails.
func Rewrite(path string, src *os.File, perm fs.FileMode, d Durability, fill func(dst *os.File) error) error {
	defer src.Close() // a second time after success, which does nothing
	return write(path, src, perm, d, fill)
}

// Copy replaces the file at dst by the bytes of src.
func Copy(dst, src string, perm fs.FileMode) error {
	in, err := os.Open(src)
	if err != nil {
		return fmt.Errorf("copying: %w", err)
	}
	return Rewrite(dst, in, perm, Synced, func(f *os.File) error {
		_, err := io.Copy(f, in)
		return err
	})
}

func write(path string, src io.Closer, perm fs.FileMode, d Durability, fill func(*os.File) error) error {
	if err := replaceable(path); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), Prefix+"*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := finish(f, src, path, perm, d, fill); err != nil {
		f.Close()
		Remove(f.Name())
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// finish fills, closes and replaces.
func finish(f *os.File, src io.Closer, path string, perm fs.FileMode, d Durability, fill func(*os.File) error) error {
	if err := fill(f); err != nil {
		return err
	}
	if err := closeAll(f, src, perm, d); err != nil {
		return err
	}
	crashpoint.Here("before rename of " + filepath.Base(path))
	if err := rename(f.Name(), path); err != nil {
		return err
	}
	crashpoint.Here("after rename of " + filepath.Base(path))
	if d == Unsynced {
		return nil
	}
	return syncDir(filepath.Dir(path))
}

func closeAll(f *os.File, src io.Closer, perm fs.FileMode, d Durability) error {
	if src != nil {
		if err := src.Close(); err != nil {
			return err
		}
	}
	if err := f.Chmod(perm); err != nil {
		return err
	}
	if d == Synced {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return f.Close()
}

// Sweep removes the temporary files and folders that a crash left below dir,
// where no other process may be writing.
func Sweep(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case len(d.Name()) == len(Prefix) || !strings.HasPrefix(d.Name(), Prefix):
			return nil
		case d.IsDir():
			if err := RemoveAll(path); err != nil {
				return err
			}
			return filepath.SkipDir
		case d.Type().IsRegular():
			return Remove(path)
		}
		return nil
	})
}
