// Package targets holds what mage can run. A repository gets all of it with a
// magefile of three lines:
//
//	//go:build mage
//	package main
//	import _ "github.com/hallmark-dev/hallmark/targets" // mage:import
//
// Each target is a call into package release or another package below
// internal/; nothing is decided here.
package targets

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/magefile/mage/mg"

	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/interrupt"
	"github.com/hallmark-dev/hallmark/internal/release"
)

// Release builds, signs, timestamps, verifies and documents everything that release.yaml names.
func Release(ctx context.Context,
	snapshot *bool, // for trying out, whatever the commit is: named after the last tag, signed by the test identity
	json *bool, // write events as JSON, one a line
) error {
	o := options()
	if flag(json) {
		o.Console = release.Events(os.Stdout, time.Now)
	}
	o.Snapshot = flag(snapshot)
	return opened(ctx, o, true, func(ctx context.Context, r *release.Release) error { return r.Execute(ctx) })
}

// Default does what release does without flags. It is for the variable Default of a magefile, which takes no flags.
func Default(ctx context.Context) error { return Release(ctx, nil, nil) }

// Build compiles the programs into dist/build.
func Build(ctx context.Context) error { return run(ctx, "build") }

// Resources puts version information, manifest and icon into copies of the programs.
func Resources(ctx context.Context) error { return run(ctx, "resources") }

// Sign makes the Authenticode signatures.
func Sign(ctx context.Context) error { return run(ctx, "sign") }

// Crosscert adds cross-certificates to the signatures.
func Crosscert(ctx context.Context) error { return run(ctx, "crosscert") }

// Timestamp gets RFC 3161 timestamps for the signatures.
func Timestamp(ctx context.Context) error { return run(ctx, "timestamp") }

// Attach attaches the signatures to the programs, in dist/release.
func Attach(ctx context.Context) error { return run(ctx, "attach") }

// Verify checks the finished programs as Windows does.
func Verify(ctx context.Context) error { return run(ctx, "verify") }

// WDAC makes the App Control policy and its deployment kit.
func WDAC(ctx context.Context) error { return run(ctx, "wdac") }

// Portal writes the text and fields for Microsoft's submission form.
func Portal(ctx context.Context) error { return run(ctx, "portal") }

// Package makes the files to publish in dist/package.
func Package(ctx context.Context) error { return run(ctx, "package") }

// Sums writes dist/package/SHA256SUMS over the files to publish.
func Sums(ctx context.Context) error { return run(ctx, "sums") }

// Plan shows what a release would do and why, and changes nothing.
func Plan(ctx context.Context,
	json *bool, // print JSON
) error {
	o := answer()
	o.Planning = true
	return opened(ctx, o, false, func(ctx context.Context, r *release.Release) error {
		if flag(json) {
			return r.PlanJSON(ctx, os.Stdout)
		}
		return r.Plan(ctx)
	})
}

// Doctor checks Go, git, goreleaser, identity, time servers and roots.
func Doctor(ctx context.Context,
	json *bool, // print JSON
) error {
	o := answer()
	if flag(json) {
		o.JSON = os.Stdout
	}
	return do(ctx, func(ctx context.Context) error { return release.Doctor(ctx, o) })
}

// Clean removes from dist/ what releases wrote there.
func Clean(ctx context.Context) error {
	return do(ctx, func(ctx context.Context) error { return release.Clean(ctx, options()) })
}

// Init writes a release.yaml for the module in this folder.
func Init(ctx context.Context,
	force *bool, // replace files that exist
	full *bool, // write every key that exists, with its explanation
	check *bool, // compare release.yaml with what the project says now, and write nothing
	mage *bool, // also write release/, a module of its own with a magefile
) error {
	return do(ctx, func(ctx context.Context) error {
		return release.Init(ctx, options(), release.InitOptions{Force: flag(force), Full: flag(full), Check: flag(check), Mage: flag(mage)})
	})
}

// Schema prints the JSON Schema of release.yaml, for editors.
func Schema() error { return fault.Exit(release.Schema(os.Stdout)) }

// Certs lists what the signing identity holds and whether it can sign for Windows.
func Certs(ctx context.Context,
	identity *string, // an identity other than the one in release.yaml
	password *string, // password of that identity, as env:NAME or file:PATH
	chain *string, // certificate files of that identity
	json *bool, // print JSON
) error {
	return do(ctx, func(ctx context.Context) error {
		return release.Certs(ctx, os.Stdout, options(), str(identity), str(password), str(chain), flag(json))
	})
}

// Version prints the version of hallmark.
func Version() { fmt.Println(release.Version()) }

// run releases, or runs the named steps.
func run(ctx context.Context, steps ...string) error {
	return opened(ctx, options(), true, func(ctx context.Context, r *release.Release) error { return r.Execute(ctx, steps...) })
}

func opened(ctx context.Context, o release.Options, lock bool, then func(context.Context, *release.Release) error) error {
	return do(ctx, func(ctx context.Context) (err error) {
		defer func() { release.Failed(o, err) }()
		r, err := release.Open(ctx, o, lock)
		if err != nil {
			return err
		}
		defer r.Close()
		return then(ctx, r)
	})
}

// do runs what a target is for until it is done or interrupted.
func do(ctx context.Context, work func(context.Context) error) error {
	return fault.Exit(interrupt.Run(ctx, work))
}

func options() release.Options {
	return release.Options{Console: screen()}
}

// answer is options for targets whose lines are what was asked for: they go to
// standard output, where they can be piped.
func answer() release.Options {
	return release.Options{Console: console.Open(os.Stdout, os.Getenv, mg.Verbose())}
}
