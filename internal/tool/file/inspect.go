package file

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// Inspect writes everything that is in the files' signatures to w, as text or
// JSON. It judges nothing.
func Inspect(ctx context.Context, w io.Writer, in string, asJSON bool) error {
	files, err := args.Files{In: in}.Expand()
	if err != nil {
		return err
	}
	type named struct {
		File       string                   `json:"file"`
		Inspection *authenticode.Inspection `json:"inspection"`
	}
	var all []named
	var errs []error
	for _, f := range files {
		i, err := inspect(ctx, f)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", printable.Text(f), err))
			continue
		}
		all = append(all, named{f, i})
	}
	if asJSON {
		b, err := printable.JSON(all)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\n", b)
		return errors.Join(errs...)
	}
	for _, n := range all {
		fmt.Fprintf(w, "%s\n%s\n", printable.Text(n.File), n.Inspection)
	}
	return errors.Join(errs...)
}

func inspect(ctx context.Context, path string) (*authenticode.Inspection, error) {
	src, err := args.Open(path)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	return authenticode.Inspect(ctx, src.File, src.Size)
}
