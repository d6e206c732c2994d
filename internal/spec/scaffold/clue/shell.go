package clue

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Commands is what a Makefile, a workflow or a script says by calling go
// build.
type Commands struct {
	// Programs are those of the commands that compile for Windows, or for no
	// system by name.
	Programs []Command
	// Link is every linker variable in the file, also where no command could
	// be made out.
	Link Link
}

// Command is one call of go build.
type Command struct {
	Program
	// From names file and line.
	From string
	// Windows is set if the command names Windows as system.
	Windows bool
	// Careful is set if it has flags which programs for users are built with
	// (-trimpath, -ldflags).
	Careful bool
}

var goBuild = regexp.MustCompile(`(?:^|[\s;&|@("])(?:go|\x02\$[({]GO(?:CMD)?[)}]\x03)\s+build(?:\s|$)`)

// assigned is what one -X sets; marks may hold blanks.
var assigned = regexp.MustCompile("-X[= ]+['\"]?([^\\s'\"=]+=(?:[\x01\x02][^\x03]*\x03|[^\\s'\"\x01-\x03])*)")

// Shell reads the calls of go build in a Makefile, a workflow, a Taskfile or a
// shell script. module is the module's path.
func Shell(from string, b []byte, module string) Commands {
	s := script{defined: map[string]string{}}
	lines := logical(string(b))
	for _, l := range lines {
		s.define(l.text)
	}
	var out Commands
	for _, l := range lines {
		text := s.expand(l.text)
		for _, m := range assigned.FindAllStringSubmatch(text, -1) {
			link, _ := readLink("-X=" + m[1])
			out.Link.merge(link)
		}
		for _, at := range goBuild.FindAllStringIndex(text, -1) {
			for _, c := range commands(text[:at[0]], text[at[1]:], module) {
				c.From = fmt.Sprintf("%s:%d", from, l.number)
				out.Programs = append(out.Programs, c)
			}
		}
	}
	return out
}

type line struct {
	number int
	text   string
}

// logical joins lines that end with a backslash and leaves comments out.
func logical(s string) []line {
	var out []line
	open := false
	for i, text := range strings.Split(s, "\n") {
		text = strings.TrimRight(text, "\r ")
		joined, more := strings.CutSuffix(text, `\`)
		switch {
		case open:
			out[len(out)-1].text += " " + strings.TrimSpace(joined)
		case !strings.HasPrefix(strings.TrimSpace(text), "#"):
			out = append(out, line{i + 1, joined})
		default:
			more = false
		}
		open = more
	}
	return out
}

// commands reads one call: the words before it, which may set its environment,
// and those after it up to the end of the command. One call may name several
// packages.
func commands(before, after, module string) []Command {
	c := Command{Program: Program{Link: Link{}}}
	goos, arch := environment(before, &c.Program)
	if goos != "" && goos != "windows" {
		return nil
	}
	c.Windows = goos == "windows"
	var packages []string
	list := words(after)
	for i := 0; i < len(list) && !ends(list[i]); i++ {
		name, value, joined := strings.Cut(strings.Replace(list[i], "--", "-", 1), "=")
		if withValue[name] && !joined && i+1 < len(list) {
			i++
			value = list[i]
		}
		switch {
		case name == "-o":
			c.Name = outName(value)
		case name == "-ldflags":
			c.Link, c.GUI = readLink(value)
			c.Careful = true
		case name == "-trimpath":
			c.Careful = true
		case name == "-tags":
			c.Tags = tagsOf([]string{value}, nil, "")
		case name == "-buildmode" && value != "exe" && value != "pie" && value != "default":
			return nil
		case !strings.HasPrefix(list[i], "-") && !marked(list[i]) && !strings.ContainsAny(list[i], "$@<"):
			packages = append(packages, list[i])
		}
	}
	if arch != "" && slices.Contains(known, arch) {
		c.Architectures = []string{arch}
	}
	return each(c, packages, module)
}

// each makes a command of every package. Everything at once is a check that
// all compiles, not a build of programs.
func each(c Command, packages []string, module string) []Command {
	if len(packages) == 0 {
		packages = []string{"."}
	}
	var out []Command
	for _, p := range packages {
		if inside, ok := strings.CutPrefix(p, module); ok && (inside == "" || inside[0] == '/') {
			p = "." + inside
		}
		if p == "./..." || p == "..." {
			continue
		}
		one := c
		if one.Main = mainOf("", strings.TrimPrefix(p, "./")); strings.HasSuffix(p, "...") || len(packages) > 1 {
			one.Name = ""
		}
		out = append(out, one)
	}
	return out
}

// withValue are flags of go build that are followed by their value.
var withValue = map[string]bool{
	"-o": true, "-ldflags": true, "-tags": true, "-buildmode": true, "-C": true, "-p": true, "-asmflags": true, "-gcflags": true, "-mod": true,
	"-modfile": true, "-overlay": true, "-pgo": true, "-pkgdir": true, "-toolexec": true, "-installsuffix": true, "-compiler": true, "-gccgoflags": true,
	"-coverpkg": true, "-covermode": true,
}

func ends(word string) bool {
	return word == "&&" || word == "||" || word == ";" || word == "|" || strings.HasPrefix(word, ">") || strings.HasPrefix(word, "2>") || word == "#" || word == ")"
}

// environment reads the settings in front of a command: GOOS, GOARCH and what
// else belongs to the program.
func environment(before string, p *Program) (goos, arch string) {
	list := words(before)
	for i := len(list) - 1; i >= 0; i-- {
		name, value, ok := strings.Cut(list[i], "=")
		switch {
		case !ok && i < len(list)-1 && list[i] != "env":
			return goos, arch
		case name == "GOOS":
			goos = value
		case name == "GOARCH":
			arch = value
		case name == "CGO_ENABLED":
			p.Cgo = value == "1"
		}
	}
	return goos, arch
}

// outName is the name that -o gives a program, or "" for a folder and for what
// other systems call it.
func outName(out string) string {
	if marked(out) || strings.HasSuffix(out, "/") || !strings.HasSuffix(out, ".exe") {
		return ""
	}
	return withoutMachine.ReplaceAllString(programName(out, ""), "")
}

var withoutMachine = regexp.MustCompile(`([-_.](windows|win|win32|win64|amd64|x86_64|arm64|386|x86|i386))+$`)
