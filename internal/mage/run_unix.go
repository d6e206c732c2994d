//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"
)

// run becomes the program, so that signals and the exit status are its own. It
// returns only if that fails.
func run(program string, args []string) int {
	err := syscall.Exec(program, append([]string{program}, args...), os.Environ())
	fmt.Fprintf(os.Stderr, "Error: running %s: %v\n", program, err)
	return 1
}
