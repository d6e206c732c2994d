//go:build mage

// The targets of this repository: those that every repository can import from
// ./targets, and our own for development.
package main

import (
	// mage:import
	"github.com/hallmark-dev/hallmark/targets"
)

// Default is what mage runs when no target is named.
var Default = targets.Release

// Aliases are shorter names.
var Aliases = map[string]any{
	"r":   targets.Release,
	"all": targets.Release,
}
