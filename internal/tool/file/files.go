// Package file does to single files, without a release.yaml, what a
// release does to its programs: sign, timestamp, verify, inspect, take
// signatures out and put them in.
package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// Files says which files are worked on and where results go.
type Files struct {
	// In is a comma-separated list of paths, glob patterns, and @FILE for a
	// file with one of them in each line.
	In string
	// Out is a file, for one input, or an existing folder. Empty changes the
	// files in place, each by an atomic rename.
	Out string
}

// job is one file with its destination.
type job struct{ in, out string }

// expand resolves the patterns. A pattern that matches nothing is an error: a
// mistyped name must not look like success.
func (f Files) expand() ([]string, error) {
	if strings.TrimSpace(f.In) == "" {
		return nil, fault.New(fault.Usage, "no file is named").Hint("name files with -in=, such as -in='dist/*.exe', -in=a.exe,b.dll or -in=@list.txt")
	}
	seen := map[string]bool{}
	var out []string
	var errs []error
	names, err := entries(f.In)
	if err != nil {
		return nil, err
	}
	for _, p := range names {
		matches, err := match(p)
		if err != nil {
			errs = append(errs, err)
		}
		for _, m := range matches {
			if c := filepath.Clean(m); !seen[c] { // ./a.exe is a.exe
				seen[c] = true
				out = append(out, m)
			}
		}
	}
	sort.Strings(out)
	return out, errors.Join(errs...)
}

// entries takes a list apart. Lines of an @FILE may hold commas; empty lines
// and comments (#) count for nothing.
func entries(in string) ([]string, error) {
	var out []string
	for _, p := range strings.Split(in, ",") {
		if p = strings.TrimSpace(p); p == "" {
			return nil, fault.New(fault.Usage, "-in: there is no name before or behind a comma in %q", in)
		}
		name, isList := strings.CutPrefix(p, "@")
		if !isList {
			out = append(out, p)
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, fault.New(fault.Usage, "-in: reading the list of files: %w", err)
		}
		before := len(out)
		for line := range strings.Lines(string(b)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
				out = append(out, line)
			}
		}
		if len(out) == before {
			return nil, fault.New(fault.Usage, "-in: the list %s names no file", name)
		}
	}
	return out, nil
}

// match returns the files that p names: itself if there is such a file, else
// those that match it as a pattern, folders left out.
func match(p string) ([]string, error) {
	if _, err := os.Stat(p); err == nil {
		return []string{p}, nil
	}
	all, err := filepath.Glob(p)
	if err != nil {
		return nil, fault.New(fault.Usage, "-in: %q is not a pattern", p).Hint("the patterns are those of Go's filepath.Match: *, ? and [a-z]")
	}
	var files []string
	for _, m := range all {
		if st, err := os.Stat(m); err == nil && st.Mode().IsRegular() {
			files = append(files, m)
		}
	}
	if len(files) == 0 {
		return nil, fault.New(fault.Usage, "-in: there is no file %s", p)
	}
	return files, nil
}

// jobs pairs each file with its destination. suffix is appended to the names
// in a folder, and to the name of the input where neither Out nor in-place
// work names one; empty means in place.
func (f Files) jobs(suffix string) ([]job, error) {
	in, err := f.expand()
	if err != nil {
		return nil, err
	}
	folder := false
	if st, err := os.Stat(f.Out); err == nil {
		folder = st.IsDir()
	}
	if f.Out != "" && !folder && len(in) > 1 {
		return nil, fault.New(fault.Usage, "-out: %s is not a folder, and there are %d files", f.Out, len(in)).Hint("make the folder first")
	}
	out := make([]job, 0, len(in))
	taken := map[string]string{}
	for _, i := range in {
		o := f.Out
		switch {
		case folder:
			o = filepath.Join(f.Out, filepath.Base(i)+suffix)
		case o == "" && suffix == "":
			o = target(i)
		case o == "":
			o = i + suffix
		}
		if other := taken[o]; other != "" {
			return nil, fault.New(fault.Usage, "-out: %s and %s would both become %s", other, i, o)
		}
		taken[o] = i
		out = append(out, job{i, o})
	}
	return out, nil
}

