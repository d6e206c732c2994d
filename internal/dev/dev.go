// Package dev checks this repository itself: it is behind the targets test,
// lint and check of the magefile and of no use to those who import the
// targets.
package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Linters are run at these versions without being dependencies: they need the
// network once.
const staticcheck = "honnef.co/go/tools/cmd/staticcheck@v0.8.2"

// actionlint judges the workflows.
const actionlint = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"

// check is a command of the Go tool that fails where something is wrong.
type check struct {
	env  []string
	args []string
}

// lints are made in this order. The tag mage adds the magefile of the root
// folder. Without cgo the other systems need no C compiler.
var lints = []check{
	{nil, []string{"vet", "./..."}},
	{nil, []string{"vet", "-tags=mage", "."}},
	{[]string{"GOOS=windows", "CGO_ENABLED=0"}, []string{"vet", "./..."}},
	{[]string{"GOOS=darwin", "CGO_ENABLED=0"}, []string{"vet", "./..."}},
	{nil, []string{"run", staticcheck, "./..."}},
	{nil, []string{"run", staticcheck, "-tags=mage", "."}},
	{nil, []string{"run", actionlint}},
}

// Lint checks formatting, then everything that go vet and staticcheck find. It
// goes through all checks and fails if any of them did.
func Lint(ctx context.Context, w io.Writer) error {
	errs := []error{Formatted(".")}
	for _, c := range lints {
		errs = append(errs, c.run(ctx, w))
	}
	return errors.Join(errs...)
}

// Test runs all tests.
func Test(ctx context.Context, w io.Writer) error {
	return check{nil, []string{"test", "./..."}}.run(ctx, w)
}

// run shows the command and what it says.
func (c check) run(ctx context.Context, w io.Writer) error {
	line := strings.Join(append(append(c.env[:len(c.env):len(c.env)], "go"), c.args...), " ")
	fmt.Fprintln(w, line)
	cmd := exec.CommandContext(ctx, "go", c.args...)
	cmd.Env = append(os.Environ(), c.env...)
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	return nil
}
