package file

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// Signing says how to sign.
type Signing struct {
	args.Files
	args.Signer
	PageHashes bool
	// Existing is refuse, replace, append, skip or repair; "" is refuse.
	Existing string
	// AdditionalCerts is a comma-separated list of certificate files, and
	// RequirePathTo the thumbprint of a root that they have to lead to.
	AdditionalCerts, RequirePathTo string
	// Parallel is how many files are signed at a time; 0 is what suits the key.
	Parallel int
	// Firmware signs programs that Windows refuses for their layout.
	Firmware bool
	// Seal seals the file; Intent only says that it will be.
	Seal, Intent bool
}

var existing = map[string]authenticode.Existing{
	"": authenticode.ExistingRefuse, "refuse": authenticode.ExistingRefuse, "replace": authenticode.ExistingReplace,
	"append": authenticode.ExistingAppend, "skip": authenticode.ExistingSkip, "repair": authenticode.ExistingRepair,
}

// Sign signs PE files.
func Sign(ctx context.Context, c *console.Console, s Signing) error {
	if s.Parallel < 0 {
		return fault.New(fault.Usage, "-parallel=%d: must be 0 or more", s.Parallel)
	}
	if err := s.checkSeal(); err != nil {
		return err
	}
	ex, err := args.Choice("existing", s.Existing, existing)
	if err != nil {
		return err
	}
	jobs, err := s.Jobs("")
	if err != nil {
		return err
	}
	extra, err := trust.Certificates("reading a certificate", args.List(s.AdditionalCerts))
	if err != nil {
		return err
	}
	id, err := s.Signer.Open(ctx, c)
	if err != nil {
		return err
	}
	defer id.Close()
	if err := judgeAdditional(c, extra, candidate{id.Certificate, id.Embedded(), withRoot(id.Roots, id.Root)}, s.RequirePathTo); err != nil {
		return err
	}
	if s.Intent && !s.Seal {
		c.Warn("with -intent Windows refuses the files until they are sealed")
	}
	o := id.Options
	o.PageHashes, o.Existing, o.Signer.Extra, o.IntentToSeal, o.Firmware = s.PageHashes, ex, extra, s.Intent || s.Seal, s.Firmware
	return args.Each(ctx, c, jobs, cmp.Or(s.Parallel, id.Parallel), func(ctx context.Context, j args.Job) (string, error) {
		if s.Seal {
			return signAndSeal(ctx, j, o)
		}
		note, err := sign(ctx, j, o, id.Stamping)
		return note, wayOn(err)
	})
}

// sign signs one file and, if wanted, stamps the new signature.
func sign(ctx context.Context, j args.Job, o authenticode.SignOptions, st *args.Stamping) (string, error) {
	note := "signed"
	err := rewrite(j, func(src *args.Source, dst *os.File) error {
		res, err := authenticode.Sign(ctx, src.File, src.Size, dst, o)
		if err != nil {
			return err
		}
		if res.Skipped {
			note, err = skipped(ctx, src, dst, res, st)
			return err
		}
		note = dropped(note, res.Dropped)
		if st == nil {
			return nil
		}
		p7, server, err := st.Stamp(ctx, res.PKCS7, res.Index)
		if err != nil {
			return err
		}
		note = dropped("signed, stamped by "+server, res.Dropped)
		if o.Existing == authenticode.ExistingAppend {
			return appendTable(ctx, dst, src, p7)
		}
		return replaceTable(ctx, dst, src, p7, o.Existing)
	})
	return note, err
}

// skipped leaves a signature as it is, but for the timestamp that it should have
// and has not.
func skipped(ctx context.Context, src *args.Source, dst *os.File, res *authenticode.Result, st *args.Stamping) (string, error) {
	note := "skipped: signed by this identity already"
	sig, err := pick(res.PKCS7, res.Index)
	if err != nil {
		return "", err
	}
	_, token := sig.Signers[0].UnsignedAttrs.Get(cms.OIDRFC3161Token)
	_, legacy := sig.Signers[0].UnsignedAttrs.Get(cms.OIDCountersignature)
	if st == nil || token || legacy {
		return note, errUnchanged
	}
	_, err = authenticode.Update(ctx, src.File, src.Size, dst, func(p7 authenticode.PKCS7) (out authenticode.PKCS7, err error) {
		out, server, err := st.Stamp(ctx, p7, res.Index)
		note = "signed by this identity already, stamped by " + server
		return out, err
	})
	return note, err
}

// replaceTable writes the file again with another certificate table. The
// program's own bytes come from src, which is in the page cache by now.
func replaceTable(ctx context.Context, dst *os.File, src *args.Source, p7 []byte, policy authenticode.Existing) error {
	if err := rewind(dst); err != nil {
		return err
	}
	if policy != authenticode.ExistingRepair {
		policy = authenticode.ExistingReplace
	}
	_, err := authenticode.Attach(ctx, src.File, src.Size, dst, p7, policy)
	return err
}

// appendTable is replaceTable for a signature that was nested in those of the
// file: further entries of the table stay.
func appendTable(ctx context.Context, dst *os.File, src *args.Source, p7 []byte) error {
	if err := rewind(dst); err != nil {
		return err
	}
	_, err := authenticode.Update(ctx, src.File, src.Size, dst, func(authenticode.PKCS7) (authenticode.PKCS7, error) { return p7, nil })
	if errors.Is(err, authenticode.ErrUnsigned) { // there was nothing to append to
		return replaceTable(ctx, dst, src, p7, authenticode.ExistingReplace)
	}
	return err
}

func rewind(dst *os.File) error {
	if err := dst.Truncate(0); err != nil {
		return err
	}
	_, err := dst.Seek(0, io.SeekStart)
	return err
}
