package scaffold

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// Check compares the file with what Init would find now, and returns one line
// for each key that differs. Values that Init guesses do not count, nor what a
// spec sets beyond them. Errors are *fault.Error (Usage): no file, no YAML, no
// module, no program.
func Check(ctx context.Context, o Options) ([]string, error) {
	if o.Root == "" {
		o.Root = "."
	}
	b, err := os.ReadFile(o.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Usage, "reading the spec: %w", err).Hint("%s writes one", command.Line("init"))
	}
	if err != nil {
		return nil, fmt.Errorf("reading the spec: %w", err)
	}
	var root map[string]any
	if err := yaml.Unmarshal(b, &root); err != nil {
		return nil, fault.New(fault.Usage, "%s: %w", o.File, err).Hint("%s says what is wrong with it", command.Line("plan"))
	}
	m, err := inspect(o.Root, askGit(ctx, o.Root))
	if err != nil {
		return nil, err
	}
	return append(m.otherPrograms(root), m.otherKeys(root)...), nil
}

// otherKeys compares the keys beside the programs.
func (m *module) otherKeys(root map[string]any) []string {
	var out []string
	for _, path := range sorted(m.keys) {
		f := m.keys[path]
		if f.from == "" || f.guess {
			continue
		}
		found := plainText(f.value)
		written, ok := lookUp(root, strings.Split(path, "."))
		switch {
		case !ok && strings.HasPrefix(path, "resources.manifest") && !present(root, "resources", "manifest"):
			// Without the section a program keeps its own manifest.
		case !ok:
			out = append(out, fmt.Sprintf("%s is not set; %s says %s", path, f.from, found))
		case plainText(written) != found:
			out = append(out, fmt.Sprintf("%s is %s; %s says %s", path, plainText(written), f.from, found))
		}
	}
	return out
}

func present(root map[string]any, path ...string) bool {
	_, ok := lookUp(root, path)
	return ok
}

func lookUp(root map[string]any, path []string) (any, bool) {
	v, ok := root[path[0]]
	if !ok || len(path) == 1 {
		return v, ok
	}
	inner, ok := v.(map[string]any)
	if !ok {
		return nil, false
	}
	return lookUp(inner, path[1:])
}

// plainText writes a value the same way whether it comes from YAML or from us.
func plainText(v any) string {
	switch v := v.(type) {
	case []string:
		return "[" + strings.Join(v, ", ") + "]"
	case []any:
		texts := make([]string, len(v))
		for i, one := range v {
			texts[i] = plainText(one)
		}
		return "[" + strings.Join(texts, ", ") + "]"
	case map[string]string:
		texts := make([]string, 0, len(v))
		for _, name := range sorted(v) {
			texts = append(texts, name+": "+v[name])
		}
		return "{" + strings.Join(texts, ", ") + "}"
	case map[string]any:
		texts := make([]string, 0, len(v))
		for _, name := range sorted(v) {
			texts = append(texts, name+": "+plainText(v[name]))
		}
		return "{" + strings.Join(texts, ", ") + "}"
	case string:
		return v
	}
	return fmt.Sprint(v)
}

// otherPrograms compares the programs by their packages. A spec may name files
// that something else built, and a goreleaser configuration instead of programs.
func (m *module) otherPrograms(root map[string]any) []string {
	list, ok := lookUp(root, []string{"build", "binaries"})
	entries, isList := list.([]any)
	if !ok || !isList {
		return nil
	}
	name := m.text("project.name")
	if s, ok := lookUp(root, []string{"project", "name"}); ok {
		name = plainText(s)
	}
	written := map[string]string{}
	for _, e := range entries {
		one, _ := e.(map[string]any)
		if present(one, "file") {
			continue
		}
		main, named := ".", name
		if v, ok := one["main"]; ok {
			main = plainText(v)
		}
		if v, ok := one["name"]; ok {
			named = plainText(v)
		}
		written[main] = named
	}
	var out []string
	for _, p := range m.programs {
		switch named, ok := written[p.dir]; {
		case !ok && len(written) > 0:
			out = append(out, fmt.Sprintf("build.binaries lacks %s; %s names it", p.dir, p.from))
		case ok && named != p.name:
			out = append(out, fmt.Sprintf("build.binaries calls %s %s; %s says %s", p.dir, named, p.from, p.name))
		}
		delete(written, p.dir)
	}
	for _, dir := range sorted(written) {
		reason := "there is no such main package for Windows"
		if i := slices.IndexFunc(m.left, func(l leftOut) bool { return l.dir == dir }); i >= 0 {
			reason = m.left[i].why
		}
		out = append(out, fmt.Sprintf("build.binaries has %s, which would be left out: %s", dir, reason))
	}
	return out
}
