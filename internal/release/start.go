package release

import (
	"context"
	"io"

	"github.com/hallmark-dev/hallmark/internal/spec/scaffold"
	"github.com/hallmark-dev/hallmark/internal/spec/schema"
)

// Init writes a release.yaml for the module in the project's folder. An
// existing one is only overwritten with force.
func Init(ctx context.Context, o Options, force bool) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	file := o.Getenv("RELEASE_SPEC")
	if file == "" {
		file = DefaultSpec
	}
	if err := scaffold.Init(ctx, scaffold.Options{Root: o.Root, File: o.path(file), Force: force}); err != nil {
		return err
	}
	o.Console.Line("%s is written for the module in this folder; it signs with the throw-away test identity.", file)
	o.Console.Line("Next: read through it, then run mage release.")
	return nil
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
