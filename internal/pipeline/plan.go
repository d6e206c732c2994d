package pipeline

import (
	"fmt"

	"github.com/hallmark-dev/hallmark/internal/step"
)

// UnitState says whether a unit is going to run.
type UnitState struct {
	Unit step.Unit
	// Why it will run; "" when it is up to date.
	Why string
}

// StepState says what is going to happen to a step.
type StepState struct {
	Step  step.Step
	On    bool
	Units []UnitState
}

// Runs tells whether any unit of the step is going to run.
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
func Plan(steps []step.Step, r *step.Run) ([]StepState, error) {
	d := newDigester(r.Abs)
	pending := map[string]string{}
	var out []StepState
	for _, s := range steps {
		st, err := planStep(d, s, r, pending)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		out = append(out, st)
	}
	return out, nil
}

func planStep(d *digester, s step.Step, r *step.Run, pending map[string]string) (StepState, error) {
	st := StepState{Step: s, On: s.Enabled(r.Spec)}
	if !st.On {
		return st, nil
	}
	units, err := s.Units(r)
	if err != nil {
		return st, err
	}
	for _, u := range units {
		why, err := reasonToRun(d, r.Ledger, s.Name, u, pending)
		if err != nil {
			return st, fmt.Errorf("%s: %w", u.Name, err)
		}
		if why != "" {
			rec, _ := r.Ledger.Record(s.Name, u.Name)
			for out := range rec.Outputs {
				pending[out] = s.Name
			}
			for _, out := range u.Outputs {
				pending[out] = s.Name
			}
		}
		st.Units = append(st.Units, UnitState{u, why})
	}
	return st, nil
}
