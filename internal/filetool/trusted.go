package filetool

import (
	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// Trusted says which roots count.
type Trusted struct {
	// Roots and TimestampRoots are comma-separated lists of certificate
	// files, trusted beside the usual roots, or instead of them with Only.
	Roots, TimestampRoots string
	Only                  bool
}

func (t Trusted) open() (*authenticode.Roots, error) {
	return trust.Roots(trust.Options{
		Both: list(t.Roots), TimeStamping: list(t.TimestampRoots), Only: t.Only, Fetched: fetchedRoots(),
	})
}
