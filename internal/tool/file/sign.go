package file

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity"
	"github.com/hallmark-dev/hallmark/internal/secret"
	"github.com/hallmark-dev/hallmark/internal/timeserver"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// Key says who signs.
type Key struct {
	// Identity in its short form, and its password as env:NAME or file:PATH.
	Identity, Password string
	// Chain is a comma-separated list of certificate files.
	Chain string
	// Fetch allows missing intermediates to be fetched; Incomplete signs
	// without them; ECDSA accepts an elliptic-curve key.
	Fetch, Incomplete, ECDSA bool
}

// Signing says how to sign.
type Signing struct {
	Files
	Key
	Trusted
	Digest, Description, URL string
	PageHashes               bool
	// Existing is refuse, replace, append or skip; "" is refuse.
	Existing string
	// AdditionalCerts is a comma-separated list of certificate files, and
	// RequirePathTo the thumbprint of a root that they have to lead to.
	AdditionalCerts, RequirePathTo string
	Stampers
	// Parallel is how many files are signed at a time; 0 is what suits the key.
	Parallel int
	// Seal seals the file; Intent only says that it will be.
	Seal, Intent bool
}

var existing = map[string]authenticode.Existing{
	"": authenticode.ExistingRefuse, "refuse": authenticode.ExistingRefuse, "replace": authenticode.ExistingReplace,
	"append": authenticode.ExistingAppend, "skip": authenticode.ExistingSkip,
}

// Sign signs PE files.
func Sign(ctx context.Context, c *console.Console, s Signing) error {
	if s.Parallel < 0 {
		return fault.New(fault.Usage, "-parallel: %d is no number of files", s.Parallel)
	}
	if err := s.checkSeal(); err != nil {
		return err
	}
	jobs, err := s.jobs("")
	if err != nil {
		return err
	}
	roots, err := s.Trusted.open()
	if err != nil {
		return err
	}
	id, err := s.Key.open(ctx, c, roots)
	if err != nil {
		return err
	}
	defer id.Close()
	o, err := s.options(c, id, roots)
	if err != nil {
		return err
	}
	st, err := s.Stampers.open(ctx, s.Digest, roots, id)
	if err != nil {
		return err
	}
	if st != nil {
		defer st.close()
	}
	if s.Servers == "" {
		c.Warn("without -server= the signatures end with the certificate, on %s", id.Certificate.NotAfter.Format(time.DateOnly))
	}
	if s.Intent && !s.Seal {
		c.Warn("with -intent Windows refuses the files until they are sealed")
	}
	return each(ctx, c, jobs, cmp.Or(s.Parallel, id.Parallel), func(ctx context.Context, j job) (string, error) {
		if s.Seal {
			return signAndSeal(ctx, j, o)
		}
		note, err := sign(ctx, j, o, st)
		return note, wayOn(err)
	})
}

// open reaches the key and judges the certificate.
func (k Key) open(ctx context.Context, c *console.Console, roots *authenticode.Roots) (*identity.Identity, error) {
	if k.Identity == "" {
		return nil, fault.New(fault.Usage, "no identity is named").Hint("-identity=test, pkcs12:FILE, pem:KEY,CHAIN, pkcs11:URI or exec:PROGRAM")
	}
	if k.Identity == identity.KindTest && (k.Password != "" || k.Chain != "" || k.Fetch || k.Incomplete || k.ECDSA) {
		return nil, fault.New(fault.Usage, "-password, -chain, -fetch, -incomplete and -ecdsa mean nothing with -identity=test").Hint("leave them out")
	}
	o := k.identityOptions(c, roots)
	var err error
	if o.Password, err = secretRef("password", k.Password); err != nil {
		return nil, err
	}
	id, err := identity.Open(ctx, k.Identity, o)
	if err != nil {
		return nil, err
	}
	if err := judged(c, id.Judge(time.Now())); err != nil {
		id.Close()
		return nil, fmt.Errorf("identity %s: %w", id.Ref, err)
	}
	return id, nil
}

func (k Key) identityOptions(c *console.Console, roots *authenticode.Roots) identity.Options {
	return identity.Options{
		Roots: roots.CodeSigning.Certificates(), ChainFiles: list(k.Chain), FetchIntermediates: k.Fetch,
		AllowIncompleteChain: k.Incomplete, AllowECDSA: k.ECDSA,
		Warn: func(w string) { c.Warn("%s", w) },
	}
}

