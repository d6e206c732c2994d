package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/hallmark-dev/hallmark/formats/catalog"
	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/inventory"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// Checking says what a catalog is held against.
type Checking struct {
	// Verification says how its signature is judged; In is the catalog.
	args.Verification
	// Dir is the folder with the files; empty judges the signature alone.
	Dir string
	// Unsigned leaves the signature aside.
	Unsigned bool
}

// Check judges a catalog's signature and compares it with the files in a
// folder, as PowerShell's Test-FileCatalog does. It writes what it finds to w;
// an error means that something is not as it should be.
func Check(ctx context.Context, w io.Writer, k Checking) error {
	if k.Policy == "firmware" {
		return fault.New(fault.Usage, "-policy=firmware: firmware reads no catalogs").Hint("leave -policy out")
	}
	file, err := args.Files{In: k.In}.One()
	if err != nil {
		return err
	}
	if k.Dir != "" {
		if err := args.Folder("dir", k.Dir); err != nil {
			return err
		}
	}
	der, err := args.Read("in", file)
	if err != nil {
		return err
	}
	c, err := catalog.Parse(der)
	if err != nil {
		return fmt.Errorf("%s: %w", printable.Text(file), err)
	}
	for _, f := range c.Findings() {
		fmt.Fprintf(w, "unusual: %s\n", printable.Text(fmt.Sprint(f)))
	}
	var bad error
	if !k.Unsigned {
		bad = k.signature(ctx, w, der)
	}
	if k.Dir == "" {
		return bad
	}
	cmp, err := inventory.Compare(ctx, c, k.Dir, itself(k.Dir, file)...)
	if err != nil {
		return errors.Join(bad, err)
	}
	return errors.Join(bad, report(w, cmp))
}

// itself is the catalog's name in the folder, if it lies there.
func itself(dir, file string) []string {
	if rel, ok := inventory.Inside(dir, file); ok {
		return []string{rel}
	}
	return nil
}

func (k Checking) signature(ctx context.Context, w io.Writer, der []byte) error {
	o, err := k.Options()
	if err != nil {
		return err
	}
	rep, err := catalog.Verify(ctx, der, o)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%s\n", rep); err != nil {
		return err
	}
	return args.Refuse(rep)
}

func report(w io.Writer, c *inventory.Comparison) error {
	for _, part := range []struct {
		what  string
		files []string
	}{{"changed", c.Changed}, {"missing", c.Missing}, {"extra", c.Extra}, {"empty, cannot be listed", c.Empty}} {
		for _, f := range part.files {
			fmt.Fprintf(w, "%s: %s\n", part.what, printable.Text(f))
		}
	}
	fmt.Fprintf(w, "%d files as listed, %d changed, %d missing, %d extra\n", len(c.Good), len(c.Changed), len(c.Missing), len(c.Extra))
	if c.OK() {
		return nil
	}
	err := fault.New(fault.Verification, "the folder differs from the catalog: %d changed, %d missing, %d extra", len(c.Changed), len(c.Missing), len(c.Extra))
	if c.Unnamed {
		return err.Hint("the catalog names no files, so a changed file shows as one missing and one extra")
	}
	return err
}
