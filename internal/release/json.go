package release

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/pipeline"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// Events returns a console that shows people nothing and writes one JSON object
// a line to w: docs/json.md describes them.
func Events(w io.Writer, now func() time.Time) *console.Console {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return console.New(io.Discard, console.Options{Events: func(name string, data map[string]any) {
		out := map[string]any{"event": name, "time": now().UTC().Format(time.RFC3339Nano)}
		for k, v := range data {
			out[k] = v
		}
		enc.Encode(out) // a reader that is gone is no reason to stop a release
	}})
}

// Failed tells other programs, by the event error, what went wrong.
func Failed(o Options, err error) {
	if err != nil && o.Console != nil {
		o.Console.Event("error", failed(err))
	}
}

// failed is the data of the event error.
func failed(err error) map[string]any {
	var problems []map[string]any
	for _, p := range fault.Problems(err) {
		one := map[string]any{"text": p.Error()}
		if f := (*fault.Error)(nil); errors.As(p, &f) {
			one["text"], one["hints"] = f.Err.Error(), f.Hints
		}
		problems = append(problems, one)
	}
	return map[string]any{"status": fault.Status(err), "problems": problems}
}

// about is the data of the event release: what is released.
func (r *Release) about() map[string]any {
	s := r.run.Spec
	return map[string]any{
		"product": s.Project.Name, "version": s.Project.Version, "version_from": s.Source.VersionFrom, "commit": s.Source.Commit,
		"signed": s.Sign != nil, "test_identity": r.run.UsesTestIdentity(),
	}
}

// result is the data of the event result: what was done and where it is.
func (r *Release) result(report pipeline.Report) map[string]any {
	run := r.run
	files := map[string]string{}
	for path, sum := range run.Ledger.Shipped() {
		files[path] = sum
	}
	return map[string]any{
		"ran": report.Ran, "ms": report.Took.Milliseconds(),
		"programs": programsOf(run), "shipped": files,
		"folders": map[string]string{"package": step.PackageDir, "release": step.ReleaseDir, "evidence": step.EvidenceDir},
	}
}

type jsonProgram struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Target string `json:"target"`
	Path   string `json:"path"`
}

func programsOf(run *step.Run) []jsonProgram {
	list := []jsonProgram{}
	for _, a := range run.Ledger.Artifacts() {
		list = append(list, jsonProgram{a.ID, a.Name, step.Target(a), step.ReleaseDir + "/" + a.File()})
	}
	return list
}

// The answer of plan -json.
type (
	jsonPlan struct {
		Product string     `json:"product"`
		Version string     `json:"version"`
		Runs    bool       `json:"runs"`
		Stops   string     `json:"stops,omitempty"`
		Steps   []jsonStep `json:"steps"`
	}
	jsonStep struct {
		Step  string     `json:"step"`
		On    bool       `json:"on"`
		Runs  bool       `json:"runs"`
		Units []jsonUnit `json:"units"`
	}
	jsonUnit struct {
		Unit   string `json:"unit"`
		Runs   bool   `json:"runs"`
		Reason string `json:"reason,omitempty"`
	}
)

// PlanJSON writes what Plan shows as JSON: docs/json.md describes it.
func (r *Release) PlanJSON(ctx context.Context, w io.Writer) error {
	states, err := pipeline.Plan(ctx, pipeline.Steps(), r.run)
	if err != nil {
		return err
	}
	if err := pipeline.Judge(ctx, states, r.run); err != nil {
		return err
	}
	s := r.run.Spec
	p := jsonPlan{Product: s.Project.Name, Version: s.Project.Version, Runs: slices.ContainsFunc(states, pipeline.StepState.Runs)}
	if s.Source.Untagged != nil {
		p.Stops = s.Source.Untagged.Message
	}
	for _, st := range states {
		one := jsonStep{Step: st.Step.Name, On: st.On, Runs: st.Runs(), Units: []jsonUnit{}}
		for _, u := range st.Units {
			one.Units = append(one.Units, jsonUnit{u.Unit.Name, u.Why != "", u.Why})
		}
		p.Steps = append(p.Steps, one)
	}
	return writeJSON(w, p)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