// judged shows what is worth a warning and returns the rest as one error.
func judged(c *console.Console, problems []identity.Problem) error {
	for _, p := range problems {
		if p.Severity == identity.Warning {
			c.Warn("identity: %s", p.Text)
		}
	}
	return identity.Err(problems)
}

func secretRef(flag, s string) (secret.Ref, error) {
	if s == "" {
		return "", nil
	}
	r, err := secret.Parse(s)
	if err != nil {
		return "", fault.New(fault.Usage, "-%s: %w", flag, err)
	}
	return r, nil
}

// list splits a comma-separated list; an empty one has no entries.
func list(s string) []string {
	var out []string
	for _, p := range strings.Split(s, ",") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

func (s Signing) options(c *console.Console, id *identity.Identity, roots *authenticode.Roots) (authenticode.SignOptions, error) {
	hash, err := timeserver.Hash(s.Digest)
	if err != nil {
		return authenticode.SignOptions{}, err
	}
	ex, err := choice("existing", s.Existing, existing)
	if err != nil {
		return authenticode.SignOptions{}, err
	}
	extra, err := trust.Certificates("reading a certificate", list(s.AdditionalCerts))
	if err != nil {
		return authenticode.SignOptions{}, err
	}
	if err := judgeAdditional(c, extra, candidate{id.Certificate, id.Chain, withRoot(roots, id.Root)}, s.RequirePathTo); err != nil {
		return authenticode.SignOptions{}, err
	}
	return authenticode.SignOptions{
		Signer: cms.Signer{Key: id.Key, Certificate: id.Certificate, Chain: id.Chain, Hash: hash},
		Hash:   hash, Description: s.Description, URL: s.URL, PageHashes: s.PageHashes, Existing: ex, Additional: extra,
		IntentToSeal: s.Intent || s.Seal,
	}, nil
}

// sign signs one file and, if wanted, stamps the new signature.
func sign(ctx context.Context, j job, o authenticode.SignOptions, st *stamping) (string, error) {
	note := "signed"
	err := rewrite(j, func(src *source, dst *os.File) error {
		res, err := authenticode.Sign(ctx, src.File, src.size, dst, o)
		if err != nil {
			return err
		}
		if res.Skipped {
			note, err = skipped(ctx, src, dst, res, st)
			return err
		}
		if st == nil {
			return nil
		}
		p7, server, err := st.stamp(ctx, res.PKCS7, res.Index)
		if err != nil {
			return err
		}
		note = "signed, stamped by " + server
		if o.Existing == authenticode.ExistingAppend {
			return appendTable(ctx, dst, src, p7)
		}
		return replaceTable(ctx, dst, src, p7)
	})
	return note, err
}

// skipped leaves a signature as it is, but for the timestamp that it should have
// and has not.
func skipped(ctx context.Context, src *source, dst *os.File, res *authenticode.Result, st *stamping) (string, error) {
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
	_, err = authenticode.Update(ctx, src.File, src.size, dst, func(p7 []byte) (out []byte, err error) {
		out, server, err := st.stamp(ctx, p7, res.Index)
		note = "signed by this identity already, stamped by " + server
		return out, err
	})
	return note, err
}

// replaceTable writes the file again with another certificate table. The
// program's own bytes come from src, which is in the page cache by now.
func replaceTable(ctx context.Context, dst *os.File, src *source, p7 []byte) error {
	if err := rewind(dst); err != nil {
		return err
	}
	_, err := authenticode.Attach(ctx, src.File, src.size, dst, p7, authenticode.ExistingReplace)
	return err
}

// appendTable is replaceTable for a signature that was nested in those of the
// file: further entries of the table stay.
func appendTable(ctx context.Context, dst *os.File, src *source, p7 []byte) error {
	if err := rewind(dst); err != nil {
		return err
	}
	_, err := authenticode.Update(ctx, src.File, src.size, dst, func([]byte) ([]byte, error) { return p7, nil })
	if errors.Is(err, authenticode.ErrUnsigned) { // there was nothing to append to
		return replaceTable(ctx, dst, src, p7)
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
