package release

import (
	"context"
	"io"
	"os"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/spec/scaffold"
	"github.com/hallmark-dev/hallmark/internal/spec/schema"
)

// InitOptions are the settings of Init.
type InitOptions struct {
	Force bool // replace files that exist
	Full  bool // write every key that exists, with its explanation
	Check bool // compare instead of writing
	Mage  bool // also write a module with a magefile
}

// Init writes a release.yaml for the module in the project's folder and says
// what it found where; with Check it compares an existing one with what it
// finds now, and fails when something differs.
func Init(ctx context.Context, o Options, i InitOptions) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	file := o.Getenv("RELEASE_SPEC")
	if file == "" {
		file = DefaultSpec
	}
	if i.Check && (i.Force || i.Full || i.Mage) {
		return fault.New(fault.Usage, "-check only compares; it cannot be combined with -force, -full or -mage")
	}
	options := scaffold.Options{Root: o.Root, File: o.path(file), Force: i.Force, Full: i.Full}
	if i.Check {
		return check(ctx, o, options, file)
	}
	if i.Mage {
		return initMage(ctx, o, options, file)
	}
	return write(ctx, o, options, file)
}

func write(ctx context.Context, o Options, options scaffold.Options, file string) error {
	report, err := scaffold.Init(ctx, options)
	if err != nil {
		return err
	}
	o.Console.Line("%s is written for %s; it signs with the throw-away test identity.", file, report.Module)
	for _, l := range report.Lines() {
		o.Console.Line("%s", l)
	}
	o.Console.Line("Next: look through %s, then run %s.", file, command.Line("release"))
	return nil
}

// initMage writes the magefile's module, and the spec unless there is one.
func initMage(ctx context.Context, o Options, options scaffold.Options, file string) error {
	names, err := scaffold.Mage(o.Root, moduleVersion(), options.Force)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(options.File); err != nil || options.Force {
		if err := write(ctx, o, options, file); err != nil {
			return err
		}
	}
	o.Console.Line("%s are a module of their own; the product's go.mod stays as it is.", strings.Join(names, " and "))
	o.Console.Line("To start it: cd release && go mod tidy && go tool mage -w .. release")
	return nil
}

func check(ctx context.Context, o Options, options scaffold.Options, file string) error {
	lines, err := scaffold.Check(ctx, options)
	if err != nil {
		return err
	}
	for _, l := range lines {
		o.Console.Line("%s", l)
	}
	if len(lines) == 0 {
		o.Console.Line("%s agrees with the project's files.", file)
		return nil
	}
	return fault.New(fault.Other, "%s differs from the project's files in %d place(s)", file, len(lines)).
		Hint("edit it, or replace it with %s", command.Line("init -force"))
}

// Schema writes the JSON Schema of release.yaml.
func Schema(w io.Writer) error {
	b, err := schema.JSON()
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}
