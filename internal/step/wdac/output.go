package wdac

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
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

// maxTold bounds the lines about the policy on the console; all of them are in
// the README.
const maxTold = 24

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
	if keep := w.w.KeepReleases; keep != nil && *keep > 0 && len(w.earlier) == 0 {
		c.Note("%s lists no earlier release, so only this one is allowed. Keep the file between builds, or restore it from the last release", w.w.History)
	}
	lines := cipolicy.Describe(made.Policy)
	for _, l := range lines[:min(len(lines), maxTold)] {
		c.Line("    %s", l)
	}
	if len(lines) > maxTold {
		c.Line("    and %d lines more, see %s/README.md", len(lines)-maxTold, step.WDACDir)
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
	var kinds []string
	for _, c := range made.Coverage {
		if c.Level != "" && !slices.Contains(kinds, c.Level) {
			kinds = append(kinds, c.Level)
		}
	}
	return step.Result{Facts: facts, Note: fmt.Sprintf("%d files covered by %s", len(made.Coverage), strings.Join(kinds, ", "))}
}
