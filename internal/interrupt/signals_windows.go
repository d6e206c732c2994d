package interrupt

import (
	"os"
	"syscall"
)

// signals end a run. The Go run-time reports Ctrl-C and Ctrl-Break as
// os.Interrupt. It reports a console that is closed, the user logging off and
// the system shutting down as SIGTERM, and keeps Windows waiting, which gives a
// program about five seconds.
var signals = []os.Signal{os.Interrupt, syscall.SIGTERM}

var names = map[os.Signal]string{os.Interrupt: "Ctrl-C or Ctrl-Break", syscall.SIGTERM: "the end of the console or session"}
