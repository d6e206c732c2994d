// Package wdac is the step that makes the App Control policy of a release and
// the kit by which an enterprise deploys it.
package wdac

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/formats/cipolicy/rules"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/inventory"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/step/catalog"
	"github.com/hallmark-dev/hallmark/internal/step/sign"
	"github.com/hallmark-dev/hallmark/internal/step/wdac/kit"
	"github.com/hallmark-dev/hallmark/internal/step/wdac/policy"
)

// name of the step, and of the folder of what it keeps.
const name = "wdac"

// Step makes one policy for everything that is shipped.
func Step() step.Step {
	return step.Step{
		Name:    name,
		Title:   func(*spec.Spec) string { return "policy" },
		Does:    "make the App Control policy and its deployment kit",
		Enabled: func(s *spec.Spec) bool { return s.WDAC != nil },
		Units:   units,
		Check:   check,
	}
}

// check reaches for the key only if the policy will be signed.
func check(ctx context.Context, r *step.Run) error {
	if !r.Spec.WDAC.Sign {
		return nil
	}
	return sign.Step().Check(ctx, r)
}

// config is what decides the policy beside the files.
type config struct {
	WDAC     spec.WDAC
	Company  string
	Product  string
	Version  string
	Identity string
	Template string `json:"template_sha256"`
	// Earlier are the releases that stay allowed; the record of this one is
	// left out, since the step writes it.
	Earlier []policy.Release
}

// work is one run of the step.
type work struct {
	r        *step.Run
	w        *spec.WDAC
	files    []inventory.File
	template []byte
	history  *policy.History
	earlier  []policy.Release
	// byCatalog are the files that only the catalog signs.
	byCatalog map[string]bool
	catalog   string // file name of the catalog that one of them needs installed
}

func units(_ context.Context, r *step.Run) ([]step.Unit, error) {
	w := &work{r: r, w: r.Spec.WDAC}
	if err := w.open(); err != nil || len(w.files) == 0 {
		return nil, err // not built yet
	}
	s := r.Spec
	identity := ""
	var key []string
	if s.Sign != nil && w.w.Sign {
		var err error
		if key, err = sign.Files(s.Sign); err != nil {
			return nil, err
		}
		identity = s.Sign.Identity
	}
	u := step.Unit{
		Name:    w.xmlName(),
		Config:  config{*w.w, s.Project.Company, s.Project.Name, s.Project.Version, identity, digest(w.template), w.earlier},
		Outputs: w.outputs(),
		Do:      w.do,
	}
	for _, f := range w.files {
		u.Inputs = append(u.Inputs, w.r.Relative(f.Path))
	}
	for _, f := range append(key, w.w.TemplateFile, w.w.Merge, catalog.File(w.r)) {
		if f != "" {
			u.Inputs = append(u.Inputs, filepath.ToSlash(f))
		}
	}
	return []step.Unit{u}, nil
}

// open reads what is known before anything runs.
func (w *work) open() error {
	as, err := w.r.Artifacts()
	if err != nil || len(as) == 0 {
		return err
	}
	for _, a := range as {
		w.files = append(w.files, inventory.File{Name: a.File(), Path: w.r.Abs(w.r.Released(a))})
	}
	if err := w.openCatalogFiles(); err != nil {
		return err
	}
	if err := w.openTemplate(); err != nil {
		return err
	}
	b, err := w.r.ReadUnbound(w.w.History)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the history of releases: %w", err)
	}
	w.history, err = policy.ParseHistory(b, w.r.Spec.Project.Name)
	if err != nil {
		return fault.New(fault.Usage, "%s: %w", w.w.History, err).Hint("put back the history.json of the last release, or delete the file to start over")
	}
	if keep := w.w.KeepReleases; keep != nil {
		w.earlier = w.history.Before(w.r.Spec.Project.Version, *keep)
	}
	return nil
}

