// Package reproduce is a builder around another one that builds everything a
// second time, from a copy of the sources in another folder, and compares the
// programs byte by byte (build.reproducible: verify).
//
// What it proves: the programs depend neither on the folder nor on the hour,
// nor on what hooks or generators make up anew. Packages whose inputs are the
// same may come from Go's build cache the second time; the linker always runs
// again.
package reproduce

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// Builder compares what its inner builder makes in two folders. The sources are
// copied at the first build and used for all; Close removes them.
type Builder struct {
	builder.Builder
	// Env is the environment to run go and git in. nil: that of this process.
	Env []string

	copying sync.Mutex
	work    string // the temporary folder
	root    string // of the copy in it
}

// Build returns the programs of the first build. A difference is an error with
// status fault.Verification that names each program and the first byte that
// differs.
func (b *Builder) Build(ctx context.Context, req builder.Request) ([]builder.Artifact, error) {
	first, err := b.Builder.Build(ctx, req)
	if err != nil {
		return nil, err
	}
	second, err := b.again(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("building a second time: %w", err)
	}
	return first, compareAll(first, second)
}

func (b *Builder) again(ctx context.Context, req builder.Request) ([]builder.Artifact, error) {
	if err := b.copyOnce(ctx, req); err != nil {
		return nil, err
	}
	copied := req
	copied.Root, copied.Out = b.root, filepath.Join(b.work, "out", "build")
	if req.Work != "" {
		rel, err := filepath.Rel(req.Root, req.Work)
		if err != nil || !filepath.IsLocal(rel) {
			return nil, fault.New(fault.Usage, "%s is outside the project, so a copy cannot be built with it", req.Work).
				Hint("delete build.reproducible or build.workspace, or release from the folder of go.work")
		}
		copied.Work = filepath.Join(b.root, rel)
	}
	return b.Builder.Build(ctx, copied)
}

func (b *Builder) copyOnce(ctx context.Context, req builder.Request) error {
	b.copying.Lock()
	defer b.copying.Unlock()
	if b.root != "" {
		return nil
	}
	work, err := os.MkdirTemp("", "hallmark-second-build-")
	if err != nil {
		return err
	}
	b.work = work
	root, err := b.copySources(ctx, req, work)
	if err != nil {
		return errors.Join(err, b.Close())
	}
	b.root = root
	return nil
}

// Close removes the copy of the sources.
func (b *Builder) Close() error {
	work := b.work
	b.work, b.root = "", ""
	if work == "" {
		return nil
	}
	return atomicfile.RemoveAll(work)
}

func (b *Builder) env() []string {
	if b.Env != nil {
		return b.Env
	}
	return os.Environ()
}

func compareAll(first, second []builder.Artifact) error {
	others := map[string]string{}
	for _, a := range second {
		others[a.File()] = a.Path
	}
	var problems []error
	for _, a := range first {
		name := a.File()
		other, ok := others[name]
		if !ok {
			problems = append(problems, fmt.Errorf("%s was not made the second time", name))
			continue
		}
		delete(others, name)
		if err := compare(a.Path, other); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
	}
	for name := range others {
		problems = append(problems, fmt.Errorf("%s was made only the second time", name))
	}
	if len(problems) == 0 {
		return nil
	}
	return fault.New(fault.Verification, "two builds of the same sources differ:\n%w", errors.Join(problems...)).
		Hint("look for time stamps, random values or absolute paths in build hooks, generated files and linker flags")
}

// compare returns an error that names the first difference.
func compare(first, second string) error {
	a, err := os.Open(first)
	if err != nil {
		return fmt.Errorf("comparing: %w", err)
	}
	defer a.Close()
	b, err := os.Open(second)
	if err != nil {
		return fmt.Errorf("comparing: %w", err)
	}
	defer b.Close()
	ra, rb := bufio.NewReaderSize(a, 1<<16), bufio.NewReaderSize(b, 1<<16)
	for offset := int64(0); ; offset++ {
		x, errA := ra.ReadByte()
		y, errB := rb.ReadByte()
		switch {
		case errA == io.EOF && errB == io.EOF:
			return nil
		case errA == io.EOF || errB == io.EOF:
			return fmt.Errorf("one is longer; they are equal up to byte %d", offset)
		case errA != nil || errB != nil:
			return fmt.Errorf("comparing: %w", errors.Join(errA, errB))
		case x != y:
			return fmt.Errorf("the first difference is at byte %d", offset)
		}
	}
}
