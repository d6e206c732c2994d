// Package catalog is the step that lists the finished programs, and whatever
// else is shipped beside them, in a signed security catalog.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"path"
	"sync"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/catalog"
	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/inventory"
	"github.com/hallmark-dev/hallmark/internal/pinned"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/step/sign"
	"github.com/hallmark-dev/hallmark/internal/step/verify"
)

// name of the step, and the folder of what it keeps.
const name = "catalog"

// Step makes one catalog over the final bytes of everything that is shipped.
func Step() step.Step {
	return step.Step{
		Name:    name,
		Does:    "list what is shipped in a signed security catalog",
		Enabled: func(s *spec.Spec) bool { return s.Catalog != nil },
		Units:   units,
		Check:   sign.Step().Check,
	}
}

// config is what decides the catalog beside the files.
type config struct {
	Catalog     spec.Catalog
	Identity    string
	Digest      string
	Description string
	URL         string   `json:"url"`
	Servers     []string `json:"servers"`
	Verify      *spec.Verify
	Time        time.Time
}

// Paths of what the step writes.
func (w *work) catalog() string  { return path.Join(step.CatalogDir, w.name()) }
func (w *work) cdf() string      { return path.Join(step.CatalogDir, w.r.Spec.Catalog.Name+".cdf") }
func (w *work) coverage() string { return path.Join(step.EvidenceDir, name, w.name()+".files.json") }
func (w *work) evidence(kind string) string {
	return path.Join(step.EvidenceDir, name, w.name()+"."+kind)
}
func (w *work) name() string { return w.r.Spec.Catalog.Name + ".cat" }

// work is one run of the step.
type work struct {
	r     *step.Run
	files []inventory.File

	mu    sync.Mutex
	bound map[string]pinned.Sum // by path relative to the project
}

func units(_ context.Context, r *step.Run) ([]step.Unit, error) {
	w := &work{r: r, bound: map[string]pinned.Sum{}}
	programs, err := w.programs()
	if err != nil || len(programs) == 0 {
		return nil, err // not built yet
	}
	included, err := inventory.Match(r.Root, r.Spec.Catalog.Include, step.Dist, step.StateDir, ".git")
	if err != nil {
		return nil, fmt.Errorf("catalog.include: %w", err)
	}
	w.admit(included)
	w.files = append(programs, included...)
	if err := w.unambiguous(); err != nil {
		return nil, err
	}
	s := r.Spec
	u := step.Unit{
		Name:    w.name(),
		Config:  config{*s.Catalog, s.Sign.Identity, s.Sign.Digest, s.Sign.Description, s.Sign.URL, servers(s), s.Verify, s.Source.Time},
		Outputs: []string{w.catalog(), w.cdf(), w.coverage(), w.evidence("verify.txt"), w.evidence("verify.json")},
		Do:      w.do,
	}
	for _, f := range w.files {
		u.Inputs = append(u.Inputs, w.r.Relative(f.Path))
	}
	key, err := sign.Files(s.Sign)
	u.Inputs = append(append(u.Inputs, key...), verify.Files(r)...)
	return []step.Unit{u}, err
}

func servers(s *spec.Spec) []string {
	if s.Timestamp == nil {
		return nil
	}
	return s.Timestamp.Servers
}

// programs are listed under the names that they have in dist/release.
func (w *work) programs() ([]inventory.File, error) {
	as, err := w.r.Artifacts()
	if err != nil {
		return nil, err
	}
	var out []inventory.File
	for _, a := range as {
		released := w.r.Released(a)
		out = append(out, inventory.File{Name: a.File(), Path: w.r.Abs(released), Open: func() (catalog.Input, error) { return input(w.r.Open(released)) }})
	}
	return out, nil
}

func input(f *pinned.File, err error) (catalog.Input, error) {
	if err != nil {
		return catalog.Input{}, err
	}
	return catalog.Input{Reader: f, Size: f.Size(), Close: f.Close}, nil
}

// admit has the files beside the programs opened as the first step to read
// them, and keeps what was read: the list, its confirmation and every later
// step are about the same bytes.
func (w *work) admit(files []inventory.File) {
	for i := range files {
		f := &files[i]
		f.Open = func() (catalog.Input, error) {
			p := w.r.Relative(f.Path)
			in, err := w.r.Admit(p)
			if err != nil {
				return catalog.Input{}, err
			}
			if old, again := w.bind(p, in.Sum()); again && old != in.Sum() {
				in.Close()
				return catalog.Input{}, fault.New(fault.Verification, "%w", pinned.ErrChanged)
			}
			return input(in, nil)
		}
	}
}

// bind notes the bytes of a file, and returns those that were noted before.
func (w *work) bind(path string, sum pinned.Sum) (old pinned.Sum, again bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if old, again = w.bound[path]; !again {
		w.bound[path] = sum
	}
	return old, again
}

