package scaffold

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/spec/scaffold/clue"
	"github.com/hallmark-dev/hallmark/internal/spec/scaffold/gomain"
)

// build finds the keys of the section build beside the programs.
func (m *module) build(p project, source *gomain.Module, e evidence, git repository) {
	from := file(m.programs[0].from)
	m.targets(from)
	var tags []string
	for _, one := range m.programs {
		for _, t := range one.said.Tags {
			if message, _ := spec.Formats["build-tag"].Check(t); message == "" && !slices.Contains(tags, t) {
				tags = append(tags, t)
			}
		}
	}
	if len(tags) > 0 {
		m.set("build.tags", finding{value: tags, from: from})
	}
	m.environment(from)
	m.linker(source, e, tags, git)
	m.generate(p, e)
}

// environment takes over what changes the compiler. Other settings are named.
func (m *module) environment(from string) {
	env := map[string]string{}
	for _, one := range m.programs {
		for _, e := range one.said.Env {
			name, value, _ := strings.Cut(e, "=")
			if name == "GOEXPERIMENT" {
				env[name] = value
			} else if note := fmt.Sprintf("%s sets %s, which build.env can set, too", from, e); !slices.Contains(m.looks, note) {
				m.looks = append(m.looks, note)
			}
		}
	}
	if len(env) > 0 {
		m.set("build.env", finding{value: env, from: from})
	}
}

// targets are the machines that the project builds for, if not the default.
func (m *module) targets(from string) {
	said := m.programs[0].said.Architectures
	var levels []string
	for i, one := range m.programs {
		if i > 0 {
			said = union(said, one.said.Architectures)
		}
		levels = append(levels, one.said.Levels...)
	}
	var list []string
	for _, arch := range []string{"amd64", "arm64", "386"} {
		if !slices.Contains(said, arch) {
			continue
		}
		if arch != "amd64" || len(levels) == 0 || slices.Contains(levels, "v1") {
			list = append(list, "windows/"+arch)
		}
		for _, level := range []string{"v2", "v3", "v4"} {
			if arch == "amd64" && slices.Contains(levels, level) {
				list = append(list, "windows/amd64/"+level)
			}
		}
	}
	if len(list) > 0 && !slices.Equal(list, []string{"windows/amd64", "windows/arm64"}) {
		m.set("build.targets", finding{value: list, from: from})
	}
}

// linker finds flags and variables of the linker. What a file sets is held
// against the source code, since the linker ignores names that do not exist.
func (m *module) linker(source *gomain.Module, e evidence, tags []string, git repository) {
	from := file(m.programs[0].from)
	link := m.programs[0].said.Link
	for _, one := range m.programs[1:] {
		link = link.Merged(one.said.Link)
	}
	mains := make([]string, len(m.programs))
	for i, one := range m.programs {
		mains[i] = one.dir
	}
	flags := m.programs[0].said.Link
	if len(link.Variables)+len(link.Texts)+len(link.Unclear) == 0 && e.link.Said {
		link, from = e.link, e.linkFrom
	}
	has := func(name string) bool {
		has, known := source.Has(name, m.path, mains, tags)
		return has || !known
	}
	variables := maps.Clone(link.Variables)
	for _, name := range sorted(variables) {
		if !has(name) {
			delete(variables, name)
			if !link.Said {
				continue // goreleaser's own default, not written in the file
			}
			m.look("%s sets %s, which is not a string variable of the program", from, name)
		}
	}
	texts := m.texts(link, from, has)
	for _, name := range sorted(link.Unclear) {
		if has(name) {
			m.look("%s sets %s to %s, which a release has no value for", from, name, link.Unclear[name])
		}
	}
	if len(variables) == 0 {
		variables, from = source.Guess(m.path, mains, tags), "the source code"
	}
	m.flags(flags, texts)
	m.variables(variables, from, git)
}

// texts are flags that set variables to a fixed text.
func (m *module) texts(link clue.Link, from string, has func(string) bool) []string {
	var out []string
	for _, name := range sorted(link.Texts) {
		switch value := link.Texts[name]; {
		case !has(name):
			if from != "" && !strings.HasSuffix(name, ".builtBy") {
				m.look("%s sets %s, which is not a string variable of the program", from, name)
			}
		case strings.ContainsAny(value, "'\"%\n"):
			m.look("%s sets %s to %q, which was left out", from, name, value)
		default:
			out = append(out, fmt.Sprintf("-X=%s=%s", name, value))
		}
	}
	return out
}

// flags writes the linker's flags where they are not the default.
func (m *module) flags(link clue.Link, texts []string) {
	flags := []string{"-s", "-w"}
	if link.Said {
		flags = slices.Clone(link.Flags)
	}
	if len(flags) == 1 && flags[0] == "-s" {
		flags = []string{"-s", "-w"} // the first includes the second
	}
	slices.Sort(flags)
	if slices.Equal(flags, []string{"-s", "-w"}) && len(texts) == 0 {
		return
	}
	m.set("build.ldflags", finding{value: slices.Concat(flags, texts), from: file(m.programs[0].from)})
}

// variables sets those that were found. A program without any may ask its
// build information, which holds a version only when Go stamps it.
func (m *module) variables(found map[string]string, from string, git repository) {
	for name := range found {
		if message, _ := spec.Formats["variable"].Check(name); message != "" {
			delete(found, name)
		}
	}
	if git.Commit == "" {
		maps.DeleteFunc(found, func(_, meaning string) bool { return strings.Contains(meaning, "commit") })
	}
	if len(found) > 0 {
		m.set("build.variables", finding{value: found, from: from})
		return
	}
	if git.Commit != "" {
		m.set("build.vcs", finding{value: "on", from: "the source code", note: "no variable for the version was found; Go's build information has it then"})
	}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
