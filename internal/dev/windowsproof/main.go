// Windowsproof shows what only an installed Windows can show about Hallmark.
// Run it as an administrator, in the folder of this repository, on a machine
// where a test root may be trusted for a moment:
//
//	go run ./internal/dev/windowsproof
//
// It releases examples/beacon, trusts the test root, asks Windows' own tools,
// and takes the root away again. Each line of the result is proved, refuted or
// open; the exit status is 1 if something was refuted. docs/windows-proof.md
// keeps the results.
package main

import (
	"bytes"
	"context"
	"crypto/sha1" // names a certificate as Windows does
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	m := &machine{exec: func(env []string, name string, args ...string) (string, error) {
		return command(ctx, env, name, args...)
	}}
	refuted, err := m.prove(os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
	}
	if err != nil || refuted > 0 {
		stop()
		os.Exit(1)
	}
}

// machine is the Windows that is asked.
type machine struct {
	exec    func(env []string, name string, args ...string) (string, error)
	program string // hallmark.exe
	dist    string // what the release wrote
	temp    string
}

// command runs a program and returns what it printed, without line ends.
func command(ctx context.Context, env []string, name string, args ...string) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return strings.TrimSpace(out.String()), err
}

// prove makes a release, runs all checks and writes a line for each.
func (m *machine) prove(w io.Writer) (refuted int, err error) {
	if err := m.prepare(); err != nil {
		return 0, err
	}
	defer os.RemoveAll(m.temp)
	root := filepath.Join(m.dist, "test-root.cer")
	der, err := os.ReadFile(root)
	if err != nil {
		return 0, err
	}
	if out, err := m.run("certutil", "-f", "-addstore", "Root", root); err != nil {
		return 0, fmt.Errorf("trusting the test root (are you an administrator?): %w\n%s", err, out)
	}
	defer func() {
		if out, e := m.run("certutil", "-delstore", "Root", fmt.Sprintf("%x", sha1.Sum(der))); e != nil {
			err = errors.Join(err, fmt.Errorf("the test root is still trusted: %w\n%s", e, out))
		}
	}()
	for _, c := range checks() {
		result, detail := "proved", ""
		if err := c.run(m); errors.Is(err, errOpen) {
			result, detail = "open", err.Error()
		} else if err != nil {
			result, detail = "refuted", err.Error()
			refuted++
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", c.name, result, strings.ReplaceAll(detail, "\n", " "))
	}
	return refuted, nil
}

// prepare compiles hallmark and releases examples/beacon with it.
func (m *machine) prepare() error {
	dir, err := os.MkdirTemp("", "windowsproof-")
	if err != nil {
		return err
	}
	m.temp, m.program = dir, filepath.Join(dir, "hallmark.exe")
	if m.dist, err = filepath.Abs("dist"); err != nil {
		return err
	}
	if out, err := m.run("go", "build", "-o", m.program, "./cmd/hallmark"); err != nil {
		return fmt.Errorf("compiling hallmark: %w\n%s", err, out)
	}
	if out, err := m.hallmark("release"); err != nil {
		return fmt.Errorf("releasing examples/beacon: %w\n%s", err, out)
	}
	if len(m.programs()) == 0 {
		return fmt.Errorf("the release left no program in %s", m.dist)
	}
	return nil
}

func (m *machine) run(name string, args ...string) (string, error) { return m.exec(nil, name, args...) }

func (m *machine) hallmark(args ...string) (string, error) { return m.run(m.program, args...) }

// powershell runs a script, whose parameters are environment variables, so
// that no text has to be quoted.
func (m *machine) powershell(script string, env ...string) (string, error) {
	return m.exec(env, "powershell.exe", "-NoProfile", "-NonInteractive", "-Command", "$ErrorActionPreference = 'Stop'\n"+script)
}

// programs are the finished programs for this kind of processor first.
func (m *machine) programs() []string {
	found, _ := filepath.Glob(filepath.Join(m.dist, "release", "*_amd64", "*.exe"))
	return found
}

// signtool finds the newest one of the Windows SDK.
func (m *machine) signtool() (string, error) {
	if path, err := exec.LookPath("signtool.exe"); err == nil {
		return path, nil
	}
	found, _ := filepath.Glob(`C:\Program Files (x86)\Windows Kits\10\bin\10.*\x64\signtool.exe`)
	if len(found) == 0 {
		return "", fmt.Errorf("%w: it has no signtool (Windows SDK)", errOpen)
	}
	return found[len(found)-1], nil
}
