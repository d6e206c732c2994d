package args

import (
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/trust"
)

// Trusted says which roots count.
type Trusted struct {
	// Roots and TimestampRoots are comma-separated lists of certificate
	// files, trusted beside the usual roots, or instead of them with Only.
	Roots, TimestampRoots string
	Only                  bool
	// Lists are Microsoft's; the zero value is the user's store.
	Lists trust.Store
}

// Open reads the roots.
func (t Trusted) Open() (*certchain.Roots, error) {
	if t.Only && len(List(t.Roots))+len(List(t.TimestampRoots)) == 0 {
		return nil, fault.New(fault.Usage, "-only=true trusts only the files of -roots= and -tsroots=, and none are given").Hint("name the roots, or leave -only out")
	}
	return trust.Roots(trust.Options{
		Both: List(t.Roots), TimeStamping: List(t.TimestampRoots), Only: t.Only, Store: t.Lists,
	})
}
