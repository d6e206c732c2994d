// Package step defines what a step of a release is and what it gets to see.
// The steps themselves are the packages below it; package pipeline puts them
// in order and runs them.
package step

import (
	"cmp"
	"context"
	"fmt"

	"github.com/hallmark-dev/hallmark/internal/pinned"
	"github.com/hallmark-dev/hallmark/internal/spec"
)

// Step is one entry of pipeline.Steps.
type Step struct {
	// Name as in mage NAME.
	Name string
	// Title, if there is one, is what people see instead of Name.
	Title func(*spec.Spec) string
	// Does says in a few words what the step does, for plan and help.
	Does string
	// Enabled reports whether the spec asks for the step.
	Enabled func(*spec.Spec) bool
	// Units lists the pieces of work. It must be quick and must not reach
	// keys or the network: plan calls it too. Every file that it, or the work
	// itself, reads because a setting names it is an input of a unit.
	Units func(context.Context, *Run) ([]Unit, error)
	// Judge, if there is one, is called before anything runs, and by plan, when
	// at least one unit of the step will run. It refuses what the step would
	// refuse later, as far as that is known without keys and network.
	Judge func(context.Context, *Run) error
	// Check, if there is one, is called before anything runs when at least
	// one unit of the step will: reach the key, judge the certificate. What
	// it refuses stops the release before the first file is written.
	Check func(context.Context, *Run) error
	// PartOf names the step that this one belongs to: it runs with it when
	// that is asked for by name.
	PartOf string
	// Parallel is how many units may run at once; 0 or a nil function means
	// as many as there are processors.
	Parallel func(*Run) int
	// Judges is set if the step itself reports what is wrong with an input that
	// changed since an earlier step wrote it.
	Judges bool
	// Fresh has every file of the step hashed anew when its turn comes,
	// instead of believing what was hashed earlier in the run.
	Fresh bool
}

// Unit is a piece of work that is done or up to date as a whole: usually one
// file. A unit is a function from files and settings to files; it never
// changes its inputs.
type Unit struct {
	// Name is unique within the step and is what people see, such as
	// beacon_windows_amd64/beacon.exe.
	Name string
	// Shown is what people see instead of Name, if it says more.
	Shown string
	// Group and Part show several units of one step in one line when all are
	// done: a program, and the target that this unit is for.
	Group, Part string
	// Config is everything but files that decides the result. It is kept in
	// the ledger as JSON, so its fields must be exported and hold no secrets.
	Config any
	// Stale explains why the unit must run although nothing that it is made of has
	// changed, as when a certificate has ended; "" otherwise.
	Stale string
	// Inputs are the paths of the files that are read, relative to the
	// project, with slashes, or absolute. A folder stands for the sorted
	// names in it.
	Inputs []string
	// Outputs are the paths that will be written, as far as known before.
	Outputs []string
	// Do does the work. It writes its outputs atomically.
	Do func(context.Context) (Result, error)
}

// Result is what a unit did.
type Result struct {
	// Inputs found only while working, such as the source files of a build.
	Inputs []string
	// Outputs written, instead of the unit's Outputs if not nil.
	Outputs []string
	// Bound are the files that the step judged or listed, with the bytes that
	// it did so for: later steps get no others from Run.Open.
	Bound map[string]pinned.Sum
	// Facts for later steps and for people. No secrets.
	Facts map[string]string
	// Note is a short remark shown beside the file, such as the name of the
	// time server that answered.
	Note string
}

// Label is the step's name for people.
func (s Step) Label(about *spec.Spec) string {
	if s.Title == nil {
		return s.Name
	}
	return s.Title(about)
}

// Label is the unit's name for people.
func (u Unit) Label() string { return cmp.Or(u.Shown, u.Name) }

// Files returns a number of files in words.
func Files(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}
