// Package builder is what the builders have in common: the interface, the
// question (Request) and the answer (Artifact), the compiler's flags and
// environment, which both must use alike to get the same bytes, and the
// checks before and after.
package builder

import (
	"context"
	"io"
	"time"

	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/spec"
)

// Builder compiles the programs of a release.
type Builder interface {
	// Name as in release.yaml: goreleaser or go.
	Name() string
	// Version of the builder, such as go1.26.8 or 2.15.1.
	Version(ctx context.Context) (string, error)
	// Build compiles every binary for every target and returns what it
	// made, sorted by ID and target. When it fails Out holds nothing new.
	// Several calls with different binaries or targets may run side by side.
	// Check has judged the request before.
	Build(ctx context.Context, req Request) ([]Artifact, error)
}

// Request describes what to compile.
type Request struct {
	// Root is the absolute path of the folder with go.mod and release.yaml.
	Root string
	// Out is the absolute path of the folder that receives the programs, as
	// <id>_<os>_<arch>/<name>.exe. Other files in it are left alone.
	Out     string
	Spec    *spec.Build
	Project *spec.Project
	// Version of the release, resolved, without a leading v.
	Version string
	// Variables are the string variables that the linker sets, as
	// package.Name, with their texts.
	Variables map[string]string
	// Commit is the full hash, or empty outside a repository.
	Commit string
	// Date becomes the modification time of the programs.
	Date time.Time
	// Trying is set if the release is for trying out, and may be built from
	// files that differ from the commit.
	Trying bool
	// Work is the path of the workspace file to build with, or empty.
	Work string
	// Log receives the lines of the programs that are run, as they come.
	// nil: they are only kept for the error.
	Log io.Writer
}

// Artifact is one compiled program. While it is built its Path is absolute; what
// Build returns lies below Request.Out, under the name that File gives.
type Artifact = ledger.Artifact