// openCatalogFiles adds what the catalog lists beside the programs, such as
// scripts: it is shipped too.
func (w *work) openCatalogFiles() error {
	c := w.r.Spec.Catalog
	if c == nil || len(c.Include) == 0 {
		return nil
	}
	more, err := inventory.Match(w.r.Root, c.Include, step.Dist, step.StateDir, ".git")
	if err != nil {
		return fmt.Errorf("catalog.include: %w", err)
	}
	for _, f := range more {
		if st, err := os.Stat(f.Path); err == nil && st.Size() > 0 && rules.Checked(f.Path) {
			w.files = append(w.files, f)
		}
	}
	return nil
}

func (w *work) openTemplate() (err error) {
	if f := w.w.TemplateFile; f != "" {
		if w.template, err = w.r.ReadUnbound(f); err != nil {
			return fmt.Errorf("reading wdac.template_file: %w", err)
		}
		return nil
	}
	w.template, err = fs.ReadFile(w.r.Templates, "wdac/"+w.w.Template+".xml")
	return err
}

// kind is the part of the policy's identity that tells the policies of one
// product apart.
func (w *work) kind() string {
	if w.w.TemplateFile != "" {
		return "template " + filepath.ToSlash(w.w.TemplateFile)
	}
	return w.w.Template
}

func (w *work) id() cipolicy.GUID {
	return policy.ID(w.r.Spec.Project.Company, w.r.Spec.Project.Name, w.kind())
}

var unsafeName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// xmlName is made of the policy's name, which may hold any text.
func (w *work) xmlName() string {
	n := strings.Trim(unsafeName.ReplaceAllString(w.w.Name, "-"), "-.")
	if n == "" {
		n = w.r.Spec.Project.Name
	}
	return n + ".xml"
}

func (w *work) coveragePath() string { return path.Join(step.EvidenceDir, name, "coverage.json") }

// outputs are the files of the kit.
func (w *work) outputs() []string {
	names := []string{w.xmlName(), w.id().String() + ".cip", "deploy.ps1", "remove.ps1", "README.md",
		"intune/" + w.id().Bare() + ".bin", "intune/oma-uri.json", "history.json"}
	if w.w.SinglePolicy {
		names = append(names, "SiPolicy.p7b", "deploy-single.ps1")
	}
	for i, n := range names {
		names[i] = path.Join(step.WDACDir, n)
	}
	return names
}

func (w *work) do(ctx context.Context) (step.Result, error) {
	if err := w.checkCatalog(); err != nil {
		return step.Result{}, err
	}
	signer, cert, err := w.signer(ctx)
	if err != nil {
		return step.Result{}, err
	}
	in, err := w.input(ctx, cert)
	if err != nil {
		return step.Result{}, err
	}
	made, err := policy.Make(in)
	if made != nil {
		w.catalog = w.neededCatalog(made)
		if err := w.writeCoverage(made); err != nil {
			return step.Result{}, err
		}
	}
	if err != nil {
		return step.Result{}, fault.New(fault.Verification, "%w", err)
	}
	kit, err := w.kit(ctx, made, in, signer)
	if err != nil {
		return step.Result{}, err
	}
	if err := w.write(kit); err != nil {
		return step.Result{}, err
	}
	w.tell(made, kit)
	return w.result(made, kit), nil
}

// signer opens the identity if the policy is to be signed.
func (w *work) signer(ctx context.Context) (cms.Signer, *x509.Certificate, error) {
	if !w.w.Sign {
		return cms.Signer{}, nil, nil
	}
	id, err := w.r.Identity(ctx)
	if err != nil {
		return cms.Signer{}, nil, err
	}
	return cms.Signer{Key: id.Key, Certificate: id.Certificate, Chain: id.Embedded()}, id.Certificate, nil
}

