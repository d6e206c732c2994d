package file

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/text"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// Split says how a signature is prepared whose key lives elsewhere.
type Split struct {
	args.Files
	// Key says what completes the chain and what the certificate is forgiven;
	// it names no identity.
	args.Key
	// Cert is a file with the signer's certificate first and the
	// intermediates behind it.
	Cert                     string
	Digest, Description, URL string
	PageHashes, Firmware     bool
	Existing                 string
}

// splitExisting has no skip: what prepare made and finish does not take is lost
// work of somebody else's key.
var splitExisting = map[string]authenticode.Existing{
	"": authenticode.ExistingRefuse, "refuse": authenticode.ExistingRefuse, "replace": authenticode.ExistingReplace, "append": authenticode.ExistingAppend,
	"repair": authenticode.ExistingRepair,
}

// Prepare writes, beside each program (or into the folder Out), what the key
// has to sign (.tbs, and its hash as hexadecimal text in .digest) and the
// signature without its value (.unfinished).
func Prepare(ctx context.Context, c *console.Console, s Split) error {
	hash, err := args.Digest(s.Digest)
	if err != nil {
		return err
	}
	ex, err := args.Choice("existing", s.Existing, splitExisting)
	if err != nil {
		return err
	}
	jobs, err := s.Jobs("")
	if err != nil {
		return err
	}
	id, err := s.Key.Certificates(ctx, c, s.Cert)
	if err != nil {
		return err
	}
	o := authenticode.SignOptions{
		Signer:      cms.Signer{Certificate: id.Certificate, Chain: id.Embedded(), Hash: hash},
		Description: s.Description, URL: s.URL, PageHashes: s.PageHashes, Existing: ex, Firmware: s.Firmware,
	}
	return args.Each(ctx, c, jobs, 0, func(ctx context.Context, j args.Job) (string, error) { return prepare(ctx, j, o) })
}

func prepare(ctx context.Context, j args.Job, o authenticode.SignOptions) (string, error) {
	src, err := args.Open(j.In)
	if err != nil {
		return "", err
	}
	defer src.Close()
	p, err := authenticode.PrepareSplit(ctx, src.File, src.Size, o)
	if err != nil {
		return "", wayOn(err)
	}
	for suffix, b := range map[string][]byte{
		".tbs": p.ToBeSigned, ".digest": []byte(hex.EncodeToString(p.Digest) + "\n"), ".unfinished": p.PKCS7,
	} {
		if err := atomicfile.Write(j.Out+suffix, b, 0o644); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("sign %s.tbs with %v, then finish", j.Out, p.Hash), nil
}

// Finish puts a signature value, raw, hexadecimal or base64 in the file named
// value, into the program that Prepare was given.
func Finish(ctx context.Context, c *console.Console, f args.Files, unfinished, value, policy string) error {
	ex, err := args.Choice("existing", policy, splitExisting)
	if err != nil {
		return err
	}
	return args.Single(ctx, c, f, func(ctx context.Context, j args.Job) (string, error) {
		if unfinished == "" {
			unfinished = j.In + ".unfinished"
		}
		p7, err := args.Read("unfinished", unfinished)
		if err != nil {
			return "", err
		}
		b, err := args.Read("signature", value)
		if err != nil {
			return "", err
		}
		return "", wayOn(rewrite(j, func(src *args.Source, dst *os.File) error {
			_, err := authenticode.FinishSplit(ctx, src.File, src.Size, dst, p7, signatureValue(b), ex)
			return err
		}))
	})
}

// signatureValue undoes hexadecimal or base64. A raw value can look like
// neither: its bytes are all but random.
func signatureValue(b []byte) []byte {
	plain, err := text.Decode(b)
	if err != nil {
		return b
	}
	digits := strings.Join(strings.Fields(plain), "")
	if v, err := hex.DecodeString(digits); err == nil && len(v) > 0 {
		return v
	}
	if v, err := base64.StdEncoding.DecodeString(digits); err == nil && len(v) > 0 {
		return v
	}
	return b
}
