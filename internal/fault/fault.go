// Package fault is the error that reaches the person at the keyboard: what
// went wrong, what to do about it, and the exit status that scripts see.
package fault

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/printable"
)

// Exit statuses of every target.
const (
	Other        = 1 // any other failure
	Usage        = 2 // wrong usage or a wrong release.yaml
	Verification = 3 // a file or signature was refused
	Service      = 4 // a time server or signing service failed
)

// Error carries an exit status and hints beside the message.
type Error struct {
	Status int
	Err    error
	Hints  []string
}

// New makes an Error from a format string, which may wrap with %w.
func New(status int, format string, args ...any) *Error {
	return &Error{Status: status, Err: fmt.Errorf(format, args...)}
}

// Hint adds a line that says what to do.
func (e *Error) Hint(format string, args ...any) *Error {
	e.Hints = append(e.Hints, fmt.Sprintf(format, args...))
	return e
}

// Error is the message followed by one line a hint, without what a terminal
// would obey.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Err.Error())
	for _, h := range e.Hints {
		b.WriteString("\nhint: " + h)
	}
	return printable.Lines(b.String())
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ExitStatus is what mage ends the process with.
func (e *Error) ExitStatus() int { return e.Status }

// Status finds the exit status that err or one of its causes asks for. Of
// several joined errors the most telling wins: verification, then usage, then
// an outside service, then the rest.
func Status(err error) int {
	best := Other
	walk(err, func(status int) {
		if rank(status) > rank(best) {
			best = status
		}
	})
	return best
}

func rank(status int) int {
	return map[int]int{Service: 1, Usage: 2, Verification: 3}[status]
}

func walk(err error, visit func(int)) {
	if err == nil {
		return
	}
	if s, ok := err.(interface{ ExitStatus() int }); ok {
		visit(s.ExitStatus())
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		walk(e.Unwrap(), visit)
	case interface{ Unwrap() []error }:
		for _, c := range e.Unwrap() {
			walk(c, visit)
		}
	}
}

// Exit gives err the outermost ExitStatus method that mage looks at. nil
// stays nil.
func Exit(err error) error {
	if err == nil {
		return nil
	}
	if e := (*Error)(nil); errors.As(err, &e) && err == error(e) {
		return err
	}
	if all := Problems(err); len(all) > 1 {
		return &Error{Status: Status(err), Err: several(all)}
	}
	return &Error{Status: Status(err), Err: err}
}

// Problems returns the errors that were joined into err, each with its own
// hints; an error that was not joined is returned alone.
func Problems(err error) []error {
	if e, ok := err.(*Error); ok && len(e.Hints) == 0 {
		if inner := Problems(e.Err); len(inner) > 1 {
			return inner
		}
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, Problems(e)...)
	}
	return all
}

// several is the text of many problems below mage, which writes "Error: "
// before the first one only.
type several []error

func (s several) Error() string {
	texts := make([]string, len(s))
	for i, err := range s {
		texts[i] = printable.Lines(err.Error())
	}
	return strings.Join(texts, "\nError: ")
}

func (s several) Unwrap() []error { return s }
