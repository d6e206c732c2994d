//go:build mage

// The targets of this repository: those that every repository can import from
// ./targets, and our own for development.
package main

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/dev"
	"github.com/hallmark-dev/hallmark/internal/dev/bench"
	"github.com/hallmark-dev/hallmark/internal/dev/wine"
	// mage:import
	"github.com/hallmark-dev/hallmark/targets"
)

// Default is what mage runs when no target is named.
var Default = targets.Default

// Aliases are shorter names.
var Aliases = map[string]any{
	"r":   targets.Default,
	"all": targets.Default,
}

// Test runs all tests.
func Test(ctx context.Context) error { return dev.Test(ctx, os.Stdout) }

// Lint checks formatting and runs go vet and staticcheck, also for Windows and macOS.
func Lint(ctx context.Context) error { return dev.Lint(ctx, os.Stdout) }

// Check lints and tests.
func Check(ctx context.Context) error {
	if err := Lint(ctx); err != nil {
		return err
	}
	return Test(ctx)
}

// Fuzz runs every fuzz target for a short time.
func Fuzz(ctx context.Context,
	each *time.Duration, // time for each target (default 5s)
) error {
	d := 5 * time.Second
	if each != nil {
		d = *each
	}
	return dev.Fuzz(ctx, os.Stdout, d)
}

// Wine runs the tests for Windows under wine.
func Wine(ctx context.Context,
	packages *string, // packages to test, separated by commas (default all)
	run *string, // only tests whose names match, as go test -run
) error {
	var list []string
	if packages != nil {
		list = strings.Split(*packages, ",")
	}
	pattern := ""
	if run != nil {
		pattern = *run
	}
	return wine.Test(ctx, os.Stdout, pattern, list)
}

// Bench measures speed and memory beside osslsigncode and relic.
func Bench(ctx context.Context,
	runs *int, // how often each file is measured
	only *string, // make only the measurements with this in their name, such as verifying
) error {
	n, part := bench.Runs, ""
	if runs != nil {
		n = *runs
	}
	if only != nil {
		part = *only
	}
	return bench.Run(ctx, os.Stdout, os.Stderr, n, part)
}
