package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

const usage = `hallmark releases Go programs for Windows.

usage: hallmark [options] [target [-flag=value ...]] ...

In a Go module:
  hallmark init        write release.yaml for this module
  hallmark             build, sign, timestamp, verify and document what it names (= hallmark release)
  hallmark plan        show what would run and why

Options, before the target:
  -l            list all targets
  -h [target]   help, for one target with its flags
  -v            show more while it runs
  -t 5m         stop after this time
  -w folder     work in this folder
  -version      print the version

hallmark completion bash|zsh|fish|powershell prints a script for your shell.
`

// help explains one target, or the program.
func (p program) help(words []string) error {
	if len(words) == 0 {
		_, err := fmt.Fprint(p.out, usage)
		return err
	}
	t, ok := command.Find(command.Targets(), words[0])
	if !ok {
		_, err := command.Parse(command.Targets(), words[:1])
		return fault.Exit(err)
	}
	fmt.Fprintf(p.out, "%s\n\nusage: %s\n", strings.TrimSpace(t.Doc), command.Line(t.Name+flagsNote(t)))
	if len(t.Flags) == 0 {
		return nil
	}
	fmt.Fprintln(p.out, "\nFlags:")
	w := tabwriter.NewWriter(p.out, 0, 4, 2, ' ', 0)
	for _, f := range t.Flags {
		fmt.Fprintf(w, "  -%s%s\t%s\n", f.Name, valueNote(f.Kind), f.Help)
	}
	return w.Flush()
}

func flagsNote(t command.Target) string {
	if len(t.Flags) == 0 {
		return ""
	}
	return " [-flag=value ...]"
}

func valueNote(k command.Kind) string {
	return map[command.Kind]string{command.Text: "=TEXT", command.Int: "=N", command.Float: "=X", command.Duration: "=TIME"}[k]
}

// list prints all targets.
func (p program) list() error {
	w := tabwriter.NewWriter(p.out, 0, 4, 2, ' ', 0)
	for _, t := range command.Targets() {
		name := t.Name
		if name == defaultTarget {
			name += "*"
		}
		fmt.Fprintf(w, "  %s\t%s\n", name, t.Synopsis)
	}
	fmt.Fprintln(w, "\n* runs when no target is named")
	return w.Flush()
}
