package pipeline

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/hallmark-dev/hallmark/internal/step"
)

// UnitState reports whether a unit is going to run.
type UnitState struct {
	Unit step.Unit
	// Why it will run; "" when it is up to date.
	Why string
}

// StepState describes what is going to happen to a step.
type StepState struct {
	Step  step.Step
	On    bool
	Units []UnitState
}

// Runs reports whether any unit of the step is going to run.
func (s StepState) Runs() bool {
	for _, u := range s.Units {
		if u.Why != "" {
			return true
		}
	}
	return false
}

// Plan says for each step and file whether it would run and why. It changes
// nothing and reaches no key and no network.
//
// Most of its time goes into child processes (go, git) and into hashing, so
// these run side by side; the answers are put together in the order of steps.
func Plan(ctx context.Context, steps []step.Step, r *step.Run) ([]StepState, error) {
	d := newDigester(r.Abs)
	defer hashRecorded(ctx, d, steps, r)()
	units, errs := unitsOf(ctx, steps, r)
	pending := map[string]string{}
	var out []StepState
	for i, s := range steps {
		st := StepState{Step: s, On: s.Enabled(r.Spec)}
		err := errs[i]
		if err == nil {
			err = judgeUnits(d, &st, units[i], r, pending)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		out = append(out, st)
	}
	return out, nil
}

// hashRecorded begins to hash every file that the ledger names. The returned
// function stops it and waits: an open file could not be replaced on Windows.
func hashRecorded(ctx context.Context, d *digester, steps []step.Step, r *step.Run) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var paths []string
	for _, s := range steps {
		for _, rec := range r.Ledger.Records(s.Name) {
			paths = slices.AppendSeq(slices.AppendSeq(paths, maps.Keys(rec.Inputs)), maps.Keys(rec.Outputs))
		}
	}
	var g errgroup.Group
	g.Go(func() error {
		d.ahead(ctx, paths)
		return nil
	})
	return func() {
		cancel()
		g.Wait()
	}
}

// unitsOf asks all steps that are on for their units, at the same time.
func unitsOf(ctx context.Context, steps []step.Step, r *step.Run) ([][]step.Unit, []error) {
	units, errs := make([][]step.Unit, len(steps)), make([]error, len(steps))
	var g errgroup.Group
	for i, s := range steps {
		if s.Enabled(r.Spec) {
			g.Go(func() error {
				units[i], errs[i] = s.Units(ctx, r)
				return nil
			})
		}
	}
	g.Wait()
	return units, errs
}

// judgeUnits puts the units of a step into st, each with its reason to run.
func judgeUnits(d *digester, st *StepState, units []step.Unit, r *step.Run, pending map[string]string) error {
	for _, u := range units {
		name := st.Step.Name
		why, err := reasonToRun(d, r.Ledger, name, u, pending)
		if err != nil {
			return fmt.Errorf("%s: %w", u.Name, err)
		}
		if why != "" {
			rec, _ := r.Ledger.Record(name, u.Name)
			for out := range rec.Outputs {
				pending[out] = name
			}
			for _, out := range u.Outputs {
				pending[out] = name
			}
		}
		st.Units = append(st.Units, UnitState{u, why})
	}
	return nil
}
