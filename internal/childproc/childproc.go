// Package childproc runs another program: its output is captured, comes back
// inside the error when it fails, and a cancelled context ends the program
// together with everything that it started.
//
// No program outlives this process. On Windows each runs in a job object that
// ends with its last handle. Elsewhere each runs in a process group with a
// guard, a shell that kills the group when this process is gone. Programs that
// leave their group or job on purpose, as daemons do, are left alone.
package childproc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// maxOutput bounds what is kept of each output stream, in bytes. Of a longer
// stream the beginning and the end are kept: compilers print what matters first,
// build tools last.
const maxOutput = 1 << 20

// linger is how long what a program started may go on writing after the
// program's end, and how long its pipes may stay open after a kill.
const linger = time.Second

// Cmd describes what to run.
type Cmd struct {
	// Path of the program, or a name to look up in PATH.
	Path string
	Args []string
	// Dir to run in. Empty: the current folder.
	Dir string
	// Env is the whole environment. nil: that of this process.
	Env []string
	// Stdin, if set, is what the program reads.
	Stdin io.Reader
	// Stdout, if set, receives the whole of standard output, however long it is.
	// Run keeps nothing of it then.
	Stdout io.Writer
	// Live, if set, also receives both streams as they come.
	Live io.Writer
}

// Error is a program that could not be started, that failed, or that was cut
// short by the context.
type Error struct {
	// Program is the base name of what ran, Args its arguments.
	Program string
	Args    []string
	// Output is stderr followed by stdout, without blank lines at the ends.
	Output string
	// ExitCode is -1 when the program did not start or was killed.
	ExitCode int
	// Cause is the context's error, exec.ErrNotFound or an *exec.ExitError.
	Cause error
}

// Error names program and cause in the first line; the output follows.
func (e *Error) Error() string {
	head := fmt.Sprintf("running %s: %v", e.Program, e.Cause)
	if e.Output == "" {
		return head
	}
	return head + "\n" + e.Output
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Run runs c to its end and returns what it wrote to standard output. A
// failure is an *Error.
//
// What the program started ends with it: a second after its end, when its
// output streams are still open somewhere, and at once when ctx is cancelled.
// It also ends with this process, even if that is killed.
func Run(ctx context.Context, c Cmd) (string, error) {
	stdout, stderr := &clip{max: maxOutput}, &clip{max: maxOutput}
	err := run(ctx, c, cmp.Or[io.Writer](c.Stdout, stdout), stderr)
	if err == nil {
		return stdout.String(), nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return stdout.String(), &Error{
		Program:  filepath.Base(c.Path),
		Args:     c.Args,
		Output:   strings.TrimSpace(strings.TrimSpace(stderr.String()) + "\n" + strings.TrimSpace(stdout.String())),
		ExitCode: exitCode(err),
		Cause:    err,
	}
}

func run(ctx context.Context, c Cmd, stdout, stderr io.Writer) error {
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	s := &streams{}
	if err := s.connect(cmd, c.Stdin, stdout, stderr, c.Live); err != nil {
		s.abandon()
		return err
	}
	g, err := newGroup()
	if err != nil {
		s.abandon()
		return err
	}
	defer g.close()
	cmd.Cancel = g.kill
	// Linux ends a child when the thread that started it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := g.start(cmd); err != nil {
		s.abandon()
		return err
	}
	if ctx.Err() != nil { // it may have ended before the program was in the group
		g.kill()
	}
	s.started()
	err = cmd.Wait() // for the program alone: all its streams are files
	if ctx.Err() != nil || !s.drained(linger) {
		g.kill()
		s.drained(linger)
	}
	s.abandon()
	return err
}

func exitCode(err error) int {
	if e := (*exec.ExitError)(nil); errors.As(err, &e) {
		return e.ExitCode()
	}
	return -1
}
