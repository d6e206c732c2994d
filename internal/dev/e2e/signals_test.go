//go:build !windows

package e2e

import (
	"os"
	"syscall"
)

// signals that end a process.
var signals = map[string]os.Signal{"Ctrl-C": os.Interrupt, "SIGTERM": syscall.SIGTERM, "SIGHUP": syscall.SIGHUP, "kill -9": os.Kill}
