package spec

import (
	"context"
	"os"
	"reflect"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/gitinfo"
)

// Env is what a release.yaml may refer to. The zero value has no environment
// variables, no git, and the working directory as project root.
type Env struct {
	// Root is the project's folder, which relative paths start from; empty:
	// the working directory.
	Root string
	// Getenv looks environment variables up.
	Getenv func(string) string
	// Git describes the source code. It is asked once, with the spec as it
	// was read.
	Git func(*Spec) (gitinfo.Info, error)
	// Reachable lists the tags of HEAD and of all commits before it, and tells
	// whether the clone lacks some of them.
	Reachable func(*Spec) (tags []string, shallow bool)
	// Trial asks for a release that is for trying out only.
	Trial Trial
	// Planning lets a commit without a tag pass, as a snapshot: nothing is
	// made of it.
	Planning bool
}

// System is the environment of the process, for the project in root.
func System(ctx context.Context, root string) Env {
	return Env{
		Root: root, Getenv: os.Getenv,
		Git: func(s *Spec) (gitinfo.Info, error) { return gitinfo.Read(ctx, root, s.Environ(os.Environ())) },
		Reachable: func(s *Spec) ([]string, bool) {
			return gitinfo.Reachable(ctx, root, s.Environ(os.Environ()))
		},
	}
}

func (e Env) withDefaults() Env {
	if e.Root == "" {
		e.Root = "."
	}
	if e.Getenv == nil {
		e.Getenv = func(string) string { return "" }
	}
	if e.Git == nil {
		e.Git = func(*Spec) (gitinfo.Info, error) { return gitinfo.Info{Absent: "git is not used"}, nil }
	}
	if e.Reachable == nil {
		e.Reachable = func(*Spec) ([]string, bool) { return nil, false }
	}
	return e
}

// Load reads the release.yaml at path, fills in the defaults, resolves the
// version and judges everything. The error is *Problems, and holds all that
// is wrong.
func Load(path string, env Env) (*Spec, error) {
	b, p := readFile(path)
	if p != nil {
		return nil, problems(path, []Problem{*p})
	}
	return Parse(path, b, env)
}

// Parse does what Load does with the bytes of a file named path.
func Parse(path string, b []byte, env Env) (*Spec, error) {
	env = env.withDefaults()
	root, p := parse(b)
	if p != nil {
		return nil, problems(path, []Problem{*p})
	}
	s := &Spec{file: path}
	d := &decoder{lines: map[string]int{}}
	d.value(root, root.Line, reflect.ValueOf(s).Elem(), "", Rule{})
	s.lines = d.lines
	list := d.list
	if env.Trial.on() {
		signTrial(s)
	}
	// What could not be read needs no second judgement; all else is judged
	// too, so that one run shows everything.
	for _, p := range judge(s, env) {
		if !spoilt(p.Path, d.list) {
			list = append(list, p)
		}
	}
	if len(list) > 0 {
		return nil, problems(path, list)
	}
	return s, nil
}

// judge resolves, fills and validates.
func judge(s *Spec, env Env) []Problem {
	list := resolve(s, env)
	Defaults(s)
	return append(list, Validate(s, env)...)
}

// spoilt reports whether the field at path, what holds it, or an entry of it has
// a problem already.
func spoilt(path string, list []Problem) bool {
	for _, p := range list {
		if p.Path == path || p.Path == "" || within(path, p.Path, ".[") || within(p.Path, path, "[") {
			return true
		}
	}
	return false
}

// within reports whether path continues outer with one of the given signs.
func within(path, outer, signs string) bool {
	rest, ok := strings.CutPrefix(path, outer)
	return ok && rest != "" && strings.Contains(signs, rest[:1])
}

// line finds where the field at path stands: its own line, else that of the
// nearest section around it.
func (s *Spec) line(path string) int {
	for path != "" {
		if n, ok := s.lines[path]; ok {
			return n
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return s.lines[""]
}

// has reports whether the file itself sets the field at path.
func (s *Spec) has(path string) bool {
	_, ok := s.lines[path]
	return ok
}

// elsewhere finds a section that has the key, for the hint about a key that
// stands in the wrong one.
func elsewhere(key string) string {
	t := reflect.TypeFor[Spec]()
	for _, f := range fieldsOf(t) {
		ft := t.Field(f.index).Type
		if ft.Kind() == reflect.Pointer {
			ft = ft.Elem()
		}
		if ft.Kind() != reflect.Struct {
			continue
		}
		for _, inner := range fieldsOf(ft) {
			if inner.key == key {
				return f.key + "." + key
			}
		}
	}
	return ""
}
