package dev

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Formatted reports the Go files below root that gofmt would change, without
// those in testdata, in dist and in folders that begin with a dot.
func Formatted(root string) error {
	var errs []error
	walked := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != root && skipped(d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) == ".go" {
			errs = append(errs, formatted(path))
		}
		return nil
	})
	return errors.Join(append(errs, walked)...)
}

func skipped(folder string) bool {
	return folder == "testdata" || folder == "dist" || strings.HasPrefix(folder, ".")
}

func formatted(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	want, err := format.Source(b)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	case !bytes.Equal(b, want):
		return fmt.Errorf("%s is not formatted: gofmt -w %[1]s", path)
	}
	return nil
}
