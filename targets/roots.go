package targets

import (
	"context"
	"os"

	"github.com/magefile/mage/mg"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/tool/roots"
)

// Roots are the certificates that verification trusts.
type Roots mg.Namespace

// Update fetches the current roots of Microsoft's root program for code signing and time stamping.
func (Roots) Update(ctx context.Context,
	source *string, // address of the folder that holds authroot.stl (default: Microsoft's server)
) error {
	return do(ctx, func(ctx context.Context) error { return roots.Update(ctx, screen(), str(source)) })
}

// List prints the trusted roots with their thumbprints and purposes.
func (Roots) List() error { return fault.Exit(roots.List(os.Stdout)) }
