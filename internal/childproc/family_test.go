package childproc

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// startChild starts a process that holds the streams of its parent.
func startChild() *exec.Cmd {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "CHILDPROC_ROLE=child")
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := child.Start(); err != nil {
		panic(err)
	}
	return child
}

// stayConnected is a process that would go on for as long as the test lets it.
func stayConnected() {
	c, err := net.Dial("tcp", os.Getenv("CHILDPROC_TEST"))
	if err != nil {
		return
	}
	c.Read(make([]byte, 1)) // the test never writes
}

// family lets processes of a test connect to it, so that it sees them end.
type family struct {
	t *testing.T
	net.Listener
}

func newFamily(t *testing.T) family {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return family{t, l}
}

func (f family) role(name string) []string {
	return role(name, "CHILDPROC_TEST="+f.Addr().String())
}

// patience is far longer than anything here takes.
const patience = time.Minute

// member waits for a process to connect.
func (f family) member() net.Conn {
	f.t.Helper()
	if err := f.Listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience)); err != nil {
		f.t.Fatal(err)
	}
	c, err := f.Accept()
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { c.Close() })
	return c
}

// ends fails the test unless the process at the other end of c ends.
func (f family) ends(c net.Conn) {
	f.t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		f.t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		f.t.Errorf("the process goes on (%v)", err)
	}
}

func TestCancelEndsGrandchildren(t *testing.T) {
	f := newFamily(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	done := make(chan error, 1)
	go func() {
		_, err := Run(ctx, Cmd{Path: os.Args[0], Env: f.role("parent")})
		done <- err
	}()
	child := f.member()
	cancel(why)
	if err := <-done; !errors.Is(err, why) {
		t.Errorf("got %v, want the context's cause", err)
	}
	f.ends(child)
}

func TestCancelledBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, Cmd{Path: os.Args[0], Env: role("talk")}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// TestKilledParentTakesAll: a process that is killed cannot end its children, and
// they still end.
func TestKilledParentTakesAll(t *testing.T) {
	f := newFamily(t)
	supervisor := exec.Command(os.Args[0])
	supervisor.Env = f.role("supervisor")
	if err := supervisor.Start(); err != nil {
		t.Fatal(err)
	}
	child := f.member()
	if err := supervisor.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	supervisor.Wait() //nolint:errcheck // it was killed
	f.ends(child)
}

// TestLeftoverEnds: what a program leaves running, with the program's streams
// open, neither keeps Run waiting nor goes on.
func TestLeftoverEnds(t *testing.T) {
	for name, want := range map[string]int{"leave": 0, "leave and fail": 7} {
		t.Run(name, func(t *testing.T) {
			f := newFamily(t)
			done := make(chan error, 1)
			go func() {
				stdin := strings.NewReader(strings.Repeat("more than a pipe holds ", 100_000))
				_, err := Run(t.Context(), Cmd{Path: os.Args[0], Env: f.role(name), Stdin: stdin})
				done <- err
			}()
			child := f.member()
			err := <-done
			f.ends(child)
			var e *Error
			switch {
			case want == 0 && err != nil:
				t.Errorf("got %v", err)
			case want != 0 && (!errors.As(err, &e) || e.ExitCode != want):
				t.Errorf("got %v, want exit status %d", err, want)
			}
		})
	}
}
