package scaffold

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/gitinfo"
	"github.com/hallmark-dev/hallmark/internal/spec"
)

// Options of Init.
type Options struct {
	// Root is the module's folder; empty: the working directory.
	Root string
	// File to write, such as release.yaml in Root.
	File string
	// Force replaces a file that exists.
	Force bool
}

// Init writes a release.yaml for the module in Root, which loads without
// edits and releases the module as it is with the test identity. It asks the
// files and git, never the network. Errors are *fault.Error (Usage): no
// module, no main package, the file exists.
func Init(ctx context.Context, o Options) error {
	if o.Root == "" {
		o.Root = "."
	}
	if _, err := os.Lstat(o.File); err == nil && !o.Force {
		return fault.New(fault.Usage, "%s exists already", o.File).Hint("mage init -force replaces it")
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking for %s: %w", o.File, err)
	}
	git, err := gitinfo.Read(ctx, o.Root)
	if err != nil {
		git = gitinfo.Info{} // a broken repository only means fewer guesses
	}
	m, err := inspect(o.Root, git, gitinfo.Config(ctx, o.Root, "user.name"))
	if err != nil {
		return err
	}
	b, err := render(m)
	if err != nil {
		return err
	}
	if _, err := spec.Parse(o.File, b, spec.Env{Root: o.Root}); err != nil {
		return fmt.Errorf("the file made for this module would not load: %w", err)
	}
	return atomicfile.Write(o.File, b, 0o644)
}
