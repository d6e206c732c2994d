package cipolicy

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is something wrong with a policy.
type Problem struct {
	// Line of the XML, 0 if the policy was not read from XML.
	Line int
	// Warning is true for what Windows accepts but what has no effect.
	Warning bool
	Text    string
}

// String returns the problem with its line.
func (p Problem) String() string {
	text := p.Text
	if p.Warning {
		text = "warning: " + text
	}
	if p.Line > 0 {
		return fmt.Sprintf("line %d: %s", p.Line, text)
	}
	return text
}

// Problems is everything that is wrong with a policy, in the order of lines. It
// is the error that [Read] and [Compile] return for a policy that they refuse.
type Problems []Problem

// Error returns all problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Errors returns the problems that are not warnings.
func (ps Problems) Errors() Problems {
	return ps.filter(false)
}

// Warnings returns the problems that are warnings.
func (ps Problems) Warnings() Problems {
	return ps.filter(true)
}

func (ps Problems) filter(warning bool) Problems {
	var out Problems
	for _, p := range ps {
		if p.Warning == warning {
			out = append(out, p)
		}
	}
	return out
}

// err returns the problems as an error, nil if there are none.
func (ps Problems) err() error {
	if len(ps) == 0 {
		return nil
	}
	slices.SortStableFunc(ps, func(a, b Problem) int { return a.Line - b.Line })
	return ps
}

func (ps *Problems) add(line int, format string, args ...any) {
	*ps = append(*ps, Problem{Line: line, Text: fmt.Sprintf(format, args...)})
}

func (ps *Problems) warn(line int, format string, args ...any) {
	*ps = append(*ps, Problem{Line: line, Warning: true, Text: fmt.Sprintf(format, args...)})
}
