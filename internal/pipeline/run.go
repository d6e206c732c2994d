package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/atomicfile/crashpoint"
	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/pinned"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// Report describes how much a run did.
type Report struct {
	Ran  int
	Took time.Duration
}

// Execute runs the steps in order. A step whose files and settings are those
// of its last success is skipped file by file. The first step that fails ends
// the run, after all its files have been tried, so that every problem of that
// step is reported at once.
func Execute(ctx context.Context, steps []step.Step, r *step.Run) (Report, error) {
	began := r.Now()
	x := &execution{run: r, d: newDigester(r.Abs)}
	plan, err := Plan(ctx, steps, r)
	if err != nil {
		return x.report, err
	}
	if x.idle(plan) {
		x.report.Took = r.Now().Sub(began)
		return x.report, nil
	}
	if err := Judge(ctx, plan, r); err != nil {
		return x.report, err
	}
	if err := x.check(ctx, plan); err != nil {
		return x.report, err
	}
	for _, s := range steps {
		if err := x.step(ctx, s); err != nil {
			return x.report, fmt.Errorf("%s: %w", s.Name, err)
		}
		crashpoint.Here("after step " + s.Name)
	}
	x.report.Took = r.Now().Sub(began)
	return x.report, nil
}

type execution struct {
	run    *step.Run
	d      *digester
	report Report
}

// idle reports whether the plan is to do nothing at all, and then prints that: files
// are not hashed a second time to find the same.
func (x *execution) idle(plan []StepState) bool {
	for _, st := range plan {
		if st.Runs() || x.stale(st) {
			return false
		}
	}
	for _, st := range plan {
		if st.On && x.run.Console.Verbose() {
			x.run.Console.Heading(st.Step.Label(x.run.Spec), "up to date")
		}
	}
	return true
}

// stale reports whether the ledger knows units that the step no longer has.
func (x *execution) stale(st StepState) bool {
	for _, rec := range x.run.Ledger.Records(st.Step.Name) {
		if !slices.ContainsFunc(st.Units, func(u UnitState) bool { return u.Unit.Name == rec.Unit }) {
			return true
		}
	}
	return false
}

// Judge lets every step that is going to run refuse what can be known without
// keys and network.
func Judge(ctx context.Context, plan []StepState, r *step.Run) error {
	var errs []error
	if slices.ContainsFunc(plan, StepState.Runs) {
		errs = append(errs, r.CleanTree(ctx))
	}
	for _, st := range plan {
		if st.Step.Judge == nil || !st.Runs() {
			continue
		}
		if err := st.Step.Judge(ctx, r); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", st.Step.Name, err))
		}
	}
	return errors.Join(errs...)
}

// check lets every step that is going to run refuse before anything is written.
func (x *execution) check(ctx context.Context, plan []StepState) error {
	var errs []error
	for _, st := range plan {
		if st.Step.Check == nil || !st.Runs() {
			continue
		}
		if err := st.Step.Check(ctx, x.run); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", st.Step.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (x *execution) step(ctx context.Context, s step.Step) error {
	if !s.Enabled(x.run.Spec) {
		return x.tidy(s.Name, nil)
	}
	if s.Fresh {
		x.d = newDigester(x.run.Abs)
	}
	units, err := s.Units(ctx, x.run)
	if err != nil {
		return err
	}
	if err := x.tidy(s.Name, units); err != nil {
		return err
	}
	todo, err := x.todo(s, units)
	if err != nil {
		return err
	}
	x.report.Ran += len(todo)
	c := x.run.Console
	if len(todo) == 0 {
		c.Heading(s.Label(x.run.Spec), "up to date")
		return nil
	}
	c.Heading(s.Label(x.run.Spec), skipped(len(units)-len(todo)))
	return x.all(ctx, s, todo)
}

func skipped(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d up to date", n)
}

func (x *execution) todo(s step.Step, units []step.Unit) ([]step.Unit, error) {
	var todo []step.Unit
	for _, u := range units {
		why, err := reasonToRun(x.d, x.run.Ledger, s.Name, u, nil)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", u.Name, err)
		}
		if why == "" {
			x.run.Console.Detail("up to date  %s", u.Label())
			continue
		}
		x.run.Console.Detail("%s: %s", u.Label(), why)
		todo = append(todo, u)
	}
	return todo, nil
}

