package peimage

import (
	"context"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"
)

// copyStep is how much is copied between two looks at the context.
const copyStep = 8 << 20 // bytes

// CopyTo writes the first Keep bytes of src to dst. Between two files the kernel does
// it where it can, without the bytes passing through this process, or shares the
// blocks.
func (e *Edit) CopyTo(ctx context.Context, dst io.WriterAt, src io.ReaderAt) error {
	return copyRange(ctx, dst, src, e.Keep)
}

func copyRange(ctx context.Context, dst io.WriterAt, src io.ReaderAt, size int64) error {
	off, err := copyInKernel(ctx, dst, src, size)
	if err != nil {
		return err
	}
	buf := make([]byte, min(chunkSize, size-off))
	for off < size {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := buf[:min(int64(len(buf)), size-off)]
		if err := readFull(src, b, off); err != nil {
			return fmt.Errorf("copying PE file at offset 0x%x: %w", off, err)
		}
		if _, err := dst.WriteAt(b, off); err != nil {
			return fmt.Errorf("copying PE file at offset 0x%x: %w", off, err)
		}
		off += int64(len(b))
	}
	return nil
}

// DigestAndCopy is Digest, with the bytes before the certificate table written to dst
// at the same time, so that Edit.ApplyTo can finish the signed file. On an error dst
// holds anything.
func (im *Image) DigestAndCopy(ctx context.Context, dst io.WriterAt, src io.ReaderAt, q Request) (*Digests, error) {
	var d *Digests
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return copyRange(ctx, dst, src, min(im.ContentSize(), im.Size)) })
	work.Go(func() (err error) {
		d, err = im.Digest(ctx, src, q)
		return err
	})
	if err := work.Wait(); err != nil {
		return nil, err
	}
	return d, nil
}
