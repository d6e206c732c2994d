// Package childproc runs another program: its output is captured, comes back
// inside the error when it fails, and a cancelled context ends the program
// together with everything that it started.
package childproc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// maxOutput bounds what is kept of each output stream, in bytes. Of a longer
// stream the beginning and the end are kept: compilers say what matters first,
// build tools last.
const maxOutput = 1 << 20

// waitDelay is how long a cancelled program's pipes may stay open.
const waitDelay = 5 * time.Second

// Cmd says what to run.
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
func Run(ctx context.Context, c Cmd) (string, error) {
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	cmd.Dir, cmd.Env, cmd.Stdin = c.Dir, c.Env, c.Stdin
	cmd.WaitDelay = waitDelay
	killGroup(cmd)
	stdout, stderr := &clip{max: maxOutput}, &clip{max: maxOutput}
	cmd.Stdout, cmd.Stderr = tee(stdout, stderr, c.Live)
	err := cmd.Run()
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

func exitCode(err error) int {
	if e := (*exec.ExitError)(nil); errors.As(err, &e) {
		return e.ExitCode()
	}
	return -1
}

// tee copies both streams to live under one lock, so that lines of one do not
// tear lines of the other.
func tee(stdout, stderr, live io.Writer) (io.Writer, io.Writer) {
	if live == nil {
		return stdout, stderr
	}
	shared := &locked{w: live}
	return io.MultiWriter(stdout, shared), io.MultiWriter(stderr, shared)
}

type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// clip keeps the first and the last max/2 bytes written to it.
type clip struct {
	max     int
	head    bytes.Buffer
	tail    []byte
	dropped int
}

func (c *clip) Write(p []byte) (int, error) {
	n := len(p)
	if room := c.max/2 - c.head.Len(); room > 0 {
		take := min(room, len(p))
		c.head.Write(p[:take])
		p = p[take:]
	}
	c.tail = append(c.tail, p...)
	if over := len(c.tail) - c.max/2; over > c.max/2 {
		c.dropped += over
		c.tail = append(c.tail[:0], c.tail[over:]...)
	}
	return n, nil
}

func (c *clip) String() string {
	if c.dropped == 0 {
		return c.head.String() + string(c.tail)
	}
	return fmt.Sprintf("%s\n… %d bytes left out …\n%s", c.head.String(), c.dropped, c.tail)
}
