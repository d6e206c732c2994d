// Package goreleaser is the builder that drives the goreleaser program. It
// finds goreleaser in PATH or in a cache, or builds the pinned version from
// embedded, checksummed module files; it writes goreleaser's configuration, or
// takes the user's; and it reads the results from goreleaser's artifacts.json.
// goreleaser's own code is never linked in.
package goreleaser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/childproc"
)

// buildTimeout replaces goreleaser's own limit of an hour: the caller's
// context is what ends a build.
const buildTimeout = "24h"

// Builder runs goreleaser build.
type Builder struct {
	Locator Locator
}

// Name is goreleaser.
func (Builder) Name() string { return "goreleaser" }

// Version of the goreleaser that Build would use, without a leading v. When
// none is installed it is the version that Build would install.
func (b Builder) Version(ctx context.Context) (string, error) {
	tool, err := b.Locator.Find(ctx)
	if IsNotInstalled(err) {
		return pinned, nil
	}
	if err != nil {
		return "", err
	}
	return tool.Version, nil
}

// Build compiles every binary for every target, with the user's configuration
// when build.config is set. Without goreleaser it is an error: building it takes
// minutes, so it is done only on request.
func (b Builder) Build(ctx context.Context, req builder.Request) ([]builder.Artifact, error) {
	tool, err := b.Locator.Find(ctx)
	if err != nil {
		return nil, err
	}
	work, err := builder.Workshop(req.Out)
	if err != nil {
		return nil, err
	}
	defer atomicfile.RemoveAll(work)
	made, err := b.compile(ctx, req, tool, work)
	if err != nil {
		return nil, err
	}
	placed, err := builder.Place(ctx, made, req.Out, req.Date)
	if err != nil {
		return nil, err
	}
	return placed, keepConfig(req, placed)
}

func (b Builder) compile(ctx context.Context, req builder.Request, tool *Tool, work string) ([]builder.Artifact, error) {
	dist := filepath.Join(work, "dist")
	config, err := configuration(req, dist)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(work, "goreleaser.yaml")
	if err := os.WriteFile(file, config, 0o644); err != nil {
		return nil, fmt.Errorf("writing goreleaser's configuration: %w", err)
	}
	env, err := b.withGit(ctx, work)
	if err != nil {
		return nil, err
	}
	_, err = childproc.Run(ctx, childproc.Cmd{
		Path: tool.Path,
		Args: []string{"build", "--snapshot", "--config", file, "--timeout", buildTimeout},
		Dir:  req.Root,
		Env:  env,
		Live: req.Log,
	})
	if err != nil {
		return nil, err
	}
	return readArtifacts(filepath.Join(dist, "artifacts.json"), req.Root)
}

// keepConfig leaves the configuration beside the programs, so that the build
// can be repeated by hand: goreleaser build --snapshot --config FILE.
func keepConfig(req builder.Request, placed []builder.Artifact) error {
	config, err := configuration(req, "dist/goreleaser")
	if err != nil {
		return err
	}
	return atomicfile.Write(ConfigPath(req, placed[0]), config, 0o644)
}

// ConfigPath is where the configuration of an artifact's build is kept: beside
// the program, or, when it is the user's, beside all of them.
func ConfigPath(req builder.Request, a builder.Artifact) string {
	if req.Spec.Config != "" {
		return filepath.Join(req.Out, configFile)
	}
	return filepath.Join(req.Out, a.Key(), configFile)
}

const configFile = "goreleaser.yaml"
