// Package scaffold writes the first release.yaml of a module: short, and good
// enough to release the module as it is. What it can it takes from the
// project's own files (package clue) and source code (package gomain).
package scaffold

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/gitinfo"
	"github.com/hallmark-dev/hallmark/internal/spec"
)

// Options of Init and Check.
type Options struct {
	// Root is the module's folder; empty: the working directory.
	Root string
	// File to write, such as release.yaml in Root.
	File string
	// Force replaces a file that exists.
	Force bool
	// Full writes every key that exists, with its explanation.
	Full bool
}

// Init writes a release.yaml for the module in Root, which loads without
// edits and releases the module as it is with the test identity, and adds what
// a release writes to a .gitignore. It asks the files and git, never the
// network and never the person, and returns what was found where. Errors are
// *fault.Error (Usage): no module, no main package, the file exists.
func Init(ctx context.Context, o Options) (*Report, error) {
	if o.Root == "" {
		o.Root = "."
	}
	if _, err := os.Lstat(o.File); err == nil && !o.Force {
		return nil, fault.New(fault.Usage, "%s exists already", o.File).
			Hint("%s compares it with what the project says now, %s replaces it", command.Line("init -check"), command.Line("init -force"))
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("looking for %s: %w", o.File, err)
	}
	git := askGit(ctx, o.Root)
	m, err := inspect(o.Root, git)
	if err != nil {
		return nil, err
	}
	b, err := render(m, o.Full)
	if err != nil {
		return nil, err
	}
	if _, err := spec.Parse(o.File, b, tagged(o.Root, git)); err != nil {
		return nil, fmt.Errorf("the file made for this module would not load: %w", err)
	}
	if err := atomicfile.Write(o.File, b, 0o644); err != nil {
		return nil, err
	}
	added, err := ignore(o.Root, git.exists())
	if err != nil {
		return nil, err
	}
	return report(m, added), nil
}

// tagged is the environment of the module as if HEAD had a version tag: init
// runs at any commit, a release at a tagged one.
func tagged(root string, git repository) spec.Env {
	info := git.Info
	if spec.HighestVersion(info.Tags) == "" {
		info.Tags = append(slices.Clone(info.Tags), "v"+first(spec.HighestVersion(git.Versions), "0.0.0"))
	}
	return spec.Env{Root: root, Git: func(*spec.Spec) (gitinfo.Info, error) { return info, nil }}
}
