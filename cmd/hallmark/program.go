package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// defaultTarget runs when no target is named.
const defaultTarget = "release"

// program is the command line of hallmark.
type program struct {
	out, err io.Writer
	calls    map[string]any // the function of each target
	setenv   func(name, value string) error
}

// options are given before the first target.
type options struct {
	verbose, list, help, version bool
	timeout                      time.Duration
	dir                          string
	words                        []string
}

func parseOptions(args []string) (options, error) {
	var o options
	fs := flag.NewFlagSet("hallmark", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.BoolVar(&o.verbose, "v", false, "")
	fs.BoolVar(&o.list, "l", false, "")
	fs.BoolVar(&o.help, "h", false, "")
	fs.BoolVar(&o.help, "help", false, "")
	fs.BoolVar(&o.version, "version", false, "")
	fs.DurationVar(&o.timeout, "t", 0, "")
	fs.StringVar(&o.dir, "w", "", "")
	if err := fs.Parse(args); err != nil {
		return o, fault.New(fault.Usage, "%v", err).Hint("%s lists the options", command.Line("-h"))
	}
	o.words = fs.Args()
	return o, nil
}

// run does what the arguments ask for. All of them are judged before the first
// target starts.
func (p program) run(ctx context.Context, args []string) error {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	if done, err := p.answer(o); done {
		return err
	}
	if len(o.words) == 0 {
		o.words = []string{defaultTarget}
	}
	todo, err := command.Parse(command.Targets(), o.words)
	if err != nil {
		return fault.Exit(err)
	}
	if o.dir != "" {
		if err := os.Chdir(o.dir); err != nil {
			return fault.New(fault.Usage, "-w=%s: %w", o.dir, err)
		}
	}
	// mg.Verbose, which the targets ask, reads this variable.
	if err := p.setenv("MAGEFILE_VERBOSE", fmt.Sprint(o.verbose)); err != nil {
		return err
	}
	if o.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.timeout, fault.New(fault.Other, "stopped after %s, as -t asked", o.timeout))
		defer cancel()
	}
	for _, c := range todo {
		if err := p.call(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// answer handles what needs no target: help, list, version, completion.
func (p program) answer(o options) (bool, error) {
	first := ""
	if len(o.words) > 0 {
		first = strings.ToLower(o.words[0])
	}
	switch {
	case o.version:
		return true, p.call(context.Background(), command.Call{Target: command.Target{Name: "version"}})
	case o.list:
		return true, p.list()
	case o.help:
		return true, p.help(o.words)
	case first == "help":
		return true, p.help(o.words[1:])
	case first == "completion":
		return true, p.completion(o.words[1:])
	case first == completeWord:
		return true, p.complete(o.words[1:])
	}
	for i, w := range o.words {
		if w == "-h" || w == "-help" || w == "--help" {
			return true, p.help(targetBefore(o.words[:i]))
		}
	}
	return false, nil
}

// targetBefore returns the last target among words: the one that a flag
// belongs to.
func targetBefore(words []string) []string {
	for i := len(words) - 1; i >= 0; i-- {
		if !strings.HasPrefix(words[i], "-") {
			return words[i : i+1]
		}
	}
	return nil
}

// call runs a target's function. Its parameters are a context if it wants one,
// and a pointer for each flag, which is nil for a flag that was left out.
func (p program) call(ctx context.Context, c command.Call) error {
	fn, ok := p.calls[c.Target.Name]
	if !ok {
		return errors.New("there is no function for target " + c.Target.Name)
	}
	f := reflect.ValueOf(fn)
	var in []reflect.Value
	if f.Type().NumIn() > len(c.Target.Flags) {
		in = append(in, reflect.ValueOf(ctx))
	}
	for _, flag := range c.Target.Flags {
		arg := reflect.Zero(f.Type().In(len(in)))
		if v, given := c.Values[flag.Name]; given {
			arg = reflect.New(arg.Type().Elem())
			arg.Elem().Set(reflect.ValueOf(v))
		}
		in = append(in, arg)
	}
	for _, out := range f.Call(in) {
		if err, ok := out.Interface().(error); ok && err != nil {
			return err
		}
	}
	return nil
}
