// Package policy works on App Control policies without a release.yaml: it
// compiles, decompiles, merges, compares, signs and describes them, and makes
// them of the files in a folder.
package policy

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// read reads the policy that a flag names, from XML or from a compiled
// binary.
func read(flag, name string) (*cipolicy.Policy, error) {
	b, err := args.Read(flag, name)
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

func write(name string, b []byte) error {
	return atomicfile.Write(name, b, 0o644)
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

// each works on the files one after another and collects every error.
func each[T any](all []T, do func(T) error) error {
	var errs []error
	for _, one := range all {
		errs = append(errs, do(one))
	}
	return errors.Join(errs...)
}

// beside pairs policies with what is made of them: never a policy with itself.
func beside(f args.Files, name func(in string) (string, error)) ([]args.Job, error) {
	jobs, err := f.JobsNamed(func(in string, folder bool) (string, error) {
		out, err := name(in)
		if !folder {
			out = filepath.Join(filepath.Dir(in), out)
		}
		return out, err
	})
	if err != nil {
		return nil, err
	}
	return jobs, each(jobs, func(j args.Job) error {
		if args.Same(j.In, j.Out) {
			return fault.New(fault.Usage, "-out: the result would replace %s", j.In)
		}
		return nil
	})
}
