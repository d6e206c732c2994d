package args

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/pinned"
	"github.com/hallmark-dev/hallmark/internal/regular"
)

// Source is an open file with its size.
type Source struct {
	*os.File
	Size int64
	Mode os.FileMode

	path   string
	opened fs.FileInfo
}

// Open opens a file, and only a file: it never waits for the writer of a named
// pipe. The error does not name the file; Each does.
func Open(path string) (*Source, error) {
	f, st, err := regular.Open(path)
	if err != nil {
		return nil, fault.New(fault.Usage, "%w", bare(err))
	}
	return &Source{f, st.Size(), st.Mode().Perm(), path, st}, nil
}

// Unchanged is an error if something wrote the file, or put another one into its
// place, since it was opened. What was read until then may be of both.
func (s *Source) Unchanged() error {
	if err := pinned.Unchanged(s.path, s.File, s.opened); err != nil {
		return fault.New(fault.Other, "%w", err).Hint("find out what writes it, then try again")
	}
	return nil
}

// ReadFile reads a file that Expand has named. The error does not name it.
func ReadFile(path string) ([]byte, error) {
	b, err := regular.Read(path, 0)
	if err != nil {
		return nil, fault.New(fault.Usage, "%w", bare(err))
	}
	return b, nil
}

// bare takes off the operation and the path: the caller names the file.
func bare(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("opening the file: %w", pe.Err)
	}
	return err
}

// Same tells whether two paths are one file that exists.
func Same(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}
