package file

import (
	"context"
	"os"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// Stripping says what is taken out of files.
type Stripping struct {
	args.Files
	// Checksum is what the header's CheckSum becomes: auto, zero or computed; "" is auto.
	Checksum string
	// Only is "" for everything, else what is taken out of the signature
	// with the given Index: nested (the signature itself), unsigned (its
	// unsigned attributes) or certs (certificates that signed nothing in it).
	Only  string
	Index int
	// Repair clears a directory entry that does not name a sound table.
	Repair bool
}

// Strip takes signatures, or parts of them, out of files.
func Strip(ctx context.Context, c *console.Console, s Stripping) error {
	policy, err := args.Choice("checksum", s.Checksum, map[string]peimage.ChecksumPolicy{
		"": peimage.ChecksumAuto, "auto": peimage.ChecksumAuto, "zero": peimage.ChecksumZero, "computed": peimage.ChecksumComputed,
	})
	if err != nil {
		return err
	}
	remove, err := args.Choice("only", s.Only, map[string]func(authenticode.PKCS7, int) (authenticode.PKCS7, error){
		"": nil, "nested": authenticode.PKCS7.Remove, "unsigned": authenticode.PKCS7.RemoveUnsigned, "certs": authenticode.PKCS7.RemoveCertificates,
	})
	if err != nil {
		return err
	}
	switch {
	case remove != nil && s.Checksum != "":
		return fault.New(fault.Usage, "-checksum has no effect with -only: a file that keeps a signature gets the correct checksum").Hint("leave out -checksum= or -only=")
	case remove != nil && s.Repair:
		return fault.New(fault.Usage, "-repair does not go with -only: a stale entry holds no signature of which a part can be removed").Hint("leave out -only=")
	case remove == nil && s.Index != 0:
		return fault.New(fault.Usage, "-index has no effect without -only: all signatures are removed").Hint("-only=nested -index=%d removes one", s.Index)
	}
	jobs, err := s.Jobs("")
	if err != nil {
		return err
	}
	return args.Each(ctx, c, jobs, 0, func(ctx context.Context, j args.Job) (string, error) {
		if remove != nil {
			return "", update(ctx, j, func(p7 authenticode.PKCS7) (authenticode.PKCS7, error) {
				if _, err := pick(p7, s.Index); err != nil {
					return nil, err
				}
				return remove(p7, s.Index)
			})
		}
		note := ""
		err := wayOn(rewrite(j, func(src *args.Source, dst *os.File) error {
			if !s.Repair {
				return authenticode.Strip(ctx, src.File, src.Size, dst, peimage.StripOptions{Checksum: policy})
			}
			stale, err := authenticode.StripRepair(ctx, src.File, src.Size, dst, peimage.StripOptions{Checksum: policy})
			note = dropped("", stale)
			return err
		}))
		return note, err
	})
}

// dropped adds what a repair left out to what is said of a file.
func dropped(note string, stale *peimage.Stale) string {
	if stale == nil {
		return note
	}
	return strings.TrimPrefix(note+", dropped the "+stale.String(), ", ")
}
