package wdac

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/step/wdac/kit"
	"github.com/hallmark-dev/hallmark/internal/step/wdac/policy"
)

func digest(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }

func binaryName(k *kit.Kit) string { return k.Policy.ID().String() + ".cip" }

// sortedNames are the names of files in order, with one of them last.
func sortedNames(files map[string][]byte, last string) []string {
	var names []string
	for n := range files {
		if n != last {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return append(names, last)
}

// sweep removes files of the kit's folder that this kit does not have: two
// policies side by side would leave an administrator guessing.
func (w *work) sweep(files map[string][]byte) error {
	root := w.r.Abs(step.WDACDir)
	return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		if _, ours := files[filepath.ToSlash(rel)]; ours {
			return nil
		}
		if err := atomicfile.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing what an earlier policy left: %w", err)
		}
		return nil
	})
}

// tell prints what the policy says and what deserves attention.
func (w *work) tell(made *policy.Result, k *kit.Kit) {
	c := w.r.Console
	for _, n := range made.Notes {
		c.Warn("%s", n)
	}
	for _, cov := range made.Coverage {
		for _, n := range cov.Notes {
			c.Note("%s: %s", cov.File, n)
		}
	}
	if len(k.Binary) > kit.IntuneLimit {
		c.Warn("the policy has %d bytes, and Intune accepts %d: use a level that needs fewer rules, or deploy it with the script", len(k.Binary), kit.IntuneLimit)
	}
	if keep := w.w.KeepReleases; keep != nil && *keep > 0 && len(w.earlier) == 0 && !w.r.UsesTestIdentity() {
		c.Note("%s lists no earlier release, so only this one is allowed. Keep the file between releases", w.w.History)
	}
	for _, l := range cipolicy.Describe(made.Policy) {
		c.Detail("%s", l)
	}
}

func (w *work) result(made *policy.Result, k *kit.Kit) step.Result {
	p := made.Policy
	facts := map[string]string{
		"policy_id": p.ID().String(), "base_policy_id": p.BaseID().String(), "version": p.Version.String(),
		"format": fmt.Sprint(k.Format), "file_rules": fmt.Sprint(len(p.FileRules)), "signers": fmt.Sprint(len(p.Signers)),
		"bytes": fmt.Sprint(len(k.Binary)), "coverage": w.coveragePath(), "earlier_releases": fmt.Sprint(len(w.earlier)),
	}
	if k.Signer != "" {
		facts["signer"] = k.Signer
	}
	return step.Result{Facts: facts, Note: w.note(made)}
}

// criteria describe what the rules of a level hold a file to.
var criteria = map[string]string{
	"Hash": "hash", "FileName": "name", "SignedVersion": "publisher and version", "Publisher": "publisher",
	"FilePublisher": "publisher, name and version", "LeafCertificate": "signing certificate", "PcaCertificate": "issuing certificate",
}

// note says in one line what the policy does; its README says all of it.
func (w *work) note(made *policy.Result) string {
	var by []string
	for _, c := range made.Coverage {
		if what := criteria[c.Level]; what != "" && !slices.Contains(by, what) {
			by = append(by, what)
		}
	}
	does := "allows"
	if w.w.Template == "deny-old" {
		does = "denies older versions of"
	}
	kind := strings.TrimSpace(w.w.Template + w.w.TemplateFile)
	if len(made.Coverage) == 1 && made.Coverage[0].Level == "FilePublisher" && does == "allows" {
		return fmt.Sprintf("%s: allows %s %s or later by this signer", kind, path.Base(made.Coverage[0].File), w.r.Spec.Project.Version)
	}
	return fmt.Sprintf("%s: %s %s by %s", kind, does, step.Files(len(made.Coverage)), strings.Join(by, ", or by "))
}
