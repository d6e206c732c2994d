package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/builder/goreleaser"
	"github.com/hallmark-dev/hallmark/internal/childproc"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/spec"
)

// diagnosis is the result of one check.
type diagnosis struct {
	what string
	ok   bool
	// missing is set when the release works without it.
	missing bool
	text    string
	hint    string
}

// checkup is one check. It gets the environment of child programs.
type checkup struct {
	what string
	run  func(ctx context.Context, env []string) diagnosis
}

// childTime bounds a check that runs a program.
const childTime = 30 * time.Second

// Doctor checks everything that a release needs from its surroundings, one line
// each, and fails when something is wrong. No check can keep the others from
// being made.
func Doctor(ctx context.Context, o Options) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	env := os.Environ()
	var s *spec.Spec
	read := isolated(ctx, env, checkup{"release.yaml", func(ctx context.Context, _ []string) diagnosis {
		var err error
		s, err = LoadSpec(ctx, o)
		return examined("release.yaml", "valid", err)
	}})
	if s != nil {
		env = s.Environ(env)
	}
	var list []diagnosis
	for _, c := range surroundings(o) {
		list = append(list, isolated(ctx, env, c))
	}
	if w := sharedState(o); w != "" {
		list = append(list, diagnosis{what: "state folder", text: w})
	}
	list = append(list, read)
	if s != nil {
		for _, c := range checkups(o, s) {
			list = append(list, isolated(ctx, env, c))
		}
	}
	return report(o, list)
}

// isolated makes one check. A panic is its result and not the end of the others.
func isolated(ctx context.Context, env []string, c checkup) (d diagnosis) {
	defer func() {
		if p := recover(); p != nil {
			d = diagnosis{what: c.what, text: fmt.Sprintf("the check itself failed: %v", p), hint: "please report this"}
		}
	}()
	return c.run(ctx, env)
}

// report shows all results and counts those that are wrong.
func report(o Options, list []diagnosis) error {
	wrong := 0
	answer := []jsonDiagnosis{}
	for _, d := range list {
		if o.JSON != nil {
			answer = append(answer, jsonDiagnosis{d.what, d.mark(), d.text, d.hint})
		} else {
			d.show(o)
		}
		if !d.ok && !d.missing {
			wrong++
		}
	}
	if o.JSON != nil {
		if err := writeJSON(o.JSON, map[string]any{"checks": answer, "failed": wrong}); err != nil {
			return err
		}
	}
	if wrong > 0 {
		return fault.New(fault.Other, "%d of %d checks failed", wrong, len(list))
	}
	return nil
}

// jsonDiagnosis is a diagnosis in the answer of doctor -json.
type jsonDiagnosis struct {
	Check  string `json:"check"`
	Result string `json:"result"`
	Text   string `json:"text"`
	Hint   string `json:"hint,omitempty"`
}

// mark is ok, missing or error.
func (d diagnosis) mark() string {
	switch {
	case d.missing:
		return "missing"
	case !d.ok:
		return "error"
	}
	return "ok"
}

func (d diagnosis) show(o Options) {
	o.Console.Line("%-7s %-14s %s", d.mark(), d.what, d.text)
	if d.hint != "" {
		o.Console.Line("%-22s hint: %s", "", d.hint)
	}
}

// examined turns an error into a diagnosis; its hints are part of its text.
func examined(what, good string, err error) diagnosis {
	if err != nil {
		return diagnosis{what: what, text: err.Error()}
	}
	return diagnosis{what: what, ok: true, text: good}
}

// surroundings are the checks that need no spec.
func surroundings(o Options) []checkup {
	bounded := func(run func(context.Context, []string) diagnosis) func(context.Context, []string) diagnosis {
		return func(ctx context.Context, env []string) diagnosis {
			ctx, cancel := context.WithTimeoutCause(ctx, childTime, fmt.Errorf("no answer within %v", childTime))
			defer cancel()
			return run(ctx, env)
		}
	}
	return []checkup{
		{"Go", bounded(func(ctx context.Context, env []string) diagnosis { return examineGo(ctx, o, env) })},
		{"git", bounded(examineGit)},
		{"goreleaser", bounded(examineGoreleaser)},
		{"dist/", func(ctx context.Context, _ []string) diagnosis { return examineDist(ctx, o) }},
	}
}

func examineGo(ctx context.Context, o Options, env []string) diagnosis {
	t, err := builder.FindGo(ctx, o.Root, env)
	if err == nil && t.Version == "" {
		err = errors.New("go env prints no version: is the go in PATH the real one?")
	}
	if err != nil {
		return examined("Go", "", err)
	}
	return examined("Go", t.Version, nil)
}

func examineGit(ctx context.Context, env []string) diagnosis {
	out, err := childproc.Run(ctx, childproc.Cmd{Path: "git", Args: []string{"--version"}, Env: env})
	out = strings.TrimSpace(out)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return diagnosis{what: "git", missing: true, text: "not found",
			hint: "needed only for version: git, build.vcs: on and the commit in the submission text"}
	case err == nil && out == "":
		err = errors.New("git --version prints nothing: is the git in PATH the real one?")
	}
	return examined("git", out, err)
}

func examineGoreleaser(ctx context.Context, env []string) diagnosis {
	tool, err := goreleaser.Locator{Env: env}.Find(ctx)
	if goreleaser.IsNotInstalled(err) {
		return diagnosis{what: "goreleaser", missing: true, text: "not installed; plain go build gives the same bytes", hint: goreleaser.HowToInstall()}
	}
	if err != nil {
		return examined("goreleaser", "", err)
	}
	return examined("goreleaser", tool.Version+" from "+tool.From+" ("+tool.Path+")", nil)
}
