package childproc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestMain lets the test binary play the program that is run.
func TestMain(m *testing.M) {
	switch os.Getenv("CHILDPROC_ROLE") {
	case "":
		os.Exit(m.Run())
	case "fail":
		fmt.Println("on stdout")
		fmt.Fprintln(os.Stderr, "on stderr")
		os.Exit(7)
	case "talk":
		fmt.Println("hello", strings.Join(os.Args[1:], " "))
	case "supervisor": // what Run is for, as a process that can be killed
		Run(context.Background(), Cmd{Path: os.Args[0], Env: role("parent")})
	case "parent":
		startChild().Wait()
	case "leave":
		startChild()
	case "leave and fail":
		startChild()
		os.Exit(7)
	case "child":
		stayConnected()
	}
	os.Exit(0)
}

func role(name string, more ...string) []string {
	return append(append(os.Environ(), "CHILDPROC_ROLE="+name), more...)
}

func TestRun(t *testing.T) {
	var live bytes.Buffer
	out, err := Run(t.Context(), Cmd{Path: os.Args[0], Args: []string{"a b", "c"}, Env: role("talk"), Live: &live})
	if err != nil || out != "hello a b c\n" {
		t.Errorf("got %q, %v", out, err)
	}
	if live.String() != out {
		t.Errorf("live output is %q, want %q", live.String(), out)
	}
}

func TestRunFailure(t *testing.T) {
	_, err := Run(t.Context(), Cmd{Path: os.Args[0], Env: role("fail")})
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error", err)
	}
	if e.ExitCode != 7 || e.Output != "on stderr\non stdout" {
		t.Errorf("got exit code %d and output %q", e.ExitCode, e.Output)
	}
	if !strings.Contains(err.Error(), "on stderr") {
		t.Errorf("the output is missing in %q", err)
	}
}

func TestRunNotFound(t *testing.T) {
	_, err := Run(t.Context(), Cmd{Path: "no-such-program-here"})
	if !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("got %v, want exec.ErrNotFound", err)
	}
}

func TestClipKeepsBothEnds(t *testing.T) {
	c := &clip{max: 20}
	for i := range 100 {
		fmt.Fprintf(c, "%04d,", i)
	}
	got := c.String()
	if !strings.HasPrefix(got, "0000,0001,") || !strings.HasSuffix(got, "0099,") {
		t.Errorf("got %q", got)
	}
	if !strings.Contains(got, "bytes left out") {
		t.Errorf("nothing says that output is missing: %q", got)
	}
}
