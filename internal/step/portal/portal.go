// Package portal is the step that writes what a person needs to get a false
// detection cleared: the text and the fields of Microsoft's submission form,
// and the evidence that goes with them.
package portal

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/gitinfo"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/step/portal/peinfo"
	"github.com/hallmark-dev/hallmark/internal/step/portal/submission"
	"github.com/hallmark-dev/hallmark/internal/text"
)

// builtin is the template that is used when the spec names none.
const builtin = "portal/additional-information.txt.tmpl"

// The files of one submission.
const (
	fieldsFile   = "wdsi-fields.json"
	textFile     = "additional-information.txt"
	metadataFile = "metadata.json"
	buildFile    = "build.json"
	verifyFile   = "verify.txt"
)

// Step writes one folder for each program.
func Step() step.Step {
	return step.Step{
		Name:    "portal",
		Does:    "write the text for Microsoft's submission form",
		Enabled: func(s *spec.Spec) bool { return s.Portal != nil },
		Units:   units,
	}
}

// config is what the text is made of, beside the program.
type config struct {
	Project  spec.Project
	Portal   *spec.Portal
	Commit   string            `json:",omitempty"`
	Dirty    bool              `json:"uncommitted_changes"`
	Test     bool              `json:"test_identity"`
	Signed   bool              `json:"signed"`
	Verified map[string]string `json:"verified,omitempty"`
	Built    map[string]string `json:"built,omitempty"`
	// Template is the SHA-256 of the built-in template, which a newer version
	// of this program may bring; "" when the spec names a file.
	Template string `json:"template,omitempty"`
	// SourceTime is in build.json.
	SourceTime time.Time `json:"source_time"`
}

func units(ctx context.Context, r *step.Run) ([]step.Unit, error) {
	dirty, err := dirty(ctx, r)
	if err != nil {
		return nil, err
	}
	sum, err := templateSum(r)
	if err != nil {
		return nil, err
	}
	return r.PerArtifact(func(a ledger.Artifact) step.Unit {
		c := newConfig(r, a)
		c.Dirty, c.Template = dirty, sum
		u := step.Unit{Name: a.File(), Config: c, Inputs: []string{r.Released(a)}}
		if t := r.Spec.Portal.Template; t != "" {
			u.Inputs = append(u.Inputs, filepath.ToSlash(t))
		}
		names := []string{fieldsFile, textFile, metadataFile, buildFile}
		if c.Signed {
			u.Inputs = append(u.Inputs, r.Evidence(a, "verify.txt"))
			names = append(names, verifyFile)
		}
		for _, n := range names {
			u.Outputs = append(u.Outputs, path.Join(step.PortalDir, a.File(), n))
		}
		u.Do = func(ctx context.Context) (step.Result, error) { return do(ctx, r, a, c) }
		return u
	})
}

// templateSum identifies the built-in template where it is used.
func templateSum(r *step.Run) (string, error) {
	if r.Spec.Portal.Template != "" {
		return "", nil // a file, and so an input
	}
	text, err := template(r)
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text))), err
}

// dirty reports whether the tree differs from the commit that the text would
// name.
func dirty(ctx context.Context, r *step.Run) (bool, error) {
	if r.Spec.Source.Commit == "" {
		return false, nil
	}
	changed, err := gitinfo.Dirty(ctx, r.Root, r.Env, r.Ours()...) // anew: build.before may have written files
	return len(changed) > 0, err
}

func newConfig(r *step.Run, a ledger.Artifact) config {
	c := config{
		Project: r.Spec.Project, Portal: r.Spec.Portal, Commit: r.Spec.Source.Commit,
		Test: r.UsesTestIdentity(), Signed: step.Signs(r.Spec), SourceTime: r.Spec.Source.Time,
	}
	if rec, ok := r.Ledger.Record("verify", a.File()); ok {
		c.Verified = rec.Facts
	}
	if rec, ok := r.Ledger.Record("build", a.File()); ok {
		c.Built = rec.Facts
	} else if recs := r.Ledger.Records("build"); len(recs) > 0 { // a goreleaser configuration is built as a whole
		c.Built = recs[0].Facts
	}
	return c
}

func do(ctx context.Context, r *step.Run, a ledger.Artifact, c config) (step.Result, error) {
	program, err := r.Open(r.Released(a))
	if err != nil {
		return step.Result{}, err
	}
	defer program.Close()
	info, err := peinfo.Read(ctx, program, program.Size(), a.Name)
	if err != nil {
		return step.Result{}, fmt.Errorf("describing the program: %w", err)
	}
	tmpl, err := template(r)
	if err != nil {
		return step.Result{}, err
	}
	f := facts(c, a, info)
	text, dropped, err := submission.Text(tmpl, f, r.Spec.Portal.Hosts)
	if err != nil {
		return step.Result{}, err
	}
	if len(dropped) > 0 {
		r.Console.Warn("%s: left out to keep within %d characters: %s", a.File(), submission.MaxText, strings.Join(dropped, ", "))
	}
	fields, err := submission.NewFields(f, c.Portal.Product, c.Portal.SupportCase, r.Released(a), len(text))
	if err != nil {
		return step.Result{}, err
	}
	note := "ready to submit"
	if !fields.Ready {
		note = "draft: " + c.draft()
		r.Console.Detail("%s: not to be submitted: %s", a.File(), strings.Join(fields.NotReady, "; "))
	}
	return step.Result{Note: note}, write(r, a, c, text, fields, info)
}

