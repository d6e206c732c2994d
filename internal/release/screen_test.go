package release

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/console"
)

// everything is a release in which all steps but before and crosscert are on.
func everything(t *testing.T) *project {
	p := newProject(t)
	p.write("README.md", "read me")
	p.edit("targets: [windows/amd64]", "targets: [windows/amd64, windows/arm64]")
	p.setSpec(p.spec + "catalog: {}\nwdac: {}\n")
	return p
}

// TestTheFirstMinute: one line a program and step, the policy in one, and at the
// end what lies where and the next step.
func TestTheFirstMinute(t *testing.T) {
	p := everything(t)
	var out bytes.Buffer
	o := p.options()
	o.Console = console.New(&out, console.Options{})
	execute := func() string {
		t.Helper()
		out.Reset()
		r, err := Open(context.Background(), o, true)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if err := r.Execute(context.Background()); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	first := execute()
	if n := strings.Count(first, "\n"); n > 25 {
		t.Errorf("%d lines:\n%s", n, first)
	}
	for line := range strings.Lines(first) {
		if len(line) > 150 {
			t.Errorf("a line of %d characters: %s", len(line), line)
		}
	}
	for _, want := range []string{
		"tiny 1.2.3\n", "build              ok      tiny.exe  windows/amd64, windows/arm64  go1.", "resources          ok", "attach signatures  ok", "timestamp          ok",
		"verify             ok      tiny.exe  windows/amd64, windows/arm64  trusted, timestamped 20", "policy             ok      tiny.xml  supplemental: allows 2 files by publisher, name and version",
		"dist/package          to publish: 2 programs, signed, timestamped, verified", "Next: publish the files in dist/package, then submit",
	} {
		if !strings.Contains(first, want) {
			t.Errorf("%q is missing in\n%s", want, first)
		}
	}
	if strings.Contains(first, "goreleaser is not installed") {
		t.Errorf("a note about what makes no difference:\n%s", first)
	}
	if second := execute(); strings.Count(second, "\n") > 8 || !strings.Contains(second, "everything is up to date") {
		t.Errorf("nothing to do is told in\n%s", second)
	}
}

// events runs a release and returns what it tells other programs.
func (p *project) events(change func(*Options)) ([]map[string]any, error) {
	p.t.Helper()
	var out bytes.Buffer
	o := p.options()
	o.Console = Events(&out, time.Now)
	change(&o)
	err := func() error {
		r, err := Open(context.Background(), o, true)
		if err != nil {
			return err
		}
		defer r.Close()
		return r.Execute(context.Background())
	}()
	Failed(o, err)
	var list []map[string]any
	for dec := json.NewDecoder(&out); dec.More(); {
		var e map[string]any
		if err := dec.Decode(&e); err != nil {
			p.t.Fatal(err)
		}
		list = append(list, e)
	}
	return list, err
}

func TestEventsOfARelease(t *testing.T) {
	p := everything(t)
	list, err := p.events(func(*Options) {})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, e := range list {
		seen[fmt.Sprint(e["event"], " ", e["step"])]++
	}
	if list[0]["event"] != "release" || list[0]["version"] != "1.2.3" || list[0]["test_identity"] != false {
		t.Errorf("the first event is %v", list[0])
	}
	if seen["begin build"] != 2 || seen["done build"] != 2 || seen["done sums"] != 1 || seen["step attach"]+seen["step attach signatures"] == 0 {
		t.Errorf("got %v", seen)
	}
	last := list[len(list)-1]
	shipped, _ := last["shipped"].(map[string]any)
	if last["event"] != "result" || shipped["dist/package/tiny_1.2.3_windows_amd64.zip"] == nil || len(last["programs"].([]any)) != 2 {
		t.Errorf("the last event is %v", last)
	}
	p.write("main.go", "package main\n\nfunc main() { undefined() }\n\nvar version string\n")
	list, err = p.events(func(*Options) {})
	last = list[len(list)-1]
	if err == nil || last["event"] != "error" || last["status"] != 1.0 || !strings.Contains(fmt.Sprint(last["problems"]), "undefined: undefined") {
		t.Errorf("after a compile error: %v, %v", err, last)
	}
	p.setSpec("version: 2\n")
	list, _ = p.events(func(*Options) {})
	if len(list) != 1 || list[0]["status"] != 2.0 || !strings.Contains(fmt.Sprint(list[0]["problems"]), "release.yaml: line 1: version") {
		t.Errorf("with a wrong spec: %v", list)
	}
}

func TestPlanAsJSON(t *testing.T) {
	p := everything(t)
	plan := func() jsonPlan {
		t.Helper()
		o := p.options()
		r, err := Open(context.Background(), o, false)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var out bytes.Buffer
		if err := r.PlanJSON(context.Background(), &out); err != nil {
			t.Fatal(err)
		}
		var got jsonPlan
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	got := plan()
	if !got.Runs || got.Version != "1.2.3" || got.Steps[1].Step != "build" || len(got.Steps[1].Units) != 2 || got.Steps[1].Units[0].Reason != "not done yet" || got.Steps[0].On {
		t.Errorf("before: %+v", got)
	}
	p.must()
	if got := plan(); got.Runs {
		t.Errorf("afterwards: %+v", got)
	}
}

func TestDoctorAsJSON(t *testing.T) {
	p := everything(t)
	var out bytes.Buffer
	o := p.options()
	o.JSON = &out
	if err := Doctor(context.Background(), o); err != nil {
		t.Logf("doctor says %v", err) // the time server of the test is real
	}
	var got struct {
		Checks []jsonDiagnosis
		Failed *int
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Failed == nil || len(got.Checks) < 5 || got.Checks[0].Check != "Go" || got.Checks[0].Result != "ok" {
		t.Errorf("got %v: %s", err, out.String())
	}
}
