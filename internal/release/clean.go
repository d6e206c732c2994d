package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// workDirs are the folders below dist/ that belong to this program as a whole:
// builders and steps keep files there that no record names.
var workDirs = []string{step.BuildDir, step.StageDir, step.EvidenceDir}

// Clean removes from dist/ what releases have written there: the files that the
// ledger names, the working folders, and the ledger. Other files, such as ones
// that are committed, stay, with a note. Links are refused: what they lead to
// is not ours. What .hallmark holds stays, it is not output.
func Clean(ctx context.Context, o Options) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	unlock, err := takeLock(ctx, o)
	if err != nil {
		return err
	}
	defer unlock()
	if err := noLinks(o.Root); err != nil {
		return err
	}
	known, err := recorded(o.Root)
	if err != nil {
		return err
	}
	c := cleaning{root: o.Root, known: known}
	err = c.folder(step.Dist)
	switch {
	case c.removed == 0 && len(c.left) == 0:
		o.Console.Line("there is nothing in dist/")
	default:
		o.Console.Line("removed %d files from dist/", c.removed)
	}
	for _, f := range c.left {
		o.Console.Note("%s stays: it was not written by a release", f)
	}
	return err
}

// noLinks refuses links where a folder of ours should be.
func noLinks(root string) error {
	dist := filepath.Join(root, step.Dist)
	var errs []error
	err := filepath.WalkDir(dist, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			if p == dist && errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		if d.Type()&(fs.ModeSymlink|fs.ModeIrregular) == 0 {
			return nil
		}
		rel, _ := filepath.Rel(root, p)
		errs = append(errs, fault.New(fault.Usage, "%s is a link, and what it points to is not output of a release", filepath.ToSlash(rel)).
			Hint("remove the link, then run %s again", command.Line("clean")))
		return nil
	})
	return errors.Join(append(errs, err)...)
}

// recorded are the files that the ledger names as outputs.
func recorded(root string) (map[string]bool, error) {
	l, err := ledger.Open(filepath.Join(root, filepath.FromSlash(step.LedgerPath)))
	if err != nil {
		return nil, err
	}
	known := map[string]bool{step.LedgerPath: true, step.SumsPath: true}
	for _, out := range l.Outputs() {
		known[out] = true
	}
	return known, nil
}

// cleaning is one run.
type cleaning struct {
	root    string
	known   map[string]bool
	removed int
	left    []string
}

func (c *cleaning) folder(dir string) error {
	entries, err := os.ReadDir(filepath.Join(c.root, filepath.FromSlash(dir)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cleaning: %w", err)
	}
	var errs []error
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		if e.IsDir() {
			errs = append(errs, c.folder(p))
			os.Remove(filepath.Join(c.root, filepath.FromSlash(p))) // succeeds if nothing is left in it
			continue
		}
		errs = append(errs, c.file(p))
	}
	return errors.Join(errs...)
}

func (c *cleaning) file(p string) error {
	if p == step.Dist+"/.gitignore" {
		return nil
	}
	if !c.ours(p) {
		c.left = append(c.left, p)
		return nil
	}
	if err := atomicfile.Remove(filepath.Join(c.root, filepath.FromSlash(p))); err != nil {
		return fmt.Errorf("cleaning: %w", err)
	}
	c.removed++
	return nil
}

func (c *cleaning) ours(p string) bool {
	return c.known[p] || strings.HasPrefix(path.Base(p), atomicfile.Prefix) ||
		slices.ContainsFunc(workDirs, func(d string) bool { return strings.HasPrefix(p, d+"/") })
}
