package file

import (
	"context"
	"crypto/sha1"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fetch"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// fetchedRoots is where UpdateRoots keeps what it has fetched.
func fetchedRoots() string { return filepath.Join(".hallmark", trust.File) }

// UpdateRoots fetches the roots of Microsoft's programme and its list of
// disallowed certificates from source, empty for Microsoft's own server, and
// keeps them in the state folder, where every verification finds them.
func UpdateRoots(ctx context.Context, c *console.Console, source string) error {
	return updateRoots(ctx, c, trust.Updater{Fetcher: fetch.New(""), Source: source})
}

func updateRoots(ctx context.Context, c *console.Console, u trust.Updater) error {
	l, err := u.Update(ctx, fetchedRoots())
	if err != nil {
		return err
	}
	c.Line("%d roots for code signing, %d for time stamping, of Microsoft's list from %s, are in %s",
		len(l.CodeSigning)+len(l.CodeSigningLimited), len(l.TimeStamping)+len(l.TimeStampingLimited), l.Issued.Format(time.DateOnly), fetchedRoots())
	c.Line("of them %d and %d are trusted up to a date only", len(l.CodeSigningLimited), len(l.TimeStampingLimited))
	c.Line("%d disallowed certificates, of Microsoft's list from %s, are there too",
		len(l.Disallowed.Hashes)+len(l.Disallowed.Thumbprints), l.Disallowed.Issued.Format(time.DateOnly))
	if n := len(l.LeftOut); n > 0 {
		c.Warn("%d roots of the list are of a kind that cannot be used here", n)
	}
	return nil
}

// ListRoots writes the roots that are trusted where nobody says otherwise: SHA-1 thumbprint as Windows shows it,
// purpose, subject, and the dates that limit the trust in it.
func ListRoots(w io.Writer) error {
	roots, err := trust.Defaults(fetchedRoots())
	if err != nil {
		return err
	}
	all := authenticode.NewPool(append(roots.CodeSigning.Certificates(), roots.TimeStamping.Certificates()...)...)
	for _, cert := range all.Certificates() {
		purpose := "both"
		switch {
		case !roots.TimeStamping.Contains(cert):
			purpose = "code"
		case !roots.CodeSigning.Contains(cert):
			purpose = "time"
		}
		limits := limitText("code", roots.CodeSigning.Limits(cert)) + limitText("time", roots.TimeStamping.Limits(cert))
		if _, err := fmt.Fprintf(w, "%x %s %s%s\n", sha1.Sum(cert.Raw), purpose, cert.Subject, limits); err != nil {
			return err
		}
	}
	return nil
}

// limitText says up to when a root is trusted for a purpose; nothing if there is no such date.
func limitText(purpose string, l authenticode.Limits) string {
	var s string
	if !l.Disabled.IsZero() {
		s += fmt.Sprintf("; %s: signatures before %s", purpose, l.Disabled.UTC().Format(time.DateOnly))
	}
	if !l.NotBefore.IsZero() {
		s += fmt.Sprintf("; %s: certificates issued up to %s", purpose, l.NotBefore.UTC().Format(time.DateOnly))
	}
	return s
}