// input looks at the files that are shipped.
func (w *work) input(ctx context.Context, cert *x509.Certificate) (policy.Input, error) {
	s := w.r.Spec
	in := policy.Input{
		Company: s.Project.Company, Product: s.Project.Name, Version: s.Project.Version, Name: w.w.Name, Kind: w.kind(),
		Template: w.template, BasePolicyID: w.w.BasePolicyID, Level: w.w.Level, Fallback: w.w.Fallback, Options: w.w.Options,
		Deny: w.w.Template == "deny-old", Earlier: w.earlier, History: w.history, Signer: cert,
	}
	for _, f := range w.files {
		seen, err := w.inspect(ctx, f)
		if err != nil {
			return in, fmt.Errorf("examining %s: %w", f.Name, err)
		}
		in.Files = append(in.Files, seen)
	}
	if err := w.addCatalogSignature(in.Files); err != nil {
		return in, err
	}
	if w.w.Merge != "" {
		b, err := w.r.ReadUnbound(w.w.Merge)
		if err != nil {
			return in, fmt.Errorf("reading wdac.merge: %w", err)
		}
		if in.Merge, err = cipolicy.ReadBytes(b); err != nil {
			return in, fault.New(fault.Usage, "wdac.merge: %s is not a valid policy:\n%w", w.w.Merge, err)
		}
	}
	return in, nil
}

// inspect looks at the bytes that were verified, or listed in the catalog.
func (w *work) inspect(ctx context.Context, f inventory.File) (rules.File, error) {
	r, err := w.r.Open(w.r.Relative(f.Path))
	if err != nil {
		return rules.File{}, err
	}
	defer r.Close()
	return rules.Inspect(ctx, f.Name, r, r.Size())
}

func (w *work) kit(ctx context.Context, made *policy.Result, in policy.Input, signer cms.Signer) (*kit.Kit, error) {
	k := &kit.Kit{
		Policy: made.Policy, Title: w.w.Name, Release: in.Version, XMLName: w.xmlName(), Format: w.w.Format,
		Test: w.r.UsesTestIdentity(), Catalog: w.catalog, Templates: w.r.Templates,
	}
	if signer.Certificate != nil {
		k.Signer = signer.Certificate.Subject.CommonName
	}
	var err error
	if k.Binary, err = w.compile(ctx, made.Policy, signer); err != nil {
		return nil, err
	}
	if w.w.SinglePolicy {
		single, err := policy.Single(made.Policy)
		if err != nil {
			return nil, err
		}
		if k.Single, err = w.compile(ctx, single, signer); err != nil {
			return nil, err
		}
	}
	h := w.history.With(policy.Release{Version: in.Version, Policy: made.Policy.Version.String(), Files: in.Files})
	k.History, err = h.JSON()
	return k, err
}

// compile makes the binary and, if it is to be signed, signs it.
func (w *work) compile(ctx context.Context, p *cipolicy.Policy, signer cms.Signer) ([]byte, error) {
	b, err := cipolicy.Compile(p, cipolicy.CompileOptions{Format: w.w.Format})
	if err != nil {
		return nil, fmt.Errorf("compiling the policy:\n%w", err)
	}
	if signer.Certificate == nil {
		return b, nil
	}
	if b, err = cipolicy.Sign(ctx, b, signer); err != nil {
		return nil, fmt.Errorf("signing the policy: %w", err)
	}
	return b, nil
}

func (w *work) writeCoverage(made *policy.Result) error {
	b, err := printable.JSON(made.Coverage)
	if err != nil {
		return fmt.Errorf("writing the coverage: %v", err)
	}
	return w.put(w.coveragePath(), append(b, '\n'))
}

// put writes a file, making its folder.
func (w *work) put(p string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(w.r.Abs(p)), 0o755); err != nil {
		return fmt.Errorf("making the output folder: %w", err)
	}
	return w.r.Write(p, b)
}

// write puts the kit down, the binary last but for the history: when that is
// there, all of it is. What an earlier policy of another name left is removed.
func (w *work) write(k *kit.Kit) error {
	files, err := k.Files()
	if err != nil {
		return err
	}
	binary := binaryName(k)
	for _, n := range sortedNames(files, binary) {
		if err := w.put(path.Join(step.WDACDir, n), files[n]); err != nil {
			return err
		}
	}
	if err := w.sweep(files); err != nil {
		return err
	}
	if w.r.Spec.Trial() {
		return nil // it need not stay allowed
	}
	return w.put(w.w.History, k.History)
}
