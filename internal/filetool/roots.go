package filetool

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

// UpdateRoots fetches the roots of Microsoft's programme from source, empty
// for Microsoft's own server, and keeps them in the state folder, where every
// verification finds them.
func UpdateRoots(ctx context.Context, c *console.Console, source string) error {
	return updateRoots(ctx, c, trust.Updater{Fetcher: fetch.New(""), Source: source})
}

func updateRoots(ctx context.Context, c *console.Console, u trust.Updater) error {
	file := filepath.Join(".hallmark", trust.File)
	l, err := u.Update(ctx, file)
	if err != nil {
		return err
	}
	c.Line("%d roots for code signing, %d for time stamping, of Microsoft's list from %s, are in %s",
		len(l.CodeSigning), len(l.TimeStamping), l.Issued.Format(time.DateOnly), file)
	if n := len(l.LeftOut); n > 0 {
		c.Warn("%d roots of the list are of a kind that cannot be used here", n)
	}
	return nil
}

// ListRoots writes the roots that are trusted where nobody says otherwise: SHA-1 thumbprint as Windows shows it,
// purpose, subject.
func ListRoots(w io.Writer) error {
	roots, err := trust.Defaults(filepath.Join(".hallmark", trust.File))
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
		if _, err := fmt.Fprintf(w, "%x %s %s\n", sha1.Sum(cert.Raw), purpose, cert.Subject); err != nil {
			return err
		}
	}
	return nil
}
