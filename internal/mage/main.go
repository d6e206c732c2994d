// Command mage is what «go tool mage» runs in this repository: mage itself,
// from github.com/magefile/mage, with one thing in front of it.
//
// Before mage runs a target it has the go command see whether the compiled
// magefile is up to date, which takes most of a second: two calls of go list and
// one of go build, each over 300 packages. When a target is named and nothing
// else, this program hashes the files that the magefile is compiled from
// instead, and runs what was compiled from the same ones. Everything else, and
// every case in which the hash could miss something, is left to mage.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/magefile/mage/mage"
)

// folder keeps the compiled magefile, below the root of the repository. It is
// not under version control.
const folder = ".hallmark/mage"

func main() {
	if args := os.Args[1:]; simple(args, os.Environ()) {
		if program, err := compiled("."); err == nil {
			os.Exit(run(program, args))
		} // mage finds the same and says it
	}
	os.Exit(mage.Main())
}

// simple tells whether only targets are named, with no wish to mage itself.
func simple(args, env []string) bool {
	if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		return false
	}
	for _, e := range env {
		// A compiled magefile says "0" of what is not set to the programs that it runs.
		if name, value, _ := strings.Cut(e, "="); strings.HasPrefix(name, "MAGEFILE_") && value != "" && value != "0" {
			return false
		}
	}
	return true
}

// compiled returns the path of the magefile of root, compiled from the files
// that are there now. mage compiles it if need be.
func compiled(root string) (string, error) {
	sum, err := fingerprint(root, os.Environ())
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, filepath.FromSlash(folder))
	program, err := filepath.Abs(filepath.Join(dir, sum+suffix()))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(program); err == nil {
		return program, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	made := filepath.Join(filepath.Dir(program), fmt.Sprintf("making-%d%s", os.Getpid(), suffix()))
	defer os.Remove(made)
	if code := mage.ParseAndRun(io.Discard, io.Discard, os.Stdin, []string{"-compile", made}); code != 0 {
		return "", fmt.Errorf("compiling the magefile: exit status %d", code)
	}
	// A file that was edited meanwhile may or may not be in it.
	if again, err := fingerprint(root, os.Environ()); err != nil || again != sum {
		return "", fmt.Errorf("files changed while the magefile was compiled")
	}
	forget(dir)
	return program, os.Rename(made, program)
}

func suffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// forget removes what was compiled from other files. A program that runs
// stays, where its system does not let go of it.
func forget(dir string) {
	old, _ := filepath.Glob(filepath.Join(dir, strings.Repeat("[0-9a-f]", sumLength)+suffix()))
	for _, name := range old {
		os.Remove(name)
	}
}
