package peimage

import (
	"context"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// copyInKernel copies with copy_file_range(2) at explicit offsets, so that the files'
// positions do not move. It returns how many bytes it has copied; the caller copies the
// rest, for example where the file system cannot do it.
func copyInKernel(ctx context.Context, dst io.WriterAt, src io.ReaderAt, size int64) (int64, error) {
	from, ok := src.(*os.File)
	if !ok {
		return 0, nil
	}
	to, ok := dst.(*os.File)
	if !ok {
		return 0, nil
	}
	rawFrom, err := from.SyscallConn()
	if err != nil {
		return 0, nil
	}
	rawTo, err := to.SyscallConn()
	if err != nil {
		return 0, nil
	}
	var done int64
	for done < size {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		n := 0
		readAt, writeAt := done, done
		controlErr := rawFrom.Control(func(in uintptr) {
			err = rawTo.Control(func(out uintptr) {
				n, _ = unix.CopyFileRange(int(in), &readAt, int(out), &writeAt, int(min(copyStep, size-done)), 0)
			})
		})
		if controlErr != nil || err != nil || n <= 0 {
			break
		}
		done += int64(n)
	}
	return done, nil
}
