// Package roots lists the certificates that verification trusts, and fetches
// the current ones of Microsoft's programme.
package roots

import (
	"context"
	"crypto/sha1"
	"fmt"
	"io"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fetch"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// Update fetches the roots of Microsoft's programme and its list of
// disallowed certificates from source, empty for Microsoft's own server, and
// keeps them in the user's configuration folder, where every verification finds
// them.
func Update(ctx context.Context, c *console.Console, source string) error {
	return update(ctx, c, trust.Updater{Fetcher: fetch.New(""), Source: source})
}

func update(ctx context.Context, c *console.Console, u trust.Updater) error {
	l, err := u.Update(ctx)
	if err != nil {
		return err
	}
	r, d := l.Roots, l.Disallowed
	c.Line("saved %d code-signing and %d time-stamping roots (list of %s) to %s",
		len(r.CodeSigning)+len(r.CodeSigningLimited), len(r.TimeStamping)+len(r.TimeStampingLimited), r.Issued.Format(time.DateOnly), u.Store.Path())
	c.Line("%d and %d of them have an end date", len(r.CodeSigningLimited), len(r.TimeStampingLimited))
	c.Line("saved %d disallowed certificates (list of %s)", len(d.Hashes)+len(d.Thumbprints), d.Issued.Format(time.DateOnly))
	if n := len(r.LeftOut); n > 0 {
		c.Warn("%d roots of the list were skipped: their form is not supported", n)
	}
	return nil
}

// List writes the roots that are trusted by default: SHA-1 thumbprint as Windows shows it,
// purpose, subject, and the dates that limit the trust in it.
func List(w io.Writer) error { return list(w, trust.Store{}) }

func list(w io.Writer, store trust.Store) error {
	roots, err := trust.Defaults(store)
	if err != nil {
		return err
	}
	all := certchain.NewPool(append(roots.CodeSigning.Certificates(), roots.TimeStamping.Certificates()...)...)
	for _, cert := range all.Certificates() {
		purpose := "both"
		switch {
		case !roots.TimeStamping.Contains(cert):
			purpose = "code"
		case !roots.CodeSigning.Contains(cert):
			purpose = "time"
		}
		limits := limitText("code", roots.CodeSigning.Limits(cert)) + limitText("time", roots.TimeStamping.Limits(cert))
		if _, err := fmt.Fprintf(w, "%x %s %s%s\n", sha1.Sum(cert.Raw), purpose, printable.Text(cert.Subject.String()), limits); err != nil {
			return err
		}
	}
	return nil
}

// limitText says up to when a root is trusted for a purpose; nothing if there is no such date.
func limitText(purpose string, l certchain.Limits) string {
	var s string
	if !l.Disabled.IsZero() {
		s += fmt.Sprintf("; %s: signatures before %s", purpose, l.Disabled.UTC().Format(time.DateOnly))
	}
	if !l.NotBefore.IsZero() {
		s += fmt.Sprintf("; %s: certificates issued up to %s", purpose, l.NotBefore.UTC().Format(time.DateOnly))
	}
	return s
}
