//go:build unix

package interrupt

import (
	"os"
	"syscall"
)

// signals end a run: Ctrl-C, a CI service or init system that ends its job, a
// terminal that is closed.
var signals = []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}

var names = map[os.Signal]string{os.Interrupt: "Ctrl-C (SIGINT)", syscall.SIGTERM: "SIGTERM", syscall.SIGHUP: "SIGHUP"}
