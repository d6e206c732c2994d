// Package policy works on App Control policies without a release.yaml: it
// compiles, decompiles, merges, compares, signs and describes them, and makes
// them of the files in a folder.
package policy

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// read reads a policy from XML or from a compiled binary.
func read(name string) (*cipolicy.Policy, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	p, err := parse(b)
	if err != nil {
		return nil, wrong(name, err)
	}
	return p, nil
}

func parse(b []byte) (*cipolicy.Policy, error) {
	if !binary(b) {
		return cipolicy.ReadBytes(b)
	}
	d, err := cipolicy.Decompile(b, cipolicy.Quicksort)
	if err != nil {
		return nil, err
	}
	return d.Policy, nil
}

// binary tells compiled policies from XML: a small format number, or the
// SEQUENCE of a signed one.
func binary(b []byte) bool {
	return len(b) > 4 && (b[0] < ' ' && b[1] == 0 && b[2] == 0 && b[3] == 0 || b[0] == 0x30)
}

// wrong names the file of an error about a policy. Problems go below it, one a line.
func wrong(name string, err error) error {
	var problems cipolicy.Problems
	if errors.As(err, &problems) {
		return fault.New(fault.Usage, "%s is not a valid policy:\n%w", name, problems)
	}
	return fault.New(fault.Usage, "%s: %w", name, err)
}

// need reports the flags that were left out.
func need(flags ...string) error {
	var missing []string
	for i := 0; i+1 < len(flags); i += 2 {
		if flags[i+1] == "" {
			missing = append(missing, "-"+flags[i]+"=")
		}
	}
	if len(missing) > 0 {
		return fault.New(fault.Usage, "%s must be given", strings.Join(missing, " and "))
	}
	return nil
}

func write(name string, b []byte) error {
	return atomicfile.Write(name, b, 0o644)
}

// list splits a flag that holds several values.
func list(s string) []string {
	var out []string
	for _, v := range strings.Split(s, ",") {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

func usage(err error) error {
	return fault.New(fault.Usage, "%w", err)
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
