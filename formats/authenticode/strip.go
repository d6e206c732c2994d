package authenticode

import (
	"context"
	"io"

	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// Strip writes the PE file in src without its certificate table to dst, which starts
// empty: for a file that Sign made out of a Go program, exactly the bytes that it had
// before. What signing overwrites and cannot be known from the signed file is governed
// by o, see peimage.StripOptions. The error is ErrUnsigned for a file without table.
func Strip(ctx context.Context, src io.ReaderAt, size int64, dst io.Writer, o peimage.StripOptions) error {
	image, err := peimage.Parse(src, size)
	if err != nil {
		return err
	}
	if !image.HasSignature() {
		return ErrUnsigned
	}
	out, err := newOutput(dst)
	if err != nil {
		return err
	}
	edit, err := image.Unsigned(ctx, src, o)
	if err != nil {
		return err
	}
	return out.apply(ctx, edit, src, nil)
}
