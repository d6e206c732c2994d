package clue

import (
	"regexp"
	"strings"
)

// goreleaser's fields and what they mean in build.variables
// (https://goreleaser.com/customization/templates/). A build's own date would
// be another one each time; that of the commit takes its place.
var fields = map[string]string{
	".Version": "version", ".RawVersion": "version", ".Tag": "tag",
	".Commit": "commit", ".FullCommit": "commit", ".Revision": "commit", ".ShortCommit": "short_commit",
	".Date": "commit_date", ".CommitDate": "commit_date", ".Now": "commit_date",
	".Timestamp": "commit_timestamp", ".CommitTimestamp": "commit_timestamp",
}

var (
	action = regexp.MustCompile(`\{\{-?\s*(.*?)\s*-?\}\}`)
	layout = regexp.MustCompile(`^(?:\.(?:Now|Date|CommitDate)\.Format|time|date)\s+["` + "`" + `]([^"` + "`" + `]*)["` + "`" + `]$`)
	onGOOS = regexp.MustCompile(`^(eq|ne)\s+\.Os\s+"([a-z]+)"$`)
)

// expand replaces the template actions of a goreleaser or promu configuration
// by marks. project is the value of .ProjectName. Of a condition the branch
// for Windows is taken; of one that asks for something else, such as a nightly
// build, what stands after else.
func expand(s, project string) string {
	out, _ := expandUntil(s, project)
	return out
}

// expandUntil expands up to the end or else that belongs to it, and returns
// what follows that action, with the action in front.
func expandUntil(s, project string) (out, rest string) {
	var b strings.Builder
	for {
		at := action.FindStringSubmatchIndex(s)
		if at == nil {
			b.WriteString(s)
			return b.String(), ""
		}
		b.WriteString(s[:at[0]])
		inner, after := s[at[2]:at[3]], s[at[1]:]
		switch word, condition, _ := strings.Cut(inner, " "); word {
		case "end", "else":
			return b.String(), s[at[0]:]
		case "if", "with", "range":
			text, left := branch(after, project, word == "if" && holds(condition))
			b.WriteString(text)
			s = left
		default:
			b.WriteString(meaning(inner, project))
			s = after
		}
	}
}

// branch returns the text of the branch that is taken, and what follows the
// whole condition.
func branch(s, project string, first bool) (text, rest string) {
	text, rest = expandUntil(s, project)
	if !first {
		text = ""
	}
	for rest != "" {
		at := action.FindStringSubmatchIndex(rest)
		inner := rest[at[2]:at[3]]
		rest = rest[at[1]:]
		if inner == "end" {
			return text, rest
		}
		other, left := expandUntil(rest, project)
		if !first && (inner == "else" || holds(strings.TrimPrefix(inner, "else if "))) {
			text, first = other, true
		}
		rest = left
	}
	return text, ""
}

func holds(condition string) bool {
	m := onGOOS.FindStringSubmatch(strings.TrimSpace(condition))
	return m != nil && (m[1] == "eq") == (m[2] == "windows")
}

func meaning(inner, project string) string {
	if m, ok := fields[inner]; ok {
		return mark(m)
	}
	if m := layout.FindStringSubmatch(inner); m != nil {
		if strings.Contains(m[1], "15") || strings.Contains(m[1], "03") {
			return mark("commit_date")
		}
		return mark("commit_day")
	}
	if inner == ".ProjectName" && project != "" {
		return project
	}
	switch inner {
	case ".Os":
		return "windows"
	case `trimprefix .Tag "v"`, `.Tag | trimprefix "v"`:
		return mark("version")
	}
	return unclear("{{" + inner + "}}")
}
