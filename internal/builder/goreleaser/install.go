package goreleaser

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/childproc"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/filelock"
)

// The module files of the pinned version. go.sum holds the checksum of every
// module; -mod=readonly makes the go command enforce it.
var (
	//go:embed goreleaser.mod
	goMod []byte
	//go:embed goreleaser.sum
	goSum []byte
)

const module = "github.com/goreleaser/goreleaser/v2"

// Install returns what Find finds; when that is nothing it builds the pinned
// version into the cache. A build that is cut short leaves nothing that Find
// would use, and of two processes that install at once the second waits for
// the first.
func (l Locator) Install(ctx context.Context) (*Tool, error) {
	tool, err := l.Find(ctx)
	if !IsNotInstalled(err) {
		return tool, err
	}
	root, err := l.cacheRoot()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, fmt.Errorf("making the cache folder: %w", err)
	}
	unlock, err := filelock.Take(ctx, filepath.Join(root, "goreleaser.lock"), nil)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if tool, err := l.inCache(ctx); tool != nil || err != nil {
		return tool, err // the process that held the lock has built it
	}
	return l.build(ctx, root)
}

const workPrefix = "goreleaser-build-"

// build compiles in a temporary folder of the cache and renames the program
// when it has proved that it runs. The caller holds the lock.
func (l Locator) build(ctx context.Context, root string) (*Tool, error) {
	if l.Notice != nil {
		fmt.Fprintf(l.Notice, "building goreleaser v%s, once, about 4 minutes\n", pinned)
	}
	if err := removeLeftovers(root); err != nil {
		return nil, err
	}
	work, err := os.MkdirTemp(root, workPrefix)
	if err != nil {
		return nil, fmt.Errorf("making a folder to build in: %w", err)
	}
	defer atomicfile.RemoveAll(work)
	made := filepath.Join(work, executable("goreleaser"))
	if err := l.compile(ctx, work, made); err != nil {
		return nil, err
	}
	version, err := l.ask(ctx, made)
	if err != nil || version != pinned {
		return nil, fmt.Errorf("checking the goreleaser just built: it reports version %q, not %s (%v)", version, pinned, err)
	}
	path, err := l.cached()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("making the cache folder: %w", err)
	}
	if err := atomicfile.Move(made, path); err != nil {
		return nil, fmt.Errorf("moving goreleaser into the cache: %w", err)
	}
	return &Tool{Path: path, Version: version, From: "cache"}, nil
}

func removeLeftovers(root string) error {
	old, err := filepath.Glob(filepath.Join(root, workPrefix+"*"))
	if err != nil {
		return fmt.Errorf("looking for folders of earlier builds: %w", err)
	}
	for _, dir := range old {
		if err := atomicfile.RemoveAll(dir); err != nil {
			return fmt.Errorf("removing a folder of an earlier build: %w", err)
		}
	}
	return nil
}

func (l Locator) compile(ctx context.Context, work, made string) error {
	for name, content := range map[string][]byte{"go.mod": goMod, "go.sum": goSum} {
		if err := os.WriteFile(filepath.Join(work, name), content, 0o644); err != nil {
			return fmt.Errorf("writing goreleaser's module files: %w", err)
		}
	}
	_, err := childproc.Run(ctx, childproc.Cmd{
		Path: "go",
		Args: []string{"build", "-C", work, "-buildvcs=false",
			"-ldflags=-s -w -X main.version=" + pinned + " -X main.builtBy=hallmark", "-o", made, module},
		Env: builder.Environment(l.env(), "GOFLAGS=-mod=readonly"),
	})
	if err != nil && ctx.Err() == nil {
		return fault.New(fault.Other, "building goreleaser v%s: %w", pinned, err).
			Hint("the first build needs the network, or a GOPROXY that has the modules, and about 3 GB of disk").
			Hint("or install goreleaser yourself, or set build.builder to go")
	}
	return err
}
