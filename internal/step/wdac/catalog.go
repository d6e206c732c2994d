package wdac

import (
	"errors"
	"fmt"
	"path"

	"github.com/hallmark-dev/hallmark/formats/cipolicy/rules"
	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/step/catalog"
	"github.com/hallmark-dev/hallmark/internal/step/wdac/policy"
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
		if p := w.r.Relative(f.Path); !covered[p] {
			errs = append(errs, fault.New(fault.Verification, "%s is not in the catalog %s, and the policy would allow it", p, s.Catalog).
				Hint("run %s, which makes both", command.Line("release")))
		}
	}
	return errors.Join(errs...)
}

// addCatalogSignature gives files without a signature of their own that of the
// catalog: on a machine where the catalog is installed, Windows takes them for
// signed that way, so the same signer rules allow them.
func (w *work) addCatalogSignature(files []rules.File) error {
	name := catalog.File(w.r)
	if name == "" {
		return nil
	}
	der, err := w.r.ReadFile(name)
	if err != nil {
		return fmt.Errorf("reading the catalog: %w", err)
	}
	s, err := rules.CatalogSignature(der)
	if err != nil {
		return fault.New(fault.Verification, "%s: %w", name, err).Hint("run %s, which makes it again", command.Line("catalog"))
	}
	w.byCatalog = map[string]bool{}
	for i := range files {
		if len(files[i].Signatures) == 0 {
			files[i].Signatures = append(files[i].Signatures, s)
			w.byCatalog[files[i].Path] = true
		}
	}
	return nil
}

// neededCatalog is the name of the catalog if a file is allowed only where it is
// installed, and notes which files these are.
func (w *work) neededCatalog(made *policy.Result) string {
	name := ""
	for i := range made.Coverage {
		c := &made.Coverage[i]
		signed := c.Level != string(rules.Hash) && c.Level != string(rules.FileName)
		if w.byCatalog[c.File] && signed {
			c.Notes = append(c.Notes, "signed through the catalog, which must be installed")
			name = path.Base(catalog.File(w.r))
		}
	}
	return name
}
