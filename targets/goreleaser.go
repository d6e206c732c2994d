package targets

import (
	"context"

	"github.com/magefile/mage/mg"

	"github.com/hallmark-dev/hallmark/internal/release"
)

// Goreleaser is about the goreleaser program.
type Goreleaser mg.Namespace

// Install builds the pinned goreleaser into the user's cache, unless there is one already.
func (Goreleaser) Install(ctx context.Context) error {
	return do(ctx, func(ctx context.Context) error { return release.InstallGoreleaser(ctx, options()) })
}
