package pipeline

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// world is a release of two files in two steps: upper turns src/x into
// dist/up/x, and join puts both together.
type world struct {
	t      *testing.T
	run    *step.Run
	suffix string // a setting of upper
	on     bool   // whether join is enabled
	fail   error  // what upper fails with
	files  []string
	ran    atomic.Int64
	out    bytes.Buffer
}

func newWorld(t *testing.T) *world {
	root := t.TempDir()
	w := &world{t: t, on: true, files: []string{"a", "b"}}
	l, err := ledger.Open(filepath.Join(root, "dist", "release.json"))
	if err != nil {
		t.Fatal(err)
	}
	w.run = &step.Run{Spec: &spec.Spec{}, Root: root, Ledger: l, Now: time.Now, Console: console.New(&w.out, console.Options{})}
	w.write("src/a", "alpha")
	w.write("src/b", "beta")
	return w
}

func (w *world) write(path, text string) {
	w.t.Helper()
	abs := w.run.Abs(path)
	if err := os.MkdirAll(filepath.Dir(abs), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(abs, []byte(text), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) read(path string) string {
	b, _ := os.ReadFile(w.run.Abs(path))
	return string(b)
}

func (w *world) steps() []step.Step {
	return []step.Step{
		{Name: "upper", Enabled: func(*spec.Spec) bool { return true }, Units: w.upper},
		{Name: "join", Enabled: func(*spec.Spec) bool { return w.on }, Units: w.join},
	}
}

func (w *world) upper(_ context.Context, r *step.Run) ([]step.Unit, error) {
	var us []step.Unit
	for _, f := range w.files {
		us = append(us, step.Unit{
			Name:    f,
			Config:  struct{ Suffix string }{w.suffix},
			Inputs:  []string{"src/" + f},
			Outputs: []string{"dist/up/" + f},
			Do: func(context.Context) (step.Result, error) {
				w.ran.Add(1)
				if w.fail != nil {
					return step.Result{}, w.fail
				}
				text := strings.ToUpper(w.read("src/"+f)) + w.suffix
				return step.Result{}, atomicfile.Write(r.Abs("dist/up/"+f), []byte(text), 0o644)
			},
		})
	}
	return us, nil
}

func (w *world) join(_ context.Context, r *step.Run) ([]step.Unit, error) {
	u := step.Unit{Name: "all", Outputs: []string{"dist/all"}}
	for _, f := range w.files {
		u.Inputs = append(u.Inputs, "dist/up/"+f)
	}
	u.Do = func(context.Context) (step.Result, error) {
		w.ran.Add(1)
		var text string
		for _, in := range u.Inputs {
			text += w.read(in)
		}
		return step.Result{}, atomicfile.Write(r.Abs("dist/all"), []byte(text), 0o644)
	}
	return []step.Unit{u}, nil
}

// execute runs everything and returns how many units ran.
func (w *world) execute() (int64, error) {
	w.ran.Store(0)
	_, err := Execute(context.Background(), w.steps(), w.run)
	return w.ran.Load(), err
}

func (w *world) must(ran int64) {
	w.t.Helper()
	n, err := w.execute()
	if err != nil {
		w.t.Fatal(err)
	}
	if n != ran {
		w.t.Errorf("%d units ran, want %d\n%s", n, ran, w.out.String())
	}
}

func TestOnlyWhatDependsOnAChangeRunsAgain(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world)
		ran    int64
		want   string
	}{
		"nothing":                         {func(*world) {}, 0, "ALPHABETA"},
		"one source":                      {func(w *world) { w.write("src/a", "new") }, 2, "NEWBETA"},
		"a setting":                       {func(w *world) { w.suffix = "!" }, 3, "ALPHA!BETA!"},
		"an output was tampered with":     {func(w *world) { w.write("dist/all", "evil") }, 1, "ALPHABETA"},
		"an output between was deleted":   {func(w *world) { os.Remove(w.run.Abs("dist/up/b")) }, 1, "ALPHABETA"},
		"a source changed without effect": {func(w *world) { w.write("src/a", "ALPHA") }, 1, "ALPHABETA"},
		"a file left the release":         {func(w *world) { w.files = []string{"b"} }, 1, "BETA"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.must(3)
			c.change(w)
			w.must(c.ran)
			if got := w.read("dist/all"); got != c.want {
				t.Errorf("dist/all is %q, want %q", got, c.want)
			}
			w.must(0)
		})
	}
}

