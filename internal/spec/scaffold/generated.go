package scaffold

import (
	"path"
	"slices"

	"github.com/hallmark-dev/hallmark/internal/spec/scaffold/clue"
)

// generate finds what has to run before every clone is built: what a build file
// runs, else go generate for Go files that .gitignore names, beside a file with
// a go:generate line.
func (m *module) generate(p project, e evidence) {
	for _, b := range e.builds {
		if len(b.Generate) > 0 {
			m.set("build.before", finding{value: b.Generate, from: b.From})
			return
		}
	}
	var commands []string
	for _, name := range clue.IgnoredSources(p.read(".gitignore")) {
		command := "go generate ./" + path.Dir(name)
		if !p.has(name) && !slices.Contains(commands, command) && generates(p, path.Dir(name)) {
			commands = append(commands, command)
		}
	}
	if len(commands) > 0 {
		m.set("build.before", finding{value: commands, from: ".gitignore", note: "makes Go files that are not committed"})
	}
}

func generates(p project, dir string) bool {
	for _, name := range p.glob(path.Join(dir, "*.go")) {
		if len(clue.Generators(p.read(name))) > 0 {
			return true
		}
	}
	return false
}
