// Package file does to single files, without a release.yaml, what a
// release does to its programs: sign, timestamp, verify, inspect, take
// signatures out and put them in.
package file

import (
	"errors"
	"os"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// errUnchanged tells rewrite to leave the destination alone.
var errUnchanged = errors.New("unchanged")

// rewrite opens j.In and replaces j.Out by what change writes. Where change
// says errUnchanged, j.Out becomes a copy of j.In if it is another file. The
// disk is waited for when a file changes in place: then nothing else holds its
// bytes. What is made from a read-only file is writable.
func rewrite(j args.Job, change func(src *args.Source, dst *os.File) error) error {
	src, err := args.Open(j.In)
	if err != nil {
		return err
	}
	mode, durability := src.Mode|0o200, atomicfile.Unsynced
	if args.Same(j.In, j.Out) {
		durability = atomicfile.Synced
	}
	var failed error // shown without the words around it: it did not happen while writing
	err = atomicfile.Rewrite(j.Out, src.File, mode, durability, func(dst *os.File) error {
		failed = changed(change(src, dst), dst)
		if err := src.Unchanged(); err != nil {
			failed = err
		}
		return failed
	})
	switch {
	case failed == nil:
		return err
	case !errors.Is(failed, errUnchanged):
		return failed
	case args.Same(j.In, j.Out):
		return nil
	}
	return atomicfile.Copy(j.Out, j.In, mode)
}

// changed makes sure that a change which went well wrote something: what is
// renamed over a program must not be empty.
func changed(err error, dst *os.File) error {
	if err != nil {
		return err
	}
	st, err := dst.Stat()
	if err == nil && st.Size() == 0 {
		err = errors.New("nothing was written")
	}
	return err
}
