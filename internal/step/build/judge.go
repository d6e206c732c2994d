package build

import (
	"context"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// judgeEarly judges the sources before anything runs, unless build.before may
// still write some of them.
func judgeEarly(ctx context.Context, r *step.Run) error {
	if len(r.Spec.Build.Before) > 0 {
		return nil
	}
	return judgeOnce(ctx, r)
}

// judgeLate does so after build.before.
func judgeLate(ctx context.Context, r *step.Run) error {
	if len(r.Spec.Build.Before) == 0 {
		return nil // judgeEarly has
	}
	return judgeOnce(ctx, r)
}

func judgeOnce(ctx context.Context, r *step.Run) error {
	return r.Once("build", func() error { return judge(ctx, r) })
}

func judge(ctx context.Context, r *step.Run) error {
	if onlyFiles(r.Spec) {
		return nil
	}
	t, err := r.Toolchain(ctx)
	if err != nil {
		return err
	}
	if r.Spec.Build.Workspace == "on" && (t.Work == "" || t.Work == "off") {
		return r.Spec.Refuse([]spec.Problem{{Path: "build.workspace", Message: "there is no go.work in force in the project's folder",
			Hint: "make one with go work init, or delete the line"}})
	}
	req, err := request(ctx, r)
	if err != nil {
		return err
	}
	notes, problems, err := builder.Check(ctx, req, t, r.Listing, r.Env)
	for _, n := range notes {
		r.Console.Note("%s", n)
	}
	if err != nil {
		return err
	}
	return r.Spec.Refuse(problems)
}

func onlyFiles(s *spec.Spec) bool {
	for _, b := range s.Build.Binaries {
		if b.File == "" {
			return false
		}
	}
	return len(s.Build.Binaries) > 0
}