func TestFilesOfAStepThatIsSwitchedOffAreRemoved(t *testing.T) {
	w := newWorld(t)
	w.must(3)
	w.on = false
	w.must(0)
	if _, err := os.Stat(w.run.Abs("dist/all")); !os.IsNotExist(err) {
		t.Errorf("dist/all is still there: %v", err)
	}
	w.on = true
	w.must(1)
}

func TestAFileThatSomebodyElseChangedIsNotRemoved(t *testing.T) {
	w := newWorld(t)
	w.must(3)
	w.write("dist/all", "mine")
	w.on = false
	w.must(0)
	if got := w.read("dist/all"); got != "mine" {
		t.Errorf("dist/all is %q, want it left alone", got)
	}
}

func TestEveryFailureOfAStepIsReported(t *testing.T) {
	w := newWorld(t)
	w.fail = fault.New(fault.Service, "time server is down")
	ran, err := w.execute()
	if ran != 2 || err == nil {
		t.Fatalf("ran %d units with error %v, want both tried", ran, err)
	}
	for _, want := range []string{"upper: a, b: time server"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
	if got := fault.Status(err); got != fault.Service {
		t.Errorf("exit status %d, want %d", got, fault.Service)
	}
	w.fail = nil
	w.must(3)
}

func TestSingleStepNeedsItsInputs(t *testing.T) {
	w := newWorld(t)
	_, err := Execute(context.Background(), w.steps()[1:], w.run)
	if err == nil || !strings.Contains(err.Error(), "dist/up/a is missing") {
		t.Fatalf("error is %v, want the missing input", err)
	}
	w.must(3)
	os.Remove(w.run.Abs("dist/up/a"))
	_, err = Execute(context.Background(), w.steps()[1:], w.run)
	if err == nil || !strings.Contains(err.Error(), "run hallmark upper first") {
		t.Fatalf("error is %v, want the step that makes the input", err)
	}
}

func TestCheckStopsBeforeAnythingIsWritten(t *testing.T) {
	w := newWorld(t)
	refuse := errors.New("key does not match")
	steps := w.steps()
	steps[1].Check = func(context.Context, *step.Run) error { return refuse }
	if _, err := Execute(context.Background(), steps, w.run); !errors.Is(err, refuse) {
		t.Fatalf("error is %v, want the refusal", err)
	}
	if w.ran.Load() != 0 {
		t.Errorf("%d units ran before the refusal, want none", w.ran.Load())
	}
	w.must(3)
	w.ran.Store(0)
	if _, err := Execute(context.Background(), steps, w.run); err != nil {
		t.Errorf("check was called although nothing had to run: %v", err)
	}
}

func TestPlanSaysWhyAndChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.must(3)
	w.write("src/b", "gamma")
	before := w.read("dist/release.json")
	plan, err := Plan(t.Context(), w.steps(), w.run)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range plan {
		for _, u := range s.Units {
			got = append(got, s.Step.Name+" "+u.Unit.Name+": "+u.Why)
		}
	}
	want := "upper a: |upper b: src/b changed|join all: after upper"
	if strings.Join(got, "|") != want {
		t.Errorf("plan is %q, want %q", strings.Join(got, "|"), want)
	}
	if w.read("dist/release.json") != before || w.read("dist/all") != "ALPHABETA" {
		t.Error("plan changed something")
	}
}

func TestPlanNamesTheSettingThatChanged(t *testing.T) {
	w := newWorld(t)
	w.must(3)
	w.suffix = "?"
	plan, err := Plan(t.Context(), w.steps(), w.run)
	if err != nil {
		t.Fatal(err)
	}
	if got := plan[0].Units[0].Why; got != "changed: Suffix" {
		t.Errorf("reason is %q", got)
	}
}