// unambiguous refuses two files of one name: a catalog that is compared with
// a folder would be right about one of them only.
func (w *work) unambiguous() error {
	seen := map[string]string{}
	var errs []error
	for _, f := range w.files {
		if other, ok := seen[f.Name]; ok {
			errs = append(errs, fault.New(fault.Usage, "catalog: %s and %s are both listed as %s", other, w.r.Relative(f.Path), f.Name))
		}
		seen[f.Name] = w.r.Relative(f.Path)
	}
	return errors.Join(errs...)
}

func (w *work) do(ctx context.Context) (step.Result, error) {
	o := w.options()
	made, err := inventory.Make(ctx, w.files, o)
	if err != nil {
		return step.Result{}, err
	}
	w.tell(made)
	signed, err := w.signed(ctx, made)
	if err != nil {
		return step.Result{}, err
	}
	der, server, err := w.stamped(ctx, signed)
	if err != nil {
		return step.Result{}, err
	}
	report, err := w.judge(ctx, der)
	if err != nil {
		return step.Result{}, err
	}
	if err := made.Confirm(ctx, w.name(), der); err != nil {
		return step.Result{}, err
	}
	if err := w.write(made, o, der); err != nil {
		return step.Result{}, err
	}
	return step.Result{Bound: w.bound, Facts: w.facts(made, report, server), Note: step.Files(len(made.Files))}, nil
}

func (w *work) options() inventory.Options {
	c := w.r.Spec.Catalog
	return inventory.Options{PathAttribute: c.PathAttribute, Options: catalog.Options{
		Version: catalog.Version(c.Version), Time: w.r.Spec.Source.Time, PageHashes: c.PageHashes,
		NoSHA1:     c.CompatSHA1 != nil && !*c.CompatSHA1,
		Attributes: inventory.Attributes(c.Attributes, c.HardwareIDs),
	}}
}

// tell describes what a reader of the list would not expect.
func (w *work) tell(m *inventory.Made) {
	c := w.r.Console
	for _, f := range m.Empty {
		c.Warn("%s is left out: Windows cannot list empty files", f.Name)
	}
	for _, f := range m.Files {
		if f.Link != "" {
			c.Note("%s is a link; its target is listed, %s", f.Name, f.Link)
		}
		if f.SameAs != "" {
			c.Detail("%s has the contents of %s; one entry stands for both", f.Name, f.SameAs)
		}
	}
}

// judge has the catalog's own signature judged as those of the programs are,
// and keeps the transcript also when it is refused.
func (w *work) judge(ctx context.Context, der []byte) (*authenticode.Report, error) {
	o, err := verify.Options(w.r)
	if err != nil {
		return nil, err
	}
	report, err := catalog.Verify(ctx, der, o)
	if err != nil {
		return nil, err
	}
	b, err := report.JSON()
	if err != nil {
		return nil, fmt.Errorf("writing the transcript: %v", err)
	}
	text := "File: " + printable.Text(w.catalog()) + "\n" + report.String()
	if err := w.r.Write(w.evidence("verify.txt"), []byte(text)); err != nil {
		return nil, err
	}
	if err := w.r.Write(w.evidence("verify.json"), b); err != nil {
		return nil, err
	}
	return report, verify.Refuse(report)
}

// write leaves the catalog for the end: when it is there, all of it is.
func (w *work) write(m *inventory.Made, o inventory.Options, der []byte) error {
	cdf, err := m.Definition(w.name(), o)
	if err != nil {
		return err
	}
	coverage, err := printable.JSON(w.statement(m))
	if err != nil {
		return fmt.Errorf("writing the list of files: %v", err)
	}
	if err := w.r.Write(w.cdf(), cdf); err != nil {
		return err
	}
	if err := w.r.Write(w.coverage(), append(coverage, '\n')); err != nil {
		return err
	}
	if err := w.r.Write(w.catalog(), der); err != nil {
		return err
	}
	return atomicfile.RemoveAll(w.r.Abs(w.stage())) // the signature is in the catalog now
}

func (w *work) facts(m *inventory.Made, report *authenticode.Report, server string) map[string]string {
	s := report.Signatures[0]
	f := map[string]string{
		"catalog": w.catalog(), "coverage": w.coverage(), "files": fmt.Sprint(len(m.Files)), "empty_files": fmt.Sprint(len(m.Empty)),
		"version": fmt.Sprint(int(m.Version)), "list_id": fmt.Sprintf("%X", m.ListID), "verdict": report.Windows.String(),
	}
	if s.Signer != nil {
		f["signer"], f["thumbprint_sha1"], f["thumbprint_sha256"] = s.Signer.Name, s.Signer.SHA1, s.Signer.SHA256
	}
	if server != "" {
		f["server"] = server
	}
	if len(s.Timestamps) > 0 {
		f["timestamp"] = s.Timestamps[0].Time.UTC().Format(time.RFC3339)
	}
	return f
}
