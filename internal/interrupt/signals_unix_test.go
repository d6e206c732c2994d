//go:build unix

package interrupt

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
)

// halfway is called by the run when it is halfway through a file. The test sends
// the signal.
func halfway() {}

func TestSignals(t *testing.T) {
	for _, s := range signals {
		t.Run(names[s], func(t *testing.T) {
			if signal.Ignored(s) {
				t.Skip("the tests run with this signal ignored, as below nohup, and so does what they start")
			}
			cmd, path, said := start(t, nil)
			if err := cmd.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			cmd.Wait() //nolint:errcheck // its status is looked at
			endedWell(t, cmd, path, said.String(), names[s])
		})
	}
}

// TestIgnoredSignal: nohup starts a program with SIGHUP ignored.
func TestIgnoredSignal(t *testing.T) {
	cmd, path, said := start(t, func(c *exec.Cmd) {
		c.Path, c.Args = "/bin/sh", []string{"sh", "-c", `trap "" HUP; exec "$0"`, c.Path}
	})
	for _, s := range []os.Signal{syscall.SIGHUP, syscall.SIGTERM} {
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Wait() //nolint:errcheck // its status is looked at
	endedWell(t, cmd, path, said.String(), names[syscall.SIGTERM])
}
