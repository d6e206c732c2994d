package file

import (
	"context"
	"os"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// Stamping says which signatures get a timestamp, and from whom.
type Stamping struct {
	args.Files
	args.Trusted
	args.Stampers
	Digest string
	// Index of the signature: 0 is the first, nested ones follow.
	Index int
}

// Timestamp adds a timestamp to signatures that exist.
func Timestamp(ctx context.Context, c *console.Console, s Stamping) error {
	jobs, err := s.Jobs("")
	if err != nil {
		return err
	}
	if s.Servers == "" {
		return fault.New(fault.Usage, "-server= is missing").Hint("-server=http://timestamp.digicert.com, several separated by commas, or -server=test")
	}
	if s.Legacy && s.Digest != "" {
		return fault.New(fault.Usage, "-digest has no effect with -legacy: the server chooses the digest").Hint("leave one of them out")
	}
	roots, err := s.Trusted.Open()
	if err != nil {
		return err
	}
	st, err := s.Stampers.Open(ctx, s.Digest, roots, nil)
	if err != nil {
		return err
	}
	defer st.Close()
	return args.Each(ctx, c, jobs, 0, func(ctx context.Context, j args.Job) (note string, err error) {
		err = update(ctx, j, func(p7 authenticode.PKCS7) (out authenticode.PKCS7, err error) {
			out, note, err = st.Stamp(ctx, p7, s.Index)
			return out, err
		})
		return "stamped by " + note, err
	})
}

// update changes the signature of one file.
func update(ctx context.Context, j args.Job, change func(authenticode.PKCS7) (authenticode.PKCS7, error)) error {
	return wayOn(rewrite(j, func(src *args.Source, dst *os.File) error {
		_, err := authenticode.Update(ctx, src.File, src.Size, dst, change)
		return err
	}))
}

// Adding says which certificates are added to which signature.
type Adding struct {
	args.Files
	args.Trusted
	// Certs is a comma-separated list of certificate files.
	Certs, RequirePathTo string
	Index                int
}

// AddCerts adds certificates to signatures that exist.
func AddCerts(ctx context.Context, c *console.Console, a Adding) error {
	jobs, err := a.Jobs("")
	if err != nil {
		return err
	}
	extra, err := trust.Certificates("reading a certificate", args.List(a.Certs))
	if err != nil {
		return err
	}
	if len(extra) == 0 {
		return fault.New(fault.Usage, "-certs= is missing").Hint("-certs=cross.cer, several separated by commas")
	}
	roots, err := a.Trusted.Open()
	if err != nil {
		return err
	}
	return args.Each(ctx, c, jobs, 0, func(ctx context.Context, j args.Job) (string, error) {
		return "", update(ctx, j, func(p7 authenticode.PKCS7) (authenticode.PKCS7, error) {
			if err := judgeFor(c, p7, a, extra, roots); err != nil {
				return nil, err
			}
			return p7.AddCertificates(a.Index, extra)
		})
	})
}

// Extract writes the signature of each file to FILE.p7s, in DER or PEM.
func Extract(ctx context.Context, c *console.Console, f args.Files, asPEM bool) error {
	jobs, err := f.Jobs(".p7s")
	if err != nil {
		return err
	}
	return args.Each(ctx, c, jobs, 0, func(_ context.Context, j args.Job) (string, error) {
		if args.Same(j.In, j.Out) {
			return "", fault.New(fault.Usage, "-out: the signature would replace the program")
		}
		src, err := args.Open(j.In)
		if err != nil {
			return "", err
		}
		defer src.Close()
		p7, err := authenticode.Extract(src.File, src.Size)
		if err != nil {
			return "", wayOn(err)
		}
		if asPEM {
			p7 = authenticode.PKCS7(p7).PEM()
		}
		return j.Out, atomicfile.Write(j.Out, p7, 0o644)
	})
}

// Attach puts the signature in the file named signature into one program.
func Attach(ctx context.Context, c *console.Console, f args.Files, signature, policy string) error {
	ex, err := args.Choice("existing", policy, existing)
	if err != nil {
		return err
	}
	return args.Single(ctx, c, f, func(ctx context.Context, j args.Job) (string, error) {
		p7, err := args.Read("signature", signature)
		if err != nil {
			return "", err
		}
		note := ""
		err = wayOn(rewrite(j, func(src *args.Source, dst *os.File) error {
			res, err := authenticode.Attach(ctx, src.File, src.Size, dst, p7, ex)
			switch {
			case err != nil:
				return err
			case res.Skipped:
				return errUnchanged
			}
			note = dropped("", res.Dropped)
			return nil
		}))
		return note, err
	})
}
