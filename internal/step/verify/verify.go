// Package verify is the step that judges the finished programs as Windows
// would. It fails the release; it never lets anything through with a warning
// only.
package verify

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/pinned"
	"github.com/hallmark-dev/hallmark/internal/secondreader"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// Step judges each program and keeps the transcript as evidence.
func Step() step.Step {
	return step.Step{
		Name:    "verify",
		Does:    "judge the finished programs as Windows would",
		Enabled: func(s *spec.Spec) bool { return s.Sign != nil },
		Units:   units,
		Judges:  true,
	}
}

// config is what decides the verdict, beside the files of the project.
type config struct {
	*spec.Verify
	Lists    string   `json:"microsoft_lists,omitempty"`
	Allowed  []string `json:"allowed,omitempty"`
	Firmware bool     `json:"firmware,omitempty"`
}

func units(_ context.Context, r *step.Run) ([]step.Unit, error) {
	files := Files(r)
	lists, err := r.ListsID()
	if err != nil {
		return nil, err
	}
	c := config{r.Spec.Verify, lists, allowances(r.Spec), r.Spec.Sign.Firmware}
	return r.PerArtifact(func(a ledger.Artifact) step.Unit {
		return step.Unit{
			Name:    a.File(),
			Config:  c,
			Inputs:  append([]string{r.Released(a)}, files...),
			Outputs: []string{r.Evidence(a, "verify.txt"), r.Evidence(a, "verify.json")},
			Do:      func(ctx context.Context) (step.Result, error) { return do(ctx, r, a) },
		}
	})
}

func do(ctx context.Context, r *step.Run, a ledger.Artifact) (step.Result, error) {
	o, err := Options(r)
	if err != nil {
		return step.Result{}, err
	}
	f, err := r.Admit(r.Released(a))
	if err != nil {
		return step.Result{}, err
	}
	defer f.Close()
	report, err := authenticode.Verify(ctx, f, f.Size(), o)
	if err != nil {
		return step.Result{}, err
	}
	// All is asked before the transcript is written, which must not say trusted
	// when the step refuses.
	err = Refuse(report)
	if err == nil {
		err = secondreader.Confirm(f, f.Size(), report, secondreader.Want{Authentihash: secondreader.Hashes(report), Covered: true, Checksum: true})
	}
	if err == nil {
		err = unaltered(r, a, f, report)
	}
	if wrote := write(r, a, report); err == nil {
		err = wrote
	}
	bound := map[string]pinned.Sum{r.Released(a): f.Sum()}
	return step.Result{Bound: bound, Facts: facts(report), Note: note(r, report)}, err
}

// unaltered refuses a program that has replaced the one that
// was assembled, though its signature be good: it may be that of another release.
func unaltered(r *step.Run, a ledger.Artifact, f *pinned.File, report *authenticode.Report) error {
	err := r.Unaltered(r.Released(a), f.Sum())
	if err != nil {
		report.Refuse("unchanged", err)
	}
	return err
}

// write keeps the transcript also when the program is refused: it explains why.
func write(r *step.Run, a ledger.Artifact, report *authenticode.Report) error {
	b, err := report.JSON()
	if err != nil {
		return fmt.Errorf("writing the transcript: %v", err)
	}
	text := "File: " + printable.Text(r.Released(a)) + "\n" + report.String()
	if err := r.Write(r.Evidence(a, "verify.txt"), []byte(text)); err != nil {
		return err
	}
	return r.Write(r.Evidence(a, "verify.json"), b)
}

// Refuse turns the report about a signature into an error unless it is good in
// every respect and of the publisher that the spec requires.
func Refuse(report *authenticode.Report) error {
	var why []string
	for _, f := range report.Problems() {
		why = append(why, f.String())
	}
	if len(report.Signatures) == 0 {
		why = append(why, "the program is not signed")
	}
	if report.Trusted && len(why) == 0 {
		return nil
	}
	return fault.New(fault.Verification, "refused (Windows: %s): %s", report.Windows, strings.Join(why, "; ")).
		Hint("the transcript is in %s", step.EvidenceDir)
}

func facts(report *authenticode.Report) map[string]string {
	if len(report.Signatures) == 0 {
		return nil
	}
	s := report.Signatures[0]
	m := map[string]string{"verdict": report.Windows.String(), "digest": report.Digests["SHA-256"]}
	if s.Signer != nil {
		m["signer"], m["thumbprint_sha1"], m["class"] = publisher(report), s.Signer.SHA1, string(s.Signer.Class)
		m["issuer"] = s.Signer.IssuerName
	}
	if len(s.Timestamps) > 0 {
		m["timestamp"] = s.Timestamps[0].Time.UTC().Format(time.RFC3339)
	}
	return m
}

func note(r *step.Run, report *authenticode.Report) string {
	n := "trusted"
	if r.UsesTestIdentity() {
		n = "signature valid (test root)"
	}
	if len(report.Signatures) == 0 {
		return n
	}
	if t := report.Signatures[0].Timestamps; len(t) > 0 {
		n += ", timestamped " + t[0].Time.UTC().Format(time.RFC3339)
	}
	return n
}

func publisher(report *authenticode.Report) string {
	if len(report.Signatures) == 0 || report.Signatures[0].Signer == nil {
		return ""
	}
	return report.Signatures[0].Signer.Name
}