// all runs the units of a step side by side and collects every error.
func (x *execution) all(ctx context.Context, s step.Step, units []step.Unit) error {
	limit := runtime.GOMAXPROCS(0)
	if s.Parallel != nil {
		if n := s.Parallel(x.run); n > 0 {
			limit = n
		}
	}
	var g errgroup.Group
	g.SetLimit(limit)
	errs := make([]error, len(units))
	l := newLines(x.run.Console, units)
	for i, u := range units {
		g.Go(func() error {
			errs[i] = x.unit(ctx, s, u, l)
			return nil
		})
	}
	g.Wait()
	return gather(units, errs)
}

// gather makes one error of those of the units, saying once what several have
// in common: a compile error is usually the same for all machines.
func gather(units []step.Unit, errs []error) error {
	var order []string
	names, causes := map[string][]string{}, map[string]error{}
	for i, err := range errs {
		if err == nil {
			continue
		}
		key := err.Error()
		if causes[key] == nil {
			order, causes[key] = append(order, key), err
		}
		names[key] = append(names[key], units[i].Label())
	}
	var all []error
	for _, key := range order {
		all = append(all, fmt.Errorf("%s: %w", strings.Join(names[key], ", "), causes[key]))
	}
	return errors.Join(all...)
}

func (x *execution) unit(ctx context.Context, s step.Step, u step.Unit, l *lines) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	began := time.Now()
	end := x.run.Console.Begin(u.Label())
	x.event("begin", s, u, nil)
	note, err := x.do(ctx, s, u)
	end()
	took := time.Since(began)
	if err != nil {
		x.event("failed", s, u, map[string]any{"ms": took.Milliseconds(), "error": err.Error()})
	} else {
		x.event("done", s, u, map[string]any{"ms": took.Milliseconds(), "note": note})
	}
	l.done(u, note, took, err)
	return err
}

// event tells other programs what happens to a unit.
func (x *execution) event(name string, s step.Step, u step.Unit, more map[string]any) {
	data := map[string]any{"step": s.Name, "unit": u.Name}
	maps.Copy(data, more)
	x.run.Console.Event(name, data)
}

func (x *execution) do(ctx context.Context, s step.Step, u step.Unit) (string, error) {
	before, err := x.inputs(s, u.Inputs)
	if err != nil {
		return "", err
	}
	for _, out := range u.Outputs {
		if err := os.MkdirAll(filepath.Dir(x.run.Abs(out)), 0o755); err != nil {
			return "", fmt.Errorf("making the output folder: %w", err)
		}
	}
	res, err := u.Do(ctx)
	changed := x.unchanged(u.Inputs, before)
	if err != nil {
		// What a step says of a file that changes under its hands misleads.
		return "", errors.Join(changed, err)
	}
	crashpoint.Here("before record of " + s.Name)
	rec, err := x.record(s.Name, u, res, before)
	if err := errors.Join(changed, err); err != nil {
		return "", errors.Join(err, x.discard(rec))
	}
	old, _ := x.run.Ledger.Record(s.Name, u.Name)
	if err := x.run.Ledger.Put(rec); err != nil {
		return "", err
	}
	return res.Note, x.removeOutputs(old, rec.Outputs)
}

// discard removes outputs that were made of files which changed meanwhile, or
// that are not what was written: a transcript among them would say trusted.
func (x *execution) discard(rec ledger.Record) error {
	var errs []error
	for _, out := range slices.Sorted(maps.Keys(rec.Outputs)) {
		if err := atomicfile.Remove(x.run.Abs(out)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("removing what was made: %w", err))
		}
		x.d.forget(out)
	}
	return errors.Join(errs...)
}

// inputs hashes what a unit is about to read.
func (x *execution) inputs(s step.Step, paths []string) (map[string]string, error) {
	sums := map[string]string{}
	for _, in := range paths {
		sum, err := x.d.digest(in)
		if err != nil {
			return nil, fmt.Errorf("reading input: %w", err)
		}
		if sum == "" {
			return nil, missing(x.run, in)
		}
		sums[in] = sum
		if s.Judges {
			continue
		}
		if err := x.run.Unaltered(in, pinned.Sum{SHA256: sum}); err != nil {
			return nil, err
		}
	}
	return sums, nil
}

