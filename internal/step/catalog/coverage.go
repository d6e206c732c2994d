package catalog

import (
	"encoding/json"
	"fmt"

	"github.com/hallmark-dev/hallmark/internal/inventory"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// Statement lists the files that the catalog covers: on a machine where it is
// installed, a policy that allows its signer allows them, signed or not.
type Statement struct {
	Catalog string    `json:"catalog"`
	Version int       `json:"version"`
	Files   []Covered `json:"files"`
	// Empty files are shipped and not covered.
	Empty []string `json:"empty,omitempty"`
}

// Covered is one file.
type Covered struct {
	// Name as the catalog has it, Path relative to the project.
	Name string `json:"name"`
	Path string `json:"path"`
	// Kind is PE, CAB or flat; the digests are over what catalogs hash of it.
	Kind   string `json:"kind"`
	SHA256 string `json:"sha256,omitempty"`
	SHA1   string `json:"sha1,omitempty"`
	SameAs string `json:"same_as,omitempty"`
}

func (w *work) statement(m *inventory.Made) Statement {
	s := Statement{Catalog: w.catalog(), Version: int(m.Version)}
	for _, f := range m.Files {
		s.Files = append(s.Files, Covered{f.Name, w.r.Relative(f.Path), f.Kind, f.SHA256, f.SHA1, f.SameAs})
	}
	for _, f := range m.Empty {
		s.Empty = append(s.Empty, w.r.Relative(f.Path))
	}
	return s
}

// Coverage reads the statement of the release's catalog; nil without one. The
// step that writes the policy asks.
func Coverage(r *step.Run) (*Statement, error) {
	rec, ok := record(r)
	if !ok {
		return nil, nil
	}
	b, err := r.ReadFile(rec.Facts["coverage"])
	if err != nil {
		return nil, fmt.Errorf("reading what the catalog covers: %w", err)
	}
	s := &Statement{}
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("reading what the catalog covers: %s: %v", rec.Facts["coverage"], err)
	}
	return s, nil
}

// File is the catalog that this release has made, as in Run.Abs; "" if it has
// none.
func File(r *step.Run) string {
	rec, _ := record(r)
	return rec.Facts["catalog"]
}

// record is that of the catalog which the spec names. The one of another name,
// from before an edit of the spec, is none of this release.
func record(r *step.Run) (ledger.Record, bool) {
	if r.Spec.Catalog == nil {
		return ledger.Record{}, false
	}
	return r.Ledger.Record(name, (&work{r: r}).name())
}
