package policy

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// Compile makes the binaries of XML policies. Without Out each gets the name
// that Windows expects, beside the XML.
func Compile(c *console.Console, f args.Files, format int, sort string) error {
	o, err := compileOptions(format, sort)
	if err != nil {
		return err
	}
	policies := map[string]*cipolicy.Policy{}
	load := func(in string) (p *cipolicy.Policy, err error) {
		if policies[in] == nil {
			policies[in], err = readXML(in)
		}
		return policies[in], err
	}
	jobs, err := beside(f, func(in string) (string, error) {
		p, err := load(in)
		if err != nil {
			return "", err
		}
		return p.FileName(), nil
	})
	if err != nil {
		return err
	}
	return each(jobs, func(j args.Job) error {
		p, err := load(j.In)
		if err != nil {
			return err
		}
		return compile(c, j, p, o)
	})
}

func compile(c *console.Console, j args.Job, p *cipolicy.Policy, o cipolicy.CompileOptions) error {
	compiled, err := cipolicy.Compile(p, o)
	if err != nil {
		return wrong(j.In, err)
	}
	for _, w := range p.Validate().Warnings() {
		c.Warn("%s: %s", j.In, strings.TrimPrefix(w.String(), "warning: "))
	}
	if err := write(j.Out, compiled); err != nil {
		return err
	}
	c.Line("%s  %s, %s, %s, %d bytes", j.Out, p.FileName(), plural(len(p.FileRules), "file rule"), plural(len(p.Signers), "signer"), len(compiled))
	return nil
}

func readXML(name string) (*cipolicy.Policy, error) {
	b, err := args.Read("in", name)
	if err != nil {
		return nil, err
	}
	p, err := cipolicy.ReadBytes(b)
	if err != nil {
		return nil, wrong(name, err)
	}
	return p, nil
}

func compileOptions(format int, sort string) (cipolicy.CompileOptions, error) {
	o := cipolicy.CompileOptions{Format: format}
	if format != 0 && (format < 3 || format > 11) {
		return o, fault.New(fault.Usage, "-format=%d: must be 7, 8 or 9 (3 to 11 only to reproduce a binary)", format)
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

// Decompile makes XML of binary policies, signed or not, beside them unless Out
// is given.
func Decompile(c *console.Console, f args.Files, sort string) error {
	o, err := order(sort)
	if err != nil {
		return err
	}
	jobs, err := beside(f, func(in string) (string, error) {
		base := filepath.Base(in)
		return strings.TrimSuffix(base, filepath.Ext(base)) + ".xml", nil
	})
	if err != nil {
		return err
	}
	return each(jobs, func(j args.Job) error { return decompile(c, j, o) })
}

func decompile(c *console.Console, j args.Job, o cipolicy.Order) error {
	b, err := args.Read("in", j.In)
	if err != nil {
		return err
	}
	d, err := cipolicy.Decompile(b, o)
	if err != nil {
		return wrong(j.In, err)
	}
	if err := write(j.Out, d.Policy.XML()); err != nil {
		return err
	}
	for _, n := range d.Notes {
		c.Warn("%s", strings.TrimPrefix(n.String(), "warning: "))
	}
	c.Line("%s  format %d, %s, %s", j.Out, d.Format, plural(len(d.Policy.FileRules), "file rule"), plural(len(d.Policy.Signers), "signer"))
	if d.Signature != nil {
		c.Note("the policy is signed; the signature is not part of the XML and was not checked")
	}
	if d.Exact {
		c.Note("compiles to the same bytes with -format=%d -sort=%s", d.Format, d.Order)
	} else {
		c.Warn("the policy will not compile to exactly the same bytes: another compiler made it")
	}
	return nil
}

// Show writes what policies allow and deny to w.
func Show(w io.Writer, in string) error {
	files, err := args.Files{In: in}.Expand()
	if err != nil {
		return err
	}
	return each(files, func(name string) error {
		p, err := read("in", name)
		if err != nil {
			return err
		}
		lines := cipolicy.Describe(p)
		if len(files) > 1 {
			lines = append([]string{name}, lines...)
		}
		for i, l := range lines {
			lines[i] = printable.Text(l)
		}
		_, err = fmt.Fprintln(w, strings.Join(lines, "\n"))
		return err
	})
}

// Diff writes what changes from one policy to another.
func Diff(w io.Writer, from, to string) error {
	if err := args.Need("from", from, "to", to); err != nil {
		return err
	}
	a, err := read("from", from)
	if err != nil {
		return err
	}
	b, err := read("to", to)
	if err != nil {
		return err
	}
	changes := cipolicy.Diff(a, b)
	if len(changes) == 0 {
		_, err := fmt.Fprintln(w, "the policies say the same")
		return err
	}
	for _, c := range changes {
		if _, err := fmt.Fprintln(w, printable.Text(c.String())); err != nil {
			return err
		}
	}
	return nil
}

// Signing says how to sign policies.
type Signing struct {
	args.Files
	args.Key
}

// Sign signs compiled policies. The certificate is judged first, as that of any
// signature.
func Sign(ctx context.Context, c *console.Console, s Signing) error {
	if err := args.Need("in", s.In, "out", s.Out); err != nil {
		return err
	}
	jobs, err := s.Jobs("")
	if err != nil {
		return err
	}
	roots, err := args.Trusted{}.Open()
	if err != nil {
		return err
	}
	id, err := s.Key.Open(ctx, c, roots)
	if err != nil {
		return err
	}
	defer id.Close()
	signer := cms.Signer{Key: id.Key, Certificate: id.Certificate, Chain: id.Embedded()}
	return each(jobs, func(j args.Job) error {
		b, err := args.Read("in", j.In)
		if err != nil {
			return err
		}
		signed, err := cipolicy.Sign(ctx, b, signer)
		if err != nil {
			return wrong(j.In, err)
		}
		if err := write(j.Out, signed); err != nil {
			return err
		}
		c.Line("%s  signed by %s", j.Out, id.Certificate.Subject.CommonName)
		return nil
	})
}
