package targets

import "github.com/hallmark-dev/hallmark/internal/command"

// A compiled magefile looks at each word of its command line only when it comes
// to it, and has no place for a check before the first target. Here is one:
// imported packages are initialised before anything runs.
func init() { command.Guard() }
