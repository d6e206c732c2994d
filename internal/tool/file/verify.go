package file

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/secondreader"
	"github.com/hallmark-dev/hallmark/internal/tool/args"
)

// Verify judges files and writes the reports to w. One bad file fails the
// whole, after all have been judged.
func Verify(ctx context.Context, c *console.Console, w io.Writer, v args.Verification) error {
	in, err := args.Files{In: v.In}.Expand()
	if err != nil {
		return err
	}
	o, err := v.Options()
	if err != nil {
		return err
	}
	reports := make([]*authenticode.Report, len(in))
	jobs := make([]args.Job, len(in))
	at := map[string]int{}
	for i, f := range in {
		jobs[i], at[f] = args.Job{In: f}, i
	}
	bad := args.Each(ctx, c, jobs, 0, func(ctx context.Context, j args.Job) (string, error) {
		report, err := judge(ctx, j.In, o)
		reports[at[j.In]] = report
		if err != nil {
			return "", err
		}
		return "trusted", args.Refuse(report)
	})
	return errors.Join(printReports(w, in, reports, v.JSON), bad)
}

// judge judges a file, and asks the second reader about one that would be
// trusted: whether it finds the same signature over the same bytes. It does not
// hash those a second time, which would take as long as everything else.
func judge(ctx context.Context, path string, o authenticode.VerifyOptions) (*authenticode.Report, error) {
	src, err := args.Open(path)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	report, err := authenticode.Verify(ctx, src.File, src.Size, o)
	if err == nil && report.Trusted && report.Format == "PE" { // of one that is refused already the second reader has nothing to add
		err = secondreader.Confirm(src.File, src.Size, report, secondreader.Want{Covered: true})
	}
	if changed := src.Unchanged(); changed != nil {
		if report != nil {
			report.Refuse("unchanged", changed)
		}
		return report, changed
	}
	return report, err
}

func printReports(w io.Writer, in []string, reports []*authenticode.Report, asJSON bool) error {
	type named struct {
		File   string               `json:"file"`
		Report *authenticode.Report `json:"report"`
	}
	if asJSON {
		all := make([]named, 0, len(in))
		for i, f := range in {
			all = append(all, named{f, reports[i]})
		}
		b, err := printable.JSON(all)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n", b)
		return err
	}
	for i, f := range in {
		if reports[i] == nil {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s\n%s\n", printable.Text(f), reports[i]); err != nil {
			return err
		}
	}
	return nil
}