// unchanged refuses a result that was made while its inputs changed: the record
// would claim that it was made of what was there before.
func (x *execution) unchanged(paths []string, before map[string]string) error {
	var errs []error
	for _, in := range paths {
		x.d.forget(in)
		sum, err := x.d.digest(in)
		if err != nil {
			errs = append(errs, fmt.Errorf("reading input: %w", err))
		} else if sum != before[in] {
			errs = append(errs, fault.New(fault.Verification, "%s changed while it was being read", in).
				Hint("find out what writes it, then run %s", command.Line("release")))
		}
	}
	return errors.Join(errs...)
}

func missing(r *step.Run, path string) error {
	err := fault.New(fault.Other, "%s is missing", path)
	if owner := r.Ledger.Owner(path); owner != "" {
		return err.Hint("run %s first, or %s for everything", command.Line(owner), command.Line("release"))
	}
	return err.Hint("run %s, which makes it", command.Line("release"))
}

func (x *execution) record(stepName string, u step.Unit, res step.Result, before map[string]string) (ledger.Record, error) {
	config, err := json.Marshal(u.Config)
	if err != nil {
		return ledger.Record{}, fmt.Errorf("recording settings: %v", err)
	}
	outputs := u.Outputs
	if res.Outputs != nil {
		outputs = res.Outputs
	}
	rec := ledger.Record{Step: stepName, Unit: u.Name, Config: config, Inputs: before, Outputs: map[string]string{}, Bound: res.Bound, Facts: res.Facts}
	for _, in := range res.Inputs {
		if rec.Inputs[in], err = x.d.digest(in); err != nil {
			return rec, fmt.Errorf("reading input: %w", err)
		}
	}
	var errs []error
	for _, out := range outputs {
		x.d.forget(out)
		rec.Outputs[out], err = x.d.digest(out)
		errs = append(errs, x.asWritten(out, rec.Outputs[out], err))
	}
	return rec, errors.Join(errs...)
}

// asWritten refuses an output whose SHA-256 is not that of what was written.
func (x *execution) asWritten(out, sum string, err error) error {
	if err != nil {
		return fmt.Errorf("reading output: %w", err)
	}
	if sum == "" {
		return fmt.Errorf("output %s was not written", out)
	}
	if made, ok := x.run.Written(out); ok && made.SHA256 != sum {
		return fault.New(fault.Verification, "%s changed right after it was written (SHA-256 is %s, not %s)", out, sum, made.SHA256).
			Hint("find out what changed it, then run %s, which makes it again", command.Line("release"))
	}
	return nil
}

// tidy forgets units that the step no longer has and removes their files, so
// that dist/ holds this release and nothing of an earlier one.
func (x *execution) tidy(stepName string, units []step.Unit) error {
	keep := map[string]bool{}
	for _, u := range units {
		keep[u.Name] = true
	}
	for _, rec := range x.run.Ledger.Records(stepName) {
		if keep[rec.Unit] {
			continue
		}
		if err := x.removeOutputs(rec, nil); err != nil {
			return err
		}
		if err := x.run.Ledger.Drop(stepName, rec.Unit); err != nil {
			return err
		}
	}
	return nil
}

// removeOutputs removes the files that rec wrote and that are not in keep. A
// file that was changed since then is left alone.
func (x *execution) removeOutputs(rec ledger.Record, keep map[string]string) error {
	for _, out := range slices.Sorted(maps.Keys(rec.Outputs)) {
		if _, ok := keep[out]; ok {
			continue
		}
		x.d.forget(out)
		sum, err := x.d.digest(out)
		if err != nil {
			return fmt.Errorf("removing an old file: %w", err)
		}
		if sum != rec.Outputs[out] {
			continue
		}
		if err := atomicfile.Remove(x.run.Abs(out)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing an old file: %w", err)
		}
		x.d.forget(out)
		x.run.Console.Detail("removed %s, which is no longer part of the release", out)
		x.removeEmpty(path.Dir(out))
	}
	return nil
}

// removeEmpty removes the folder and its parents as long as they are empty,
// up to dist/.
func (x *execution) removeEmpty(dir string) {
	for dir != "." && dir != step.Dist && os.Remove(x.run.Abs(dir)) == nil {
		dir = path.Dir(dir)
	}
}
