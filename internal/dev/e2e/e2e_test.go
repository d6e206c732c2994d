package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// result of one run of a program.
type result struct {
	code   int // -1 when it was killed
	out    string
	stdout string
}

// run runs the program in dir with more environment variables.
func run(t *testing.T, dir string, env []string, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	var out, stdout bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &stdout, &out
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String() + out.String(), stdout.String()}
}

// spec signs with the test identity and leaves timestamps out, whose bytes are
// never the same twice.
const spec = `version: 1
project: {name: tiny, version: 1.2.3, company: Tiny Works, description: Prints its name.}
build: {builder: go, binaries: [{main: .}], targets: [windows/amd64]}
resources: {}
sign: {identity: test}
verify: {require_timestamp: false}
portal: {}
`

const tiny = "dist/release/tiny_windows_amd64/tiny.exe"

// TestExitCodes: the exit status reaches the shell, and a program that fails
// below us shows what it said.
func TestExitCodes(t *testing.T) {
	bin := program(t)
	unsigned := "-in=" + formatstest.GoProgram(t, "amd64")
	signed := filepath.Join(t.TempDir(), "signed.exe")
	if r := run(t, t.TempDir(), nil, bin, "file:sign", unsigned, "-out="+signed, "-identity=test"); r.code != 0 {
		t.Fatal(r.out)
	}
	for name, c := range map[string]struct {
		spoil func(dir string)
		args  []string
		code  int
		want  string
	}{
		"done":                {nil, []string{"release"}, 0, "Done in"},
		"broken program":      {func(d string) { write(t, d, "main.go", "package main\n\nfunc main() { x }\n") }, []string{"release"}, 1, "undefined: x"},
		"wrong spec":          {func(d string) { write(t, d, "release.yaml", strings.Replace(spec, "company", "compnay", 1)) }, []string{"release"}, 2, "did you mean"},
		"no spec":             {func(d string) { os.Remove(filepath.Join(d, "release.yaml")) }, []string{"release"}, 2, "hallmark init"},
		"no such target":      {nil, []string{"relase"}, 2, "did you mean release?"},
		"refused file":        {nil, []string{"file:verify", unsigned}, 3, "TRUST_E_NOSIGNATURE"},
		"no such file":        {nil, []string{"file:verify", "-in=none.exe"}, 2, "there is no file"},
		"time server is down": {nil, []string{"file:timestamp", "-in=" + signed, "-server=http://127.0.0.1:1/"}, 4, "127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := module(t, spec)
			if c.spoil != nil {
				c.spoil(dir)
			}
			r := run(t, dir, nil, bin, c.args...)
			if r.code != c.code || !strings.Contains(r.out, c.want) {
				t.Errorf("exit status %d, want %d with %q in\n%s", r.code, c.code, c.want, r.out)
			}
		})
	}
}

// TestSecondReleaseWaits starts two releases at once in one folder: both end
// well, one after the other, and what they leave is one consistent release.
func TestSecondReleaseWaits(t *testing.T) {
	bin, dir := program(t), module(t, spec)
	var results [2]result
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() { results[i] = run(t, dir, nil, bin, "release") })
	}
	wg.Wait()
	idle := 0
	for _, r := range results {
		if r.code != 0 {
			t.Errorf("exit status %d\n%s", r.code, r.out)
		}
		if strings.Contains(r.out, "everything is up to date") {
			idle++
		}
	}
	if idle != 1 {
		t.Errorf("%d of the two releases found everything up to date, want 1\n%s\n---\n%s", idle, results[0].out, results[1].out)
	}
}

// TestOutput: a live line and colours on a terminal, neither of them elsewhere.
func TestOutput(t *testing.T) {
	script := formatstest.Tool(t, "script")
	bin := program(t)
	for name, c := range map[string]struct {
		env          []string
		terminal     bool
		live, colour bool
	}{
		"a file":                  {[]string{"TERM=xterm"}, false, false, false},
		"a terminal":              {[]string{"TERM=xterm", "NO_COLOR=", "CI="}, true, true, true},
		"a terminal, no colour":   {[]string{"TERM=xterm", "NO_COLOR=1", "CI="}, true, true, false},
		"a terminal of a CI":      {[]string{"TERM=xterm", "NO_COLOR=", "CI=true"}, true, false, false},
		"a terminal that is dumb": {[]string{"TERM=dumb", "NO_COLOR=", "CI="}, true, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := module(t, spec)
			name, args := bin, []string{"release"}
			if c.terminal {
				name, args = script, []string{"-qec", "'" + bin + "' release", os.DevNull}
			}
			r := run(t, dir, c.env, name, args...)
			if r.code != 0 {
				t.Fatalf("exit status %d\n%s", r.code, r.out)
			}
			if got := strings.Contains(r.out, "\r\x1b[K"); got != c.live {
				t.Errorf("live line: %v, want %v\n%q", got, c.live, r.out)
			}
			if got := strings.Contains(r.out, "\x1b[1m"); got != c.colour {
				t.Errorf("colour: %v, want %v\n%q", got, c.colour, r.out)
			}
			if !c.terminal && strings.ContainsAny(r.out, "\x1b\r") {
				t.Errorf("control characters in %q", r.out)
			}
		})
	}
}
