// Package generate writes the Go files that are derived from package targets:
// the description of all targets in internal/command, and the table of their
// functions in cmd/hallmark. It reads the targets with mage's own parser, so
// that both have exactly the targets and flags that mage sees.
package generate

import (
	"bytes"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/magefile/mage/parse"
)

const header = "// Code generated from package targets: go test ./internal/dev/generate -update. DO NOT EDIT.\n\n"

// Files returns the content of each generated file by its path below the
// module's root.
func Files(root string) (map[string][]byte, error) {
	funcs, err := targets(filepath.Join(root, "targets"))
	if err != nil {
		return nil, err
	}
	table, err1 := format.Source(table(funcs))
	calls, err2 := format.Source(calls(funcs))
	if err1 != nil || err2 != nil {
		return nil, fmt.Errorf("formatting: %v, %v", err1, err2)
	}
	return map[string][]byte{"internal/command/table.go": table, "cmd/hallmark/calls.go": calls}, nil
}

// targets returns what mage finds in the folder, in the order of the names.
func targets(dir string) ([]*parse.Function, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go") {
			files = append(files, e.Name())
		}
	}
	info, err := parse.Package(dir, files, true)
	if err != nil {
		return nil, fmt.Errorf("reading the targets: %w", err)
	}
	funcs := slices.Clone([]*parse.Function(info.Funcs))
	slices.SortFunc(funcs, func(a, b *parse.Function) int { return strings.Compare(name(a), name(b)) })
	return funcs, check(funcs)
}

// check refuses what neither the command line's rules nor the reflective call
// of cmd/hallmark know.
func check(funcs []*parse.Function) error {
	for _, f := range funcs {
		for _, a := range f.Args {
			if !a.Optional {
				return fmt.Errorf("target %s: parameter %s is not a pointer, so it would be a positional argument", name(f), a.Name)
			}
			if a.Comment == "" {
				return fmt.Errorf("target %s: parameter %s has no comment, which is the help of the flag", name(f), a.Name)
			}
		}
	}
	return nil
}

// name is how a target is typed. mage takes any case and lists names with the
// first word in lower case.
func name(f *parse.Function) string {
	parts := strings.Split(f.TargetName(), ":")
	for i, p := range parts {
		if strings.ToUpper(p) == p {
			parts[i] = strings.ToLower(p)
		} else {
			parts[i] = strings.ToLower(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, ":")
}

func table(funcs []*parse.Function) []byte {
	var b bytes.Buffer
	b.WriteString(header + "package command\n\n// Targets returns the description of all targets, in the order of their names.\nfunc Targets() []Target {\nreturn []Target{\n")
	for _, f := range funcs {
		fmt.Fprintf(&b, "{Name: %q, Synopsis: %q, Doc: %q", name(f), f.Synopsis, f.Comment)
		if len(f.Args) > 0 {
			b.WriteString(", Flags: []Flag{\n")
			for _, a := range f.Args {
				fmt.Fprintf(&b, "{%q, %q, %q},\n", a.Name, a.Type, a.Comment)
			}
			b.WriteString("}")
		}
		b.WriteString("},\n")
	}
	b.WriteString("}\n}\n")
	return b.Bytes()
}

func calls(funcs []*parse.Function) []byte {
	var b bytes.Buffer
	b.WriteString(header + "package main\n\nimport \"github.com/hallmark-dev/hallmark/targets\"\n\n// calls returns the function of each target.\nfunc calls() map[string]any {\nreturn map[string]any{\n")
	for _, f := range funcs {
		fn := "targets." + f.Name
		if f.Receiver != "" {
			fn = "targets." + f.Receiver + "{}." + f.Name
		}
		fmt.Fprintf(&b, "%q: %s,\n", name(f), fn)
	}
	b.WriteString("}\n}\n")
	return b.Bytes()
}
