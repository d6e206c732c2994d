// Package command describes the targets as a command line sees them: their
// names, flags and help. The description is generated from package targets, so
// that mage, a compiled magefile and the program hallmark take the same words.
//
// [Parse] judges a whole command line before anything runs. [Line] says how the
// person at the keyboard starts another target.
package command

import "strings"

// Target is one thing that can be run.
type Target struct {
	Name     string // as it is typed: release, file:sign
	Synopsis string // first sentence of the help, without the name
	Doc      string // the whole help
	Flags    []Flag
}

// Kind is the type of a flag's value.
type Kind string

// The kinds of values that mage knows.
const (
	Text     Kind = "string"
	Bool     Kind = "bool"
	Int      Kind = "int"
	Float    Kind = "float64"
	Duration Kind = "time.Duration"
)

// Flag is an option of a target, written as -name=value after the target. A
// boolean may leave out the value.
type Flag struct {
	Name string
	Kind Kind
	Help string
}

// Find returns the target of that name. Upper and lower case are the same, as
// they are for mage.
func Find(all []Target, name string) (Target, bool) {
	for _, t := range all {
		if strings.EqualFold(t.Name, name) {
			return t, true
		}
	}
	return Target{}, false
}

func (t Target) flag(name string) (Flag, bool) {
	for _, f := range t.Flags {
		if strings.EqualFold(f.Name, name) {
			return f, true
		}
	}
	return Flag{}, false
}
