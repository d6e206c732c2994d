package wdac

import (
	"errors"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/step/catalog"
)

// checkCatalog holds the files that the policy is made for against what the
// catalog of this release says that it covers: both describe the same bytes
// or the release is not one. A release without a catalog has nothing to hold
// them against.
func (w *work) checkCatalog() error {
	s, err := catalog.Coverage(w.r)
	if err != nil || s == nil {
		return err
	}
	covered := map[string]bool{}
	for _, f := range s.Files {
		covered[f.Path] = true
	}
	for _, f := range s.Empty {
		covered[f] = true // no file of no bytes can run, and none can be listed
	}
	var errs []error
	for _, f := range w.files {
		if p := w.relative(f.Path); !covered[p] {
			errs = append(errs, fault.New(fault.Verification, "%s is not in the catalog %s, and the policy would allow it", p, s.Catalog).
				Hint("run mage release, which makes both"))
		}
	}
	return errors.Join(errs...)
}
