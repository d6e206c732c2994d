package release

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/pipeline"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// Execute runs the named steps, or all of them when none is named, and says at
// the end what lies where.
func (r *Release) Execute(ctx context.Context, names ...string) error {
	steps, err := choose(names)
	if err != nil {
		return err
	}
	run := r.run
	for _, s := range steps {
		if len(names) > 0 && s.PartOf == "" && !s.Enabled(run.Spec) {
			return fault.New(fault.Usage, "%s is switched off: release.yaml has no section for it", s.Name).
				Hint("%s shows which steps are on, and %s what the sections are", command.Line("plan"), command.Line("schema"))
		}
	}
	r.title()
	run.Console.Event("release", r.about())
	run.Ledger.SetProduct(run.Spec.Project.Name, run.Spec.Project.Version, run.UsesTestIdentity())
	report, err := pipeline.Execute(ctx, steps, run)
	if as, known := run.Artifacts(); known == nil {
		run.Ledger.SetArtifacts(as)
	}
	if saved := run.Ledger.Save(); err == nil {
		err = saved
	}
	if err != nil {
		return err
	}
	run.Console.Event("result", r.result(report))
	if len(names) == 0 {
		r.summary(report)
	}
	return nil
}

func choose(names []string) ([]step.Step, error) {
	all := pipeline.Steps()
	if len(names) == 0 {
		return all, nil
	}
	var out []step.Step
	for _, n := range names {
		i := slices.IndexFunc(all, func(s step.Step) bool { return s.Name == n })
		if i < 0 {
			return nil, fault.New(fault.Usage, "there is no step %q", n)
		}
		for _, s := range all[:i] {
			if s.PartOf == n {
				out = append(out, s)
			}
		}
		out = append(out, all[i])
	}
	return out, nil
}

func (r *Release) title() {
	s := r.run.Spec
	text := fmt.Sprintf("%s %s", s.Project.Title, s.Project.Version)
	switch {
	case s.Trial():
		text += "  (" + s.Source.VersionFrom + ", signed by the test identity: for trying out, Windows does not trust it)"
	case r.run.UsesTestIdentity():
		text += "  (test identity: for trying out, Windows does not trust it)"
	case s.Sign == nil:
		text += "  (unsigned)"
	}
	r.run.Console.Line("%s", text)
}

// Plan shows for each step and file what would happen and why. It changes
// nothing.
func (r *Release) Plan(ctx context.Context) error {
	states, err := pipeline.Plan(ctx, pipeline.Steps(), r.run)
	if err != nil {
		return err
	}
	r.title()
	if p := r.run.Spec.Source.Untagged; p != nil {
		r.run.Console.Warn("a release would stop here, so this is the plan of a snapshot: %s (%s)", p.Message, p.Hint)
	}
	if err := pipeline.Judge(ctx, states, r.run); err != nil {
		return err
	}
	c := r.run.Console
	for _, st := range states {
		switch {
		case !st.On:
			c.Line("%-17s  off", st.Step.Label(r.run.Spec))
		case len(st.Units) == 0:
			c.Line("%-17s  will run (programs are known after the first build)", st.Step.Label(r.run.Spec))
		case !st.Runs():
			c.Line("%-17s  up to date", st.Step.Label(r.run.Spec))
		default:
			c.Line("%-17s  will run: %s", st.Step.Label(r.run.Spec), st.Step.Does)
		}
		for _, u := range st.Units {
			if why := u.Why; why != "" {
				c.Line("                   will run    %s  (%s)", u.Unit.Label(), why)
			} else if st.Runs() || c.Verbose() {
				c.Line("                   up to date  %s", u.Unit.Label())
			}
		}
	}
	return nil
}

// summary prints which files are where and what to do next.
func (r *Release) summary(report pipeline.Report) {
	c, run := r.run.Console, r.run
	c.Line("")
	if report.Ran == 0 {
		c.Line("Nothing has changed since the last release; everything is up to date (%s).", console.Duration(report.Took))
	} else {
		c.Line("Done in %s.", console.Duration(report.Took))
	}
	place := func(where, what string) { c.Line("  %-20s  %s", where, what) }
	place(step.PackageDir, "to publish: "+programs(len(run.Ledger.Artifacts()))+", "+r.condition()+", and SHA256SUMS")
	for _, section := range []struct {
		on          bool
		where, what string
	}{
		{run.Spec.Sign != nil, step.EvidenceDir, "the verifier's transcript of each program"},
		{run.Spec.Portal != nil, step.PortalDir, "text and fields for a submission to Microsoft"},
	} {
		if section.on {
			place(section.where, section.what)
		}
	}
	// One call a line: a line break inside a text is shown, not obeyed.
	prefix := "Next: "
	for _, line := range r.next() {
		c.Line("%s%s", prefix, line)
		prefix = "      "
	}
}

func programs(n int) string {
	if n == 1 {
		return "1 program"
	}
	return fmt.Sprintf("%d programs", n)
}

func (r *Release) condition() string {
	s := r.run.Spec
	var parts []string
	if s.Sign != nil {
		parts = append(parts, "signed")
	} else {
		parts = append(parts, "not signed")
	}
	if step.Timestamps(s) {
		parts = append(parts, "timestamped")
	}
	if s.Sign != nil {
		parts = append(parts, "verified")
	}
	return strings.Join(parts, ", ")
}

// next is what the person at the keyboard does now.
func (r *Release) next() []string {
	s := r.run.Spec
	switch {
	case s.Trial():
		return []string{"try these files out, and release the tagged commit without the snapshot. Do not publish these files."}
	case r.run.UsesTestIdentity():
		return []string{"do not publish these files. Set sign.identity and timestamp.servers in release.yaml to real ones;", command.Line("certs") + " shows what an identity holds."}
	case s.Sign == nil:
		return []string{"add the sections sign and timestamp to release.yaml: Windows warns of unsigned programs."}
	case s.Portal != nil && s.Portal.Detection != "":
		return []string{"publish the files in dist/package, then submit each program with its text from dist/portal."}
	}
	return []string{"publish the files in dist/package."}
}
