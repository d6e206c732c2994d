package file

import (
	"context"
	"os"

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
		return "", rewrite(j, func(src *args.Source, dst *os.File) error {
			return authenticode.Strip(ctx, src.File, src.Size, dst, peimage.StripOptions{Checksum: policy})
		})
	})
}
