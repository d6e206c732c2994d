package resources

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/winresource"
)

// warnReplaced describes what a program loses when its own manifest, linked from a
// .syso file, gives way to that of the spec: such a program starts without its
// rights, or not at all.
func warnReplaced(r *step.Run, file string, old, now []byte) {
	if lost := losses(old, now); len(lost) > 0 {
		r.Console.Warn("%s has a manifest of its own that is replaced, and loses %s;\ndelete resources.manifest to keep it, or set the same there", file, strings.Join(lost, ", "))
	}
}

// losses compares two manifests. One that cannot be read has nothing to lose:
// Windows does not start such a program.
func losses(old, now []byte) []string {
	before, err := winresource.ReadManifest(old)
	if err != nil {
		return nil
	}
	after, err := winresource.ReadManifest(now)
	if err != nil {
		return nil
	}
	var lost []string
	if level := levelOf(before); level != levelOf(after) {
		lost = append(lost, fmt.Sprintf("the level %s (now %s)", level, levelOf(after)))
	}
	if before.UIAccess && !after.UIAccess {
		lost = append(lost, "uiAccess")
	}
	for _, d := range before.Dependencies {
		if !slices.Contains(after.Dependencies, d) {
			lost = append(lost, "its dependency on "+d)
		}
	}
	return lost
}

// levelOf is the level that Windows uses: without one a program runs as its
// caller.
func levelOf(d winresource.Demands) string {
	if d.Level == "" {
		return "asInvoker"
	}
	return d.Level
}
