// Hallmark releases Go programs for Windows: see the README of the module. The
// program runs the targets of package targets by the same rules as mage, so
// that no magefile is needed:
//
//	hallmark [options] [target [-flag=value …]] …
//
// Without a target it runs release, which is mage's default target, too.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

func main() {
	p := program{out: os.Stdout, err: os.Stderr, calls: calls(), setenv: os.Setenv}
	os.Exit(p.exit(p.run(context.Background(), os.Args[1:])))
}

// exit shows every problem of err and returns the exit status that it asks for.
func (p program) exit(err error) int {
	if err == nil {
		return 0
	}
	for _, problem := range fault.Problems(err) {
		fmt.Fprintf(p.err, "error: %s\n", printable.Lines(problem.Error()))
	}
	return fault.Status(err)
}
