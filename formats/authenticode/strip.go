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
		return unsigned(image)
	}
	if err := checkTable(image); err != nil {
		return err
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

// StripRepair is Strip for files with a directory entry that does not name a sound
// table: the entry is emptied, and all other bytes stay, but for a damaged table that
// ends the file. It returns what was dropped; nil for a file that Strip would have
// taken, with which it does the same. Size in o does not count for a repaired file.
func StripRepair(ctx context.Context, src io.ReaderAt, size int64, dst io.Writer, o peimage.StripOptions) (*peimage.Stale, error) {
	image, err := peimage.Parse(src, size)
	if err != nil {
		return nil, err
	}
	image, stale, err := image.Repair(src)
	if err != nil {
		return nil, err
	}
	if stale == nil {
		return nil, Strip(ctx, src, size, dst, o)
	}
	out, err := newOutput(dst)
	if err != nil {
		return nil, err
	}
	edit, err := image.Cleared(ctx, src, o.Checksum)
	if err != nil {
		return nil, err
	}
	return stale, out.apply(ctx, edit, src, nil)
}
