package step

import (
	"context"
	"fmt"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/gitinfo"
)

// maxNamed is how many changed files a message names.
const maxNamed = 5

// CleanTree refuses to release, under the name of a tag, sources that are not
// those of the tag. With the test identity it is a warning, and for a snapshot
// nothing at all.
func (r *Run) CleanTree(ctx context.Context) error {
	if r.Spec.Source.VersionFrom != "git" || r.Spec.Source.Untagged != nil {
		return nil
	}
	files, err := gitinfo.Dirty(ctx, r.Root, r.Env, r.Ours()...)
	if err != nil || len(files) == 0 {
		return err
	}
	message := fmt.Sprintf("the files differ from the commit that %s stands for: %s", r.Spec.Source.Tag, some(files))
	if r.Spec.Sign == nil || r.UsesTestIdentity() {
		r.Console.Warn("%s", message)
		return nil
	}
	return fault.New(fault.Other, "%s", message).
		Hint("commit and tag again, or put the files back (git status); generated files belong in .gitignore").
		Hint("%s releases what is here, signed by the test identity", command.Line("release -snapshot"))
}

// some names the first files of a list.
func some(files []string) string {
	if len(files) <= maxNamed {
		return strings.Join(files, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(files[:maxNamed], ", "), len(files)-maxNamed)
}
