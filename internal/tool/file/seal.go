package file

import (
	"context"
	"errors"
	"os"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// checkSeal refuses what cannot be sealed before a key is asked.
func (s Signing) checkSeal() error {
	switch {
	case !s.Seal && !s.Intent:
		return nil
	case s.Servers != "":
		return fault.New(fault.Usage, "-server does not go with -seal and -intent").
			Hint("Windows does not count a timestamp inside a seal, and timestamps of the seal itself are not made: a sealed signature ends with the certificate")
	case s.Existing == "append" || s.Existing == "skip":
		return fault.New(fault.Usage, "-existing=%s does not go with -seal and -intent", s.Existing).Hint("a sealed signature is the only one of its file")
	}
	return nil
}

// signAndSeal signs one file and seals it.
func signAndSeal(ctx context.Context, j args.Job, o authenticode.SignOptions) (string, error) {
	note := "signed and sealed"
	err := wayOn(rewrite(j, func(src *args.Source, dst *os.File) error {
		res, err := authenticode.Sign(ctx, src.File, src.Size, dst, o)
		if err != nil {
			return err
		}
		note = dropped(note, res.Dropped)
		p7, err := res.PKCS7.Seal(ctx, src.File, src.Size, o.Signer)
		if err != nil {
			return err
		}
		return replaceTable(ctx, dst, src, p7, o.Existing)
	}))
	return note, err
}

// Sealing says which files are sealed, and by whom.
type Sealing struct {
	args.Files
	args.Key
	Digest string
}

// Seal seals files that were signed with the intent to seal.
func Seal(ctx context.Context, c *console.Console, s Sealing) error {
	jobs, err := s.Jobs("")
	if err != nil {
		return err
	}
	hash, err := args.Digest(s.Digest)
	if err != nil {
		return err
	}
	roots, err := args.Trusted{}.Open()
	if err != nil {
		return err
	}
	s.Incomplete = s.Identity != identity.KindTest // the chain is in the signature already
	id, err := s.Key.Open(ctx, c, roots)
	if err != nil {
		return err
	}
	defer id.Close()
	signer := cms.Signer{Key: id.Key, Certificate: id.Certificate, Hash: hash}
	return args.Each(ctx, c, jobs, id.Parallel, func(ctx context.Context, j args.Job) (string, error) {
		return "sealed", wayOn(rewrite(j, func(src *args.Source, dst *os.File) error {
			_, err := authenticode.Seal(ctx, src.File, src.Size, dst, signer)
			return err
		}))
	})
}

// Unseal takes seals off.
func Unseal(ctx context.Context, c *console.Console, f args.Files) error {
	jobs, err := f.Jobs("")
	if err != nil {
		return err
	}
	return args.Each(ctx, c, jobs, 0, func(ctx context.Context, j args.Job) (string, error) {
		return "Windows refuses it until it is sealed again", update(ctx, j, authenticode.PKCS7.Unseal)
	})
}

// wayOn says how to go on where a seal, a signature or the layout of the program is in the way.
func wayOn(err error) error {
	var layout *authenticode.LayoutError
	var stale *authenticode.StaleError
	switch {
	case errors.As(err, &stale):
		return fault.New(fault.Other, "%w", err).
			Hint("a signed file was changed without its certificate table: %s clears the entry, and -existing=repair of file:sign clears it and signs", command.Line("file:strip -repair"))
	case errors.As(err, &layout):
		return fault.New(fault.Verification, "%w", err).Hint("%s", layout.Fault.Advice()).
			Hint("-firmware signs it for UEFI firmware, which accepts such programs")
	case errors.Is(err, authenticode.ErrSealed):
		return fault.New(fault.Other, "%w", err).Hint("%s takes the seal off; afterwards the file has to be sealed again, with the key that signed it", command.Line("file:unseal"))
	case errors.Is(err, authenticode.ErrSigned):
		return fault.New(fault.Other, "%w", err).Hint("use -existing=replace to replace the signature, or -existing=append to add one")
	}
	return err
}
