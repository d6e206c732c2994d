package targets

import (
	"context"

	"github.com/magefile/mage/mg"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/release"
)

// Goreleaser is about the goreleaser program.
type Goreleaser mg.Namespace

// Install builds the pinned goreleaser into the user's cache, unless there is one already.
func (Goreleaser) Install(ctx context.Context) error {
	return fault.Exit(release.InstallGoreleaser(ctx, options()))
}
