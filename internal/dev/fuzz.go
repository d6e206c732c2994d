package dev

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

var fuzzTarget = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(\w+ \*testing\.F\)`)

// fuzzTargets finds the fuzz targets below root: "./package FuzzName".
func fuzzTargets(root string) ([][2]string, error) {
	var found [][2]string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "dist") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.Contains(b, []byte("NewRig(f)")) {
			return nil // against programs under wine: minutes for a few inputs, so by hand
		}
		rel, err := filepath.Rel(root, filepath.Dir(path))
		for _, m := range fuzzTarget.FindAllSubmatch(b, -1) {
			found = append(found, [2]string{"./" + filepath.ToSlash(rel), string(m[1])})
		}
		return err
	})
	return found, err
}

// Fuzz runs every fuzz target for the given time. New inputs are minimised in
// a few steps only: Go's default of a minute each leaves no time to find any.
func Fuzz(ctx context.Context, w io.Writer, each time.Duration) error {
	targets, err := fuzzTargets(".")
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return errors.New("there are no fuzz targets here")
	}
	var errs []error
	for _, t := range targets {
		args := []string{"test", t[0], "-run=^$", "-fuzz=^" + t[1] + "$", fmt.Sprintf("-fuzztime=%s", each), "-fuzzminimizetime=5x"}
		errs = append(errs, check{nil, args}.run(ctx, w))
	}
	return errors.Join(errs...)
}
