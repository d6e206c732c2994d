package policy

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/secret"
)

// Compile makes the binary of an XML policy. Without out it gets the name that
// Windows expects, beside the XML.
func Compile(c *console.Console, in, out string, format int, sort string) error {
	if err := need("in", in); err != nil {
		return err
	}
	o, err := compileOptions(format, sort)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	p, err := cipolicy.ReadBytes(b)
	if err != nil {
		return wrong(in, err)
	}
	compiled, err := cipolicy.Compile(p, o)
	if err != nil {
		return wrong(in, err)
	}
	if out == "" {
		out = filepath.Join(filepath.Dir(in), p.FileName())
	}
	for _, w := range p.Validate().Warnings() {
		c.Warn("%s: %s", in, strings.TrimPrefix(w.String(), "warning: "))
	}
	if err := write(out, compiled); err != nil {
		return err
	}
	c.Line("%s  %s, %s, %s, %d bytes", out, p.FileName(), plural(len(p.FileRules), "file rule"), plural(len(p.Signers), "signer"), len(compiled))
	return nil
}

func compileOptions(format int, sort string) (cipolicy.CompileOptions, error) {
	o := cipolicy.CompileOptions{Format: format}
	if format != 0 && (format < 3 || format > 11) {
		return o, fault.New(fault.Usage, "-format=%d: wanted 7, 8 or 9, or to reproduce a binary 3 to 11", format)
	}
	var err error
	o.Order, err = order(sort)
	return o, err
}

func order(sort string) (cipolicy.Order, error) {
	if sort == "" {
		return cipolicy.Quicksort, nil
	}
	o, err := cipolicy.ParseOrder(sort)
	if err != nil {
		return 0, fault.New(fault.Usage, "-sort: %w", err)
	}
	return o, nil
}

// Decompile makes XML of a binary policy, signed or not.
func Decompile(c *console.Console, in, out, sort string) error {
	if err := need("in", in, "out", out); err != nil {
		return err
	}
	o, err := order(sort)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(in)
	if err != nil {
		return err
	}
	d, err := cipolicy.Decompile(b, o)
	if err != nil {
		return wrong(in, err)
	}
	if err := write(out, d.Policy.XML()); err != nil {
		return err
	}
	for _, n := range d.Notes {
		c.Warn("%s", strings.TrimPrefix(n.String(), "warning: "))
	}
	c.Line("%s  format %d, %s, %s", out, d.Format, plural(len(d.Policy.FileRules), "file rule"), plural(len(d.Policy.Signers), "signer"))
	if d.Signature != nil {
		c.Note("the policy is signed; the signature is not part of the XML and was not checked")
	}
	if d.Exact {
		c.Note("compiles to the same bytes with -format=%d -sort=%s", d.Format, d.Order)
	} else {
		c.Warn("the policy does not compile to the same bytes again: another compiler made it")
	}
	return nil
}

// Show writes what a policy says to w.
func Show(w io.Writer, in string) error {
	if err := need("in", in); err != nil {
		return err
	}
	p, err := read(in)
	if err != nil {
		return err
	}
	for _, line := range cipolicy.Describe(p) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// Diff writes what changes from one policy to another.
func Diff(w io.Writer, from, to string) error {
	if err := need("from", from, "to", to); err != nil {
		return err
	}
	a, err := read(from)
	if err != nil {
		return err
	}
	b, err := read(to)
	if err != nil {
		return err
	}
	changes := cipolicy.Diff(a, b)
	if len(changes) == 0 {
		_, err := fmt.Fprintln(w, "the policies say the same")
		return err
	}
	for _, c := range changes {
		if _, err := fmt.Fprintln(w, c); err != nil {
			return err
		}
	}
	return nil
}

// Signing says how to sign a policy.
type Signing struct {
	In, Out, Identity, Password, Chain string
}

// Sign signs a compiled policy.
func Sign(ctx context.Context, c *console.Console, o Signing) error {
	if err := need("in", o.In, "out", o.Out, "identity", o.Identity); err != nil {
		return err
	}
	b, err := os.ReadFile(o.In)
	if err != nil {
		return err
	}
	var password secret.Ref
	if o.Password != "" {
		if password, err = secret.Parse(o.Password); err != nil {
			return usage(err)
		}
	}
	id, err := identity.Open(ctx, o.Identity, identity.Options{Password: password, ChainFiles: list(o.Chain)})
	if err != nil {
		return err
	}
	defer id.Close()
	signed, err := cipolicy.Sign(ctx, b, cms.Signer{Key: id.Key, Certificate: id.Certificate, Chain: id.Chain})
	if err != nil {
		return wrong(o.In, err)
	}
	if err := write(o.Out, signed); err != nil {
		return err
	}
	c.Line("%s  signed by %s", o.Out, id.Certificate.Subject.CommonName)
	return nil
}
