// Package atomicfile writes files so that a reader, or the next run after a
// crash, finds either the old file or the complete new one.
package atomicfile

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hallmark-dev/hallmark/internal/atomicfile/crashpoint"
)

// Prefix of the temporary files, which lie beside the file to be written. A
// crash can leave one behind; Sweep removes them.
const Prefix = ".hallmark-tmp-"

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
// file it is given. When fill fails nothing changes.
func WriteFunc(path string, perm fs.FileMode, fill func(*os.File) error) error {
	return write(path, perm, true, fill)
}

// WriteUnsynced is WriteFunc without waiting for the disk. A crash of this
// program changes nothing about what it promises; a power failure in the
// seconds afterwards can lose the file. It is for results that can be made
// again from other files, where waiting would take longer than making them.
func WriteUnsynced(path string, perm fs.FileMode, fill func(*os.File) error) error {
	return write(path, perm, false, fill)
}

func write(path string, perm fs.FileMode, sync bool, fill func(*os.File) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), Prefix+"*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := finish(f, path, perm, sync, fill); err != nil {
		f.Close()
		os.Remove(f.Name())
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

func finish(f *os.File, path string, perm fs.FileMode, sync bool, fill func(*os.File) error) error {
	if err := fill(f); err != nil {
		return err
	}
	if err := f.Chmod(perm); err != nil {
		return err
	}
	if sync {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	crashpoint.Here("before rename of " + filepath.Base(path))
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	crashpoint.Here("after rename of " + filepath.Base(path))
	if !sync {
		return nil
	}
	return syncDir(filepath.Dir(path))
}

// Copy replaces the file at dst by the bytes of src.
func Copy(dst, src string, perm fs.FileMode) error {
	in, err := os.Open(src)
	if err != nil {
		return fmt.Errorf("copying: %w", err)
	}
	defer in.Close()
	return WriteFunc(dst, perm, func(f *os.File) error {
		_, err := io.Copy(f, in)
		return err
	})
}

// Sweep removes the temporary files that a crash left below dir. Nobody else
// may be writing there.
func Sweep(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Type().IsRegular() && len(d.Name()) > len(Prefix) && d.Name()[:len(Prefix)] == Prefix {
			return os.Remove(path)
		}
		return nil
	})
}
