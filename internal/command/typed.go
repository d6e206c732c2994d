package command

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// Line returns the command line that runs words in the way in which this
// process was started: "hallmark plan", "go tool mage plan" or "mage plan",
// with the prefix under which a magefile imports the targets.
func Line(words string) string {
	p := process{args: os.Args, parent: parentExecutable, onPath: onPath}
	return p.line(Targets(), words)
}

// process is what is known about how this process was started.
type process struct {
	args   []string
	parent func() string // path of the program that started this one, or ""
	onPath func(string) bool
}

// cached matches the file names of magefiles that mage compiled: the SHA-256
// of what they were made from (SHA-1 before mage 1.16).
var cached = regexp.MustCompile(`^([0-9a-f]{64}|[0-9a-f]{40})$`)

func (p process) line(all []Target, words string) string {
	name := p.name()
	if words == "" {
		return name
	}
	if prefix := p.prefix(all); prefix != "" {
		if t, _, _ := strings.Cut(words, " "); isTarget(all, t) {
			words = prefix + words
		}
	}
	return name + " " + words
}

func (p process) name() string {
	if len(p.args) == 0 {
		return "hallmark"
	}
	base := strings.TrimSuffix(filepath.Base(p.args[0]), ".exe")
	switch {
	case strings.HasSuffix(base, ".test"):
		return "hallmark"
	case !cached.MatchString(base):
		return base
	case p.throughGo():
		return "go tool mage"
	}
	return "mage"
}

// throughGo reports whether the go command started mage. Programs that go tool
// runs lie in the go command's cache.
func (p process) throughGo() bool {
	if parent := p.parent(); parent != "" {
		return strings.Contains(filepath.ToSlash(parent), "/go-build")
	}
	return !p.onPath("mage")
}

// prefix returns what stands before our targets' names on this command line,
// such as "win:".
func (p process) prefix(all []Target) string {
	for _, word := range p.args[min(1, len(p.args)):] {
		if isTarget(all, word) {
			return ""
		}
		for rest := word; ; {
			_, after, ok := strings.Cut(rest, ":")
			if !ok {
				break
			}
			if isTarget(all, after) {
				return strings.TrimSuffix(word, after)
			}
			rest = after
		}
	}
	return ""
}

func isTarget(all []Target, name string) bool {
	_, ok := Find(all, name)
	return ok
}

func onPath(name string) bool {
	_, err := exec.LookPath(name)
	return err == nil
}
