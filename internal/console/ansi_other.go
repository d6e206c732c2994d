//go:build !windows

package console

import "os"

// ansi reports whether a terminal understands escape sequences.
func ansi(*os.File) bool { return true }
