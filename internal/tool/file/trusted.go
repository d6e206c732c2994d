package file

import (
	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/fault"
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
	if t.Only && len(list(t.Roots))+len(list(t.TimestampRoots)) == 0 {
		return nil, fault.New(fault.Usage, "-only=true trusts nothing but the files of -roots= and -tsroots=, and there are none").Hint("name the roots, or leave -only out")
	}
	return trust.Roots(trust.Options{
		Both: list(t.Roots), TimeStamping: list(t.TimestampRoots), Only: t.Only, Fetched: fetchedRoots(),
	})
}
