package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/formatstest"
)

// hallmark compiles this repository's magefile to a program, once, with the
// crash points in it.
var hallmark = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "hallmark-e2e-")
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "hallmark")
	if runtime.GOOS == "windows" {
		out += ".exe"
	}
	cmd := exec.Command("go", "tool", "mage", "-compile", out)
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "GOFLAGS=-tags=crashpoint")
	if b, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compiling the magefile: %v\n%s", err, b)
	}
	return out, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := hallmark(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

func program(t *testing.T) string {
	t.Helper()
	path, err := hallmark()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// result of one run of a program.
type result struct {
	code   int // -1 when it was killed
	out    string
	stdout string
}

// run runs the program in dir with more environment variables.
func run(t *testing.T, dir string, env []string, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
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

// module makes a small module with a spec in a new folder.
func module(t *testing.T, spec string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "go.mod", "module example.com/tiny\n\ngo 1.26.0\n")
	write(t, dir, "main.go", "package main\n\nfunc main() { println(\"tiny\") }\n")
	write(t, dir, "release.yaml", spec)
	return dir
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
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

// TestExitCodes: the exit status reaches the shell, also through go tool mage.
func TestExitCodes(t *testing.T) {
	bin := program(t)
	stamped := strings.Replace(spec, "verify: {require_timestamp: false}", "timestamp: {servers: [test]}", 1)
	for name, c := range map[string]struct {
		spoil func(dir string)
		args  []string
		code  int
		want  string
	}{
		"done":                {func(string) {}, nil, 0, "Done in"},
		"broken program":      {func(d string) { write(t, d, "main.go", "package main\n\nfunc main() { x }\n") }, nil, 1, "undefined: x"},
		"wrong spec":          {func(d string) { write(t, d, "release.yaml", strings.Replace(stamped, "company", "compnay", 1)) }, nil, 2, "did you mean"},
		"no spec":             {func(d string) { os.Remove(filepath.Join(d, "release.yaml")) }, nil, 2, "mage init"},
		"refused file":        {func(string) {}, []string{"file:verify", "-in=" + formatstest.GoProgram(t, "amd64")}, 3, "TRUST_E_NOSIGNATURE"},
		"no such file":        {func(string) {}, []string{"file:verify", "-in=none.exe"}, 2, "there is no file"},
		"time server is down": {func(string) {}, []string{"file:timestamp", "-in=x.exe", "-server=http://127.0.0.1:1/"}, 2, "there is no file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := module(t, stamped)
			c.spoil(dir)
			r := run(t, dir, nil, bin, c.args...)
			if r.code != c.code || !strings.Contains(r.out, c.want) {
				t.Errorf("exit status %d, want %d with %q in\n%s", r.code, c.code, c.want, r.out)
			}
		})
	}
	t.Run("through go tool mage", func(t *testing.T) {
		r := run(t, filepath.Join("..", ".."), []string{"RELEASE_SPEC=no/such.yaml"}, "go", "tool", "mage", "plan")
		if r.code != 2 {
			t.Errorf("exit status %d, want 2\n%s", r.code, r.out)
		}
	})
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

// TestPlainOutput: without a terminal there are no control characters.
func TestPlainOutput(t *testing.T) {
	bin, dir := program(t), module(t, spec)
	r := run(t, dir, nil, bin)
	if r.code != 0 || strings.ContainsAny(r.out, "\x1b\r") {
		t.Errorf("exit status %d, output %q", r.code, r.out)
	}
}
