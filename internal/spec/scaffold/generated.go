package scaffold

import (
	"path"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/spec/scaffold/clue"
)

// generate looks for Go files that every clone has to make before it builds:
// those that .gitignore names, beside a file with a go:generate line.
func (m *module) generate(p project) {
	var dirs []string
	for _, name := range clue.IgnoredSources(p.read(".gitignore")) {
		dir := path.Dir(name)
		if p.has(name) || slices.Contains(dirs, dir) || !generates(p, dir) {
			continue
		}
		dirs = append(dirs, dir)
	}
	for _, dir := range dirs {
		m.look("go generate ./%s makes Go files that are not committed; run it before the release", strings.TrimPrefix(dir, "./"))
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
