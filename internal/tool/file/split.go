package file

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/timeserver"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// Split says how a signature is prepared whose key lives elsewhere.
type Split struct {
	Files
	// Key says what completes the chain and what the certificate is forgiven;
	// it names no identity.
	Key
	// Cert is a file with the signer's certificate first and the
	// intermediates behind it.
	Cert                     string
	Digest, Description, URL string
	PageHashes               bool
	Existing                 string
}

// splitExisting has no skip: what prepare made and finish does not take is lost
// work of somebody else's key.
var splitExisting = map[string]authenticode.Existing{
	"": authenticode.ExistingRefuse, "refuse": authenticode.ExistingRefuse, "replace": authenticode.ExistingReplace, "append": authenticode.ExistingAppend,
}

// Prepare writes, beside each program (or into the folder Out), what the key
// has to sign (.tbs, and its hash as hexadecimal text in .digest) and the
// signature without its value (.unfinished).
func Prepare(ctx context.Context, c *console.Console, s Split) error {
	hash, err := timeserver.Hash(s.Digest)
	if err != nil {
		return err
	}
	ex, err := choice("existing", s.Existing, splitExisting)
	if err != nil {
		return err
	}
	jobs, err := s.jobs("")
	if err != nil {
		return err
	}
	id, err := s.signer(ctx, c)
	if err != nil {
		return err
	}
	o := authenticode.SignOptions{
		Signer: cms.Signer{Certificate: id.Certificate, Chain: id.Chain, Hash: hash}, Hash: hash,
		Description: s.Description, URL: s.URL, PageHashes: s.PageHashes, Existing: ex,
	}
	return each(ctx, c, jobs, 0, func(ctx context.Context, j job) (string, error) { return prepare(ctx, j, o) })
}

// signer reads the certificates and judges them as those of any identity, before
// somebody takes the trouble to sign with them.
func (s Split) signer(ctx context.Context, c *console.Console) (*identity.Identity, error) {
	certs, err := trust.Certificates("reading a certificate", list(s.Cert))
	if err != nil {
		return nil, err
	}
	if len(certs) == 0 {
		return nil, fault.New(fault.Usage, "no certificate is named").Hint("-cert=FILE with the signer's certificate first, as PEM, DER or PKCS#7")
	}
	roots, err := Trusted{}.open()
	if err != nil {
		return nil, err
	}
	id, err := identity.OfCertificates(ctx, certs, s.identityOptions(c, roots))
	if err != nil {
		return nil, err
	}
	if err := judged(c, id.JudgeCertificate(time.Now())); err != nil {
		return nil, fmt.Errorf("-cert: %w", err)
	}
	return id, nil
}

func prepare(ctx context.Context, j job, o authenticode.SignOptions) (string, error) {
	src, err := open(j.in)
	if err != nil {
		return "", err
	}
	defer src.Close()
	p, err := authenticode.PrepareSplit(ctx, src.File, src.size, o)
	if err != nil {
		return "", wayOn(err)
	}
	for suffix, b := range map[string][]byte{
		".tbs": p.ToBeSigned, ".digest": []byte(hex.EncodeToString(p.Digest) + "\n"), ".unfinished": p.PKCS7,
	} {
		if err := atomicfile.Write(j.out+suffix, b, 0o644); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("sign %s.tbs with %v, then finish", j.out, p.Hash), nil
}

// Finish puts a signature value, raw, hexadecimal or base64 in the file named
// value, into the program that Prepare was given.
func Finish(ctx context.Context, c *console.Console, f Files, unfinished, value, policy string) error {
	ex, err := choice("existing", policy, splitExisting)
	if err != nil {
		return err
	}
	return single(ctx, c, f, func(ctx context.Context, j job) (string, error) {
		if unfinished == "" {
			unfinished = j.in + ".unfinished"
		}
		p7, err := readNamed("unfinished", unfinished)
		if err != nil {
			return "", err
		}
		b, err := readNamed("signature", value)
		if err != nil {
			return "", err
		}
		return "", wayOn(rewrite(j, func(src *source, dst *os.File) error {
			_, err := authenticode.FinishSplit(ctx, src.File, src.size, dst, p7, signatureValue(b), ex)
			return err
		}))
	})
}

// signatureValue undoes hexadecimal or base64. A raw value can look like
// neither: its bytes are all but random.
func signatureValue(b []byte) []byte {
	text := strings.Join(strings.Fields(string(b)), "")
	if v, err := hex.DecodeString(text); err == nil && len(v) > 0 {
		return v
	}
	if v, err := base64.StdEncoding.DecodeString(text); err == nil && len(v) > 0 {
		return v
	}
	return b
}