// target is the file that path leads to: a link that is changed in place stays a
// link. Where it leads nowhere, opening it will say so.
func target(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// each works on all files side by side, shows each and collects every error.
// limit 0 is the number of processors.
func each(ctx context.Context, c *console.Console, jobs []job, limit int, do func(context.Context, job) (note string, err error)) error {
	if limit <= 0 {
		limit = runtime.GOMAXPROCS(0)
	}
	// mage ends the context at Ctrl-C only; a half-written file would be left
	// beside the program if the process just died.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	var g errgroup.Group
	g.SetLimit(limit)
	errs := make([]error, len(jobs))
	for i, j := range jobs {
		g.Go(func() error {
			errs[i] = one(ctx, c, j, do)
			return nil
		})
	}
	g.Wait()
	return errors.Join(errs...)
}

func one(ctx context.Context, c *console.Console, j job, do func(context.Context, job) (string, error)) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", j.in, err)
	}
	began := time.Now()
	end := c.Begin(j.in)
	note, err := do(ctx, j)
	end()
	if err != nil {
		c.Failed(j.in, time.Since(began))
		return fmt.Errorf("%s: %w", j.in, err)
	}
	c.Done(j.in, note, time.Since(began))
	return nil
}

// source is an open file with its size.
type source struct {
	*os.File
	size int64
	mode os.FileMode
}

// open opens a file, and only a file: opening a named pipe would wait for its
// writer for ever.
func open(path string) (*source, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, bare(err)
	}
	if !st.Mode().IsRegular() {
		return nil, fault.New(fault.Usage, "not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, bare(err)
	}
	if st, err = f.Stat(); err != nil {
		f.Close()
		return nil, bare(err)
	}
	return &source{f, st.Size(), st.Mode().Perm()}, nil
}

// readRegular reads a file that a flag names. A pipe could make it wait for
// ever, a folder cannot be read.
func readRegular(path string) ([]byte, error) {
	src, err := open(path)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	return io.ReadAll(src.File)
}

// bare takes off the operation and the path: whoever works on a file names it.
func bare(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Errorf("opening the file: %w", pe.Err)
	}
	return err
}

// errUnchanged tells rewrite to leave the destination alone.
var errUnchanged = errors.New("unchanged")

// rewrite opens j.in and replaces j.out by what change writes. Where change
// says errUnchanged, j.out becomes a copy of j.in if it is another file. The
// disk is waited for when a file changes in place: then nothing else holds its
// bytes. What is made from a read-only file is writable.
func rewrite(j job, change func(src *source, dst *os.File) error) error {
	src, err := open(j.in)
	if err != nil {
		return err
	}
	mode, durability := src.mode|0o200, atomicfile.Unsynced
	if same(j.in, j.out) {
		durability = atomicfile.Synced
	}
	var failed error // shown without the words around it: it did not happen while writing
	err = atomicfile.Rewrite(j.out, src.File, mode, durability, func(dst *os.File) error {
		failed = changed(change(src, dst), dst)
		return failed
	})
	switch {
	case failed == nil:
		return err
	case !errors.Is(failed, errUnchanged):
		return failed
	case same(j.in, j.out):
		return nil
	}
	return atomicfile.Copy(j.out, j.in, mode)
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

func same(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// one of a few words, by a table; the error lists them.
func choice[T any](flag, value string, table map[string]T) (T, error) {
	v, ok := table[value]
	if !ok {
		words := make([]string, 0, len(table))
		for w := range table {
			if w != "" {
				words = append(words, w)
			}
		}
		sort.Strings(words)
		return v, fault.New(fault.Usage, "-%s: %q is not one of %s", flag, value, strings.Join(words, ", "))
	}
	return v, nil
}
