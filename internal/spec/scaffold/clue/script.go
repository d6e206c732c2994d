package clue

import (
	"regexp"
	"strings"
)

// script holds the variables that a Makefile, workflow or shell script
// defines.
type script struct {
	defined map[string]string
}

var (
	definition = regexp.MustCompile(`^\s*(?:export\s+|-\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*(\+?)(?:[:?]{0,2}=|:\s)\s*(.*)$`)
	// A reference to a variable, as make, shells, workflows and Taskfiles write
	// it, in the third form with what a shell does to its value; and a call
	// whose output is the value.
	reference = regexp.MustCompile(`\$\{\{\s*([^}]*?)\s*\}\}|\{\{\s*\.?([A-Za-z_][A-Za-z0-9_.]*)\s*\}\}|\$\{([A-Za-z_][A-Za-z0-9_]*)([#%:/^,@][^}]*)\}|` +
		`\$[({]([A-Za-z_][A-Za-z0-9_]*)[)}]|\$(?:[Ee]nv:)?([A-Za-z_][A-Za-z0-9_]*)|%([A-Za-z_][A-Za-z0-9_]*)%`)
	call = regexp.MustCompile(`\$\$?\([a-z][A-Za-z0-9._/-]* [^()]*(?:\([^()]*\)[^()]*)*\)|` + "`[^`]*`")
)

func (s script) define(line string) {
	if strings.HasPrefix(line, "\t") {
		return // the recipe of a rule, whose variables are its own
	}
	m := definition.FindStringSubmatch(line)
	if m == nil || strings.Contains(line, "go build") && m[1] != strings.ToUpper(m[1]) {
		return // a key of a workflow or a rule of a Makefile
	}
	value := strings.TrimSpace(m[3])
	if len(value) > 1 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
		value = value[1 : len(value)-1]
	}
	switch {
	case m[2] == "+" && s.defined[m[1]] != "":
		s.defined[m[1]] += " " + value
	case s.defined[m[1]] == "" || m[2] == "+":
		s.defined[m[1]] = value
	}
}

// Bounds of an expansion: how deep variables refer to one another, and bytes.
const (
	maxDepth    = 8
	maxExpanded = 64 << 10
)

// expand replaces variables and calls by their values, or by marks where the
// value changes from release to release.
func (s script) expand(text string) string { return s.deeper(text, maxDepth) }

func (s script) deeper(text string, depth int) string {
	text = call.ReplaceAllStringFunc(text, func(c string) string { return meant("", c, c) })
	if len(text) > maxExpanded {
		return text[:maxExpanded]
	}
	return reference.ReplaceAllStringFunc(text, func(ref string) string {
		m := reference.FindStringSubmatch(ref)
		name, change := first(m[1], m[2], m[3], m[5], m[6], m[7]), m[4]
		if at := strings.LastIndexByte(name, '.'); at >= 0 && !strings.HasPrefix(name, "github.") {
			name = name[at+1:]
		}
		value, ok := s.defined[name]
		switch {
		case change != "":
			return changed(meant(name, value, ref), change)
		case ok && depth > 0 && (flagsName.MatchString(name) || strings.Contains(value, "/") && !call.MatchString(value) && !strings.Contains(value, "$")):
			return s.deeper(value, depth-1)
		case meant(name, value, "") != "":
			return meant(name, value, "")
		case ok && depth > 0 && !call.MatchString(value):
			return s.deeper(value, depth-1)
		}
		return unclear(ref)
	})
}

// changed is the mark of a variable after a shell has cut something off its
// value: the first digits of a commit, the v of a tag.
func changed(marked, change string) string {
	switch {
	case marked == mark("commit") && strings.HasPrefix(change, ":"):
		return mark("short_commit")
	case marked == mark("tag") && strings.HasPrefix(change, "#v"):
		return mark("version")
	}
	return marked
}

var (
	makesDate   = regexp.MustCompile(`(?:^|[\s(` + "`" + `])date(?:\s|\)|` + "`" + `)|git (?:log|show)[^|]*%c[dDIist]`)
	makesCommit = regexp.MustCompile(`rev-parse|git (?:log|show)[^|]*%[hH]`)
	flagsName   = regexp.MustCompile(`(?i)flags|_?args$|opts$`)
	namesDate   = regexp.MustCompile(`(?i)date|time`)
	namesCommit = regexp.MustCompile(`(?i)commit|sha|revision|githash|^rev$|github[._]sha`)
	namesTag    = regexp.MustCompile(`(?i)(^|[_.]|git)tag($|_|name)|github[._]ref(_name)?$`)
	namesVer    = regexp.MustCompile(`(?i)version|^ver$`)
	namesOther  = regexp.MustCompile(`(?i)^go|go_?version`)
	dropsV      = regexp.MustCompile(`sed|cut|tr |#v|patsubst|subst|trimprefix|TrimPrefix`)
)

// meant is the mark of a variable that changes from release to release, judged
// by the command that makes its value, then by its name; otherwise the
// fallback. value may be empty.
func meant(name, value, otherwise string) string {
	if namesOther.MatchString(name) {
		return ""
	}
	for _, rule := range []struct {
		applies bool
		mark    string
	}{
		{strings.Contains(value, "github.ref_name") || strings.Contains(value, "GITHUB_REF_NAME"), "tag"},
		{strings.Contains(value, "github.sha"), "commit"},
		{makesDate.MatchString(value), dateKind(value)},
		{makesCommit.MatchString(value), commitKind(name, value)},
		{strings.Contains(value, "git describe") && dropsV.MatchString(value), "version"},
		{strings.Contains(value, "git describe"), "tag"},
		{namesDate.MatchString(name), dateKind(value)},
		{namesTag.MatchString(name), "tag"},
		{namesCommit.MatchString(name), commitKind(name, value)},
		{namesVer.MatchString(name), "version"},
	} {
		if rule.applies {
			return mark(rule.mark)
		}
	}
	if otherwise != "" {
		return unclear(otherwise)
	}
	return ""
}

func dateKind(value string) string {
	switch {
	case strings.Contains(value, "%s") || strings.Contains(value, "%ct"):
		return "commit_timestamp"
	case strings.Contains(value, "%Y-%m-%d") && !strings.Contains(value, "%H") && !strings.Contains(value, "%T"),
		strings.Contains(value, "%cs") || strings.Contains(value, "%F") && !strings.Contains(value, "%T"):
		return "commit_day"
	}
	return "commit_date"
}

func commitKind(name, value string) string {
	if strings.Contains(strings.ToLower(name), "short") || strings.Contains(value, "--short") || strings.Contains(value, "%h") {
		return "short_commit"
	}
	return "commit"
}