func template(r *step.Run) (string, error) {
	if t := r.Spec.Portal.Template; t != "" {
		b, err := r.ReadUnbound(t)
		if err != nil {
			return "", fmt.Errorf("reading portal.template: %w", err)
		}
		own, err := text.Decode(b)
		if err != nil {
			return "", fault.New(fault.Usage, "portal.template: %s: %v", t, err).Hint("save it as UTF-8")
		}
		return own, nil
	}
	b, err := fs.ReadFile(r.Templates, builtin)
	return string(b), err
}

// facts gathers what the text may claim: of signature and build only what
// this release has proved.
func facts(c config, a ledger.Artifact, info *peinfo.Info) submission.Facts {
	p, o := c.Project, c.Portal
	f := submission.Facts{
		Title: p.Title, Version: p.Version, Purpose: strings.TrimSuffix(p.Description, "."), Company: p.Company,
		URL: p.URL, Support: p.Support, Repository: p.Repository,
		FileName: a.Name, Size: info.Size, SHA256: info.SHA256, DownloadURL: o.DownloadURL,
		GOOS: a.GOOS, GOARCH: a.GOARCH, GoVersion: c.Built["go"], Commit: c.Commit, CIURL: o.CIURL,
		Reproduced: c.Built["reproduced"] != "", Packing: info.Packing,
		Detection: o.Detection, DefinitionVersion: o.DefinitionVersion, EngineVersion: o.EngineVersion, Stage: o.Stage, FirstSeen: o.FirstSeen,
		Behaviour: o.Behaviour, PreviousSubmissions: o.PreviousSubmissions,
	}
	if c.Signed && c.Verified["verdict"] != "" {
		f.Signed = true
		f.Signer, f.Issuer = printable.Text(c.Verified["signer"]), printable.Text(c.Verified["issuer"])
		f.Thumbprint, f.StampTime = strings.ToUpper(c.Verified["thumbprint_sha1"]), c.Verified["timestamp"]
	}
	if c.Test {
		f.Warnings = append(f.Warnings, "signed with the Hallmark TEST identity, which is not trusted anywhere")
	}
	if c.Dirty {
		f.Commit = ""
		f.Warnings = append(f.Warnings, "built from a tree with uncommitted changes")
	}
	if o.Detection == "" || o.DefinitionVersion == "" {
		f.Warnings = append(f.Warnings, "no detection is named (portal.detection and portal.definition_version in release.yaml)")
	}
	return f
}

// buildRecord is build.json: how the program came to be.
type buildRecord struct {
	Product    string            `json:"product"`
	Version    string            `json:"version"`
	Commit     string            `json:"commit,omitempty"`
	SourceTime time.Time         `json:"source_time"`
	TimeFrom   string            `json:"source_time_from"`
	GOOS       string            `json:"goos"`
	GOARCH     string            `json:"goarch"`
	Build      map[string]string `json:"build"`
	Go         *peinfo.Build     `json:"go,omitempty"`
}

func write(r *step.Run, a ledger.Artifact, c config, text string, fields submission.Fields, info *peinfo.Info) error {
	s := r.Spec
	dir := path.Join(step.PortalDir, a.File())
	for name, v := range map[string]any{
		fieldsFile:   fields,
		metadataFile: info,
		buildFile:    buildRecord{s.Project.Name, s.Project.Version, c.Commit, s.Source.Time, s.Source.TimeFrom, a.GOOS, a.GOARCH, c.Built, info.Go},
	} {
		b, err := printable.JSON(v)
		if err != nil {
			return fmt.Errorf("writing %s: %v", name, err)
		}
		if err := r.Write(path.Join(dir, name), append(b, '\n')); err != nil {
			return err
		}
	}
	if c.Signed {
		if err := r.Copy(path.Join(dir, verifyFile), r.Evidence(a, "verify.txt")); err != nil {
			return err
		}
	}
	return r.Write(path.Join(dir, textFile), []byte(text))
}

// draft says in a few words why the text is not to be submitted. Without a
// detection, the usual case, there is nothing to submit.
func (c config) draft() string {
	switch {
	case c.Portal.Detection == "" || c.Portal.DefinitionVersion == "":
		return "no detection named, nothing to submit"
	case c.Test:
		return "signed by the test identity, not to be submitted"
	case c.Dirty:
		return "uncommitted changes, not to be submitted"
	}
	return "not to be submitted"
}
