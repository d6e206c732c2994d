package args

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/console"
)

// Each works on all files side by side, shows each and collects every error.
// limit 0 is the number of processors.
func Each(ctx context.Context, c *console.Console, jobs []Job, limit int, do func(context.Context, Job) (note string, err error)) error {
	if limit <= 0 {
		limit = runtime.GOMAXPROCS(0)
	}
	var g errgroup.Group
	g.SetLimit(limit)
	errs := make([]error, len(jobs))
	for i, j := range jobs {
		g.Go(func() error {
			errs[i] = one(ctx, c, j, do)
			return nil
		})
	}
	g.Wait()
	return errors.Join(errs...)
}

func one(ctx context.Context, c *console.Console, j Job, do func(context.Context, Job) (string, error)) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", printable.Text(j.In), err)
	}
	began := time.Now()
	end := c.Begin(j.In)
	note, err := do(ctx, j)
	end()
	if err != nil {
		c.Failed(j.In, time.Since(began))
		return fmt.Errorf("%s: %w", printable.Text(j.In), err)
	}
	c.Done(j.In, note, time.Since(began))
	return nil
}

// Single works on exactly one file.
func Single(ctx context.Context, c *console.Console, f Files, do func(context.Context, Job) (string, error)) error {
	if _, err := f.One(); err != nil {
		return err
	}
	jobs, err := f.Jobs("")
	if err != nil {
		return err
	}
	return Each(ctx, c, jobs, 1, do)
}
