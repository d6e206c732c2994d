package clue

import (
	"slices"
	"strings"
)

// A configuration's templates and variables are turned into marks before its
// flags are split, since they hold blanks and quotes of their own. A mark is
// what the value means in build.variables, or how it was written when it means
// nothing there.
const (
	markStart   = '\x01'
	markUnclear = '\x02'
	markEnd     = '\x03'
)

func mark(meaning string) string    { return string(markStart) + meaning + string(markEnd) }
func unclear(written string) string { return string(markUnclear) + written + string(markEnd) }

func marked(s string) bool { return strings.ContainsAny(s, "\x01\x02") }

// unmarked is a text for people: what was unclear as it was written.
func unmarked(s string) string {
	return strings.NewReplacer(string(markStart), "", string(markUnclear), "", string(markEnd), "").Replace(s)
}

// words splits at blanks outside of quotes and marks; quotes are taken away.
func words(s string) []string {
	var out []string
	var word strings.Builder
	in, quote, inMark := false, rune(0), false
	for _, r := range s {
		switch {
		case r == markStart || r == markUnclear:
			inMark, in = true, true
			word.WriteRune(r)
		case r == markEnd:
			inMark = false
			word.WriteRune(r)
		case inMark:
			word.WriteRune(r)
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, in = r, true
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n' || r == '\r'):
			if in {
				out = append(out, word.String())
			}
			word.Reset()
			in = false
		default:
			word.WriteRune(r)
			in = true
		}
	}
	if in {
		out = append(out, word.String())
	}
	return out
}

// readLink understands linker flags, given as marked text. gui tells that -H
// asks for a program without console.
func readLink(flags string) (link Link, gui bool) {
	link = Link{Said: true, Variables: map[string]string{}, Texts: map[string]string{}, Unclear: map[string]string{}}
	list := words(flags)
	for i := 0; i < len(list); i++ {
		w := list[i]
		if strings.HasPrefix(w, "--") {
			w = w[1:]
		}
		name, value, joined := strings.Cut(w, "=")
		if takesWord[name] && !joined && i+1 < len(list) {
			i++
			value = list[i]
		}
		switch {
		case name == "-X":
			link.set(value)
		case name == "-H":
			gui = gui || value == "windowsgui"
		case name == "-extldflags" || name == "-linkmode" || name == "-extld":
			// Without cgo the external linker is not used.
		case strings.HasPrefix(w, "-") && !marked(w):
			if takesWord[name] && !joined {
				w += "=" + value
			}
			if !slices.Contains(link.Flags, w) {
				link.Flags = append(link.Flags, w)
			}
		}
	}
	return link, gui
}

// takesWord are flags of the linker whose value may be the next word.
var takesWord = map[string]bool{"-X": true, "-H": true, "-extldflags": true, "-linkmode": true, "-extld": true, "-B": true, "-R": true, "-T": true, "-E": true, "-I": true, "-L": true, "-buildid": true}

func (l *Link) set(assignment string) {
	name, value, ok := strings.Cut(assignment, "=")
	if !ok || marked(name) || l.knows(name) || !strings.Contains(name, ".") {
		return
	}
	switch meaning := meaningOf(value); {
	case meaning != "":
		l.Variables[name] = meaning
	case marked(value) || strings.ContainsAny(value, "$`"):
		l.Unclear[name] = unmarked(value)
	case value != "":
		l.Texts[name] = value
	}
}

// meaningOf is the value of build.variables that a marked text stands for, or "".
func meaningOf(value string) string {
	plain, v := strings.CutPrefix(value, "v")
	meaning, ok := strings.CutPrefix(strings.TrimSuffix(plain, string(markEnd)), string(markStart))
	if !ok || marked(meaning) || strings.ContainsRune(meaning, markEnd) {
		return ""
	}
	switch {
	case !v:
		return meaning
	case meaning == "version":
		return "tag"
	}
	return ""
}
