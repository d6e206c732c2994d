package release

import (
	"context"
	"os"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/builder/gobuild"
	"github.com/hallmark-dev/hallmark/internal/builder/goreleaser"
	"github.com/hallmark-dev/hallmark/internal/builder/reproduce"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/spec"
)

// openBuilder returns the builder that the spec names; it builds everything
// twice if the spec asks for it.
func openBuilder(ctx context.Context, s *spec.Spec, env []string, c *console.Console) (builder.Builder, error) {
	b, err := pickBuilder(ctx, s.Build.Builder, env, c)
	if err != nil || s.Build.Reproducible != "verify" {
		return b, err
	}
	return &reproduce.Builder{Builder: b, Env: env}, nil
}

// pickBuilder: auto is goreleaser where it is installed, else plain go build,
// which gives the same bytes.
func pickBuilder(ctx context.Context, name string, env []string, c *console.Console) (builder.Builder, error) {
	if name == "go" {
		return gobuild.Builder{Env: env}, nil
	}
	b := goreleaser.Builder{Locator: locator(c)}
	b.Locator.Env = env
	if name == "goreleaser" {
		return b, nil
	}
	_, err := b.Locator.Find(ctx)
	if goreleaser.IsNotInstalled(err) {
		return gobuild.Builder{Env: env}, nil
	}
	return b, err
}

func locator(c *console.Console) goreleaser.Locator {
	return goreleaser.Locator{Log: detailWriter{c}, Notice: noteWriter{c}}
}

// InstallGoreleaser makes sure that there is a goreleaser: the one in PATH, the
// one in the cache, or one that is built now.
func InstallGoreleaser(ctx context.Context, o Options) error {
	o, err := o.withDefaults()
	if err != nil {
		return err
	}
	l := locator(o.Console)
	if s, err := LoadSpec(ctx, o); err == nil { // there need not be one
		l.Env = s.Environ(os.Environ())
	}
	tool, err := l.Install(ctx)
	if err != nil {
		return err
	}
	o.Console.Line("goreleaser %s is ready: %s", tool.Version, tool.Path)
	return nil
}

// noteWriter shows what a package has to say in any case.
type noteWriter struct{ c *console.Console }

func (w noteWriter) Write(b []byte) (int, error) {
	w.c.Note("%s", strings.TrimRight(string(b), "\n"))
	return len(b), nil
}

// detailWriter shows what a package logs when details are wanted.
type detailWriter struct{ c *console.Console }

func (w detailWriter) Write(b []byte) (int, error) {
	w.c.Detail("%s", strings.TrimRight(string(b), "\n"))
	return len(b), nil
}
