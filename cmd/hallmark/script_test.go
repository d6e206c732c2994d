package main

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hallmark": main})
}

// TestScripts holds the commands' text and exit status as people see them, one
// file a theme. Each runs in a new folder, without a home, a network or keys.
// HALLMARK_UPDATE_SCRIPTS=1 writes the expected texts anew.
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles programs and makes keys")
	}
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("HALLMARK_UPDATE_SCRIPTS") == "1",
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Setup: func(e *testscript.Env) error {
			e.Setenv("GOCACHE", string(cache[:len(cache)-1]))
			e.Setenv("GOPROXY", "off")
			e.Setenv("NO_COLOR", "1")
			return nil
		},
	})
}

// exits N COMMAND … runs a command that has to end with exit status N; stdout
// and stderr look at what it printed.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND ARGUMENT…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	got := 0
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}
