package spec

import (
	"fmt"
	"sort"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
)

// maxProblems is how many problems are written out; a file that is wrong from
// end to end does not need thousands of lines to say so.
const maxProblems = 100

// Problem is one thing that is wrong with a release.yaml.
type Problem struct {
	// Line in the file, counted from 1; 0 when the problem has no place.
	Line int
	// Path of the field, such as sign.identity or build.binaries[0].name;
	// empty when the file as a whole is meant.
	Path string
	// Message describes what is wrong.
	Message string
	// Hint describes what to do; may be empty.
	Hint string
}

// Problems is the error for a release.yaml that cannot be used. It holds
// everything that is wrong with it, in the order of the lines.
type Problems struct {
	// File as it was named.
	File string
	// List is never empty and sorted by line.
	List []Problem
}

// ExitStatus is that of wrong usage.
func (p *Problems) ExitStatus() int { return fault.Usage }

// Error lists every problem with its hint, one a line.
func (p *Problems) Error() string {
	var b strings.Builder
	for i, one := range p.List {
		if i == maxProblems {
			fmt.Fprintf(&b, "\n%s: %d more problems", p.File, len(p.List)-i)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.File + ": " + one.String())
		if one.Hint != "" {
			b.WriteString("\nhint: " + one.Hint)
		}
	}
	return b.String()
}

// String is the problem without its hint: line, path, message.
func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	return b.String() + p.Message
}

// problems makes the error of a list, or nil when the list is empty.
func problems(file string, list []Problem) error {
	if len(list) == 0 {
		return nil
	}
	sort.SliceStable(list, func(i, j int) bool { return list[i].Line < list[j].Line })
	return &Problems{File: file, List: list}
}

// Refuse makes the error of problems that were found after loading: it finds
// their lines. nil when the list is empty.
func (s *Spec) Refuse(list []Problem) error {
	file := s.file
	if file == "" {
		file = "release.yaml"
	}
	for i := range list {
		if list[i].Line == 0 && list[i].Path != "" {
			list[i].Line = s.line(list[i].Path)
		}
	}
	return problems(file, list)
}
