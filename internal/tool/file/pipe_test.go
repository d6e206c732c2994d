//go:build unix

package file

import (
	"io"
	"syscall"
	"testing"
)

// A pipe that nobody writes to would be waited for without end.
func TestPipesAreRefused(t *testing.T) {
	b := newBench(t)
	if err := syscall.Mkfifo(b.path("pipe.exe"), 0o600); err != nil {
		t.Skip("no named pipes here:", err)
	}
	usage(t, Sign(t.Context(), b.console(), b.signing("pipe.exe")), "not a regular file")
	usage(t, Verify(t.Context(), b.console(), io.Discard, Verification{In: b.path("pipe.exe")}), "not a regular file")
}
