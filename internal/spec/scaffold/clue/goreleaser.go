package clue

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// goreleaser is what we read of a goreleaser configuration
// (https://goreleaser.com/customization/).
type goreleaser struct {
	ProjectName string `yaml:"project_name"`
	Dist        string `yaml:"dist"`
	Release     struct {
		GitHub, GitLab, Gitea struct{ Name string }
	} `yaml:"release"`
	Env    lines `yaml:"env"`
	Before struct {
		Hooks hooks `yaml:"hooks"`
	} `yaml:"before"`
	Builds []goreleaserBuild `yaml:"builds"`
	NFPMs  []wording         `yaml:"nfpms"`
	Winget []wording         `yaml:"winget"`
	Scoops []wording         `yaml:"scoops"`
	Brews  []wording         `yaml:"brews"`
	Casks  []wording         `yaml:"homebrew_casks"`
	Chocos []wording         `yaml:"chocolateys"`
	Meta   wording           `yaml:"metadata"`
}

// wording are the keys in which packages describe a product.
type wording struct {
	Vendor           string `yaml:"vendor"`
	Publisher        string `yaml:"publisher"`
	Title            string `yaml:"title"`
	Description      string `yaml:"description"`
	ShortDescription string `yaml:"short_description"`
	Summary          string `yaml:"summary"`
	Homepage         string `yaml:"homepage"`
	Copyright        string `yaml:"copyright"`
}

func (w wording) about() About {
	return About{
		Company: first(w.Publisher, w.Vendor), Title: w.Title, Description: first(w.ShortDescription, w.Description, w.Summary),
		Homepage: w.Homepage, Copyright: w.Copyright,
	}
}

type goreleaserBuild struct {
	ID        string    `yaml:"id"`
	Builder   string    `yaml:"builder"`
	Main      string    `yaml:"main"`
	Dir       string    `yaml:"dir"`
	Binary    string    `yaml:"binary"`
	GOOS      lines     `yaml:"goos"`
	GOARCH    lines     `yaml:"goarch"`
	GOAMD64   lines     `yaml:"goamd64"`
	Targets   lines     `yaml:"targets"`
	Ignore    []ignored `yaml:"ignore"`
	Flags     lines     `yaml:"flags"`
	LDFlags   lines     `yaml:"ldflags"`
	Tags      lines     `yaml:"tags"`
	Env       lines     `yaml:"env"`
	Skip      yaml.Node `yaml:"skip"`
	Buildmode string    `yaml:"buildmode"`
}

type ignored struct {
	GOOS   string `yaml:"goos"`
	GOARCH string `yaml:"goarch"`
}

// lines is a list that may be written as one text.
type lines []string

func (l *lines) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		if n.Value != "" {
			*l = lines{n.Value}
		}
		return nil
	}
	var list []string
	if err := n.Decode(&list); err != nil {
		return err
	}
	*l = list
	return nil
}

// hooks may be written as one.
type hooks []hook

func (h *hooks) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.SequenceNode {
		*h = make(hooks, 1)
		return n.Decode(&(*h)[0])
	}
	var list []hook
	err := n.Decode(&list)
	*h = list
	return err
}

// hook is a command, plain or with settings of its own.
type hook struct{ cmd string }

func (h *hook) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		h.cmd = n.Value
		return nil
	}
	var full struct{ Cmd string }
	err := n.Decode(&full)
	h.cmd = full.Cmd
	return err
}

// Goreleaser reads a goreleaser configuration. module is the name to use when
// it has no project name. Errors are those of YAML.
func Goreleaser(from string, b []byte, module string) (Build, error) {
	var g goreleaser
	odd, err := decode(b, &g)
	if err != nil {
		return Build{}, err
	}
	out := Build{From: from, Notes: odd, Project: first(g.ProjectName, g.Release.GitHub.Name, g.Release.GitLab.Name, g.Release.Gitea.Name)}
	if marked(expand(out.Project, "")) {
		out.Project = ""
	}
	for _, h := range g.Before.Hooks {
		if cmd := strings.TrimSpace(expand(h.cmd, out.Project)); strings.HasPrefix(cmd, "go generate ") && !marked(cmd) {
			out.Generate = append(out.Generate, cmd)
		}
	}
	for _, list := range [][]wording{g.Winget, g.Chocos, g.NFPMs, {g.Meta}, g.Scoops, g.Casks, g.Brews} {
		for _, w := range list {
			out.About = out.About.or(plain(w.about(), out.Project))
		}
	}
	if len(g.Builds) == 0 {
		g.Builds = []goreleaserBuild{{}}
	}
	for i := range g.Builds {
		g.Builds[i].Env = slices.Concat(g.Env, g.Builds[i].Env)
		out.add(g.Builds[i], first(out.Project, module))
	}
	if d := path.Clean(first(g.Dist, "dist")); d == "dist" {
		out.Notes = append(out.Notes, "goreleaser writes to dist/, too, and empties it with --clean")
	}
	return out, nil
}

// plain leaves out what holds templates.
func plain(a About, project string) About {
	for _, s := range []*string{&a.Company, &a.Title, &a.Description, &a.Copyright, &a.Homepage} {
		if *s = strings.Join(strings.Fields(expand(*s, project)), " "); marked(*s) {
			*s = ""
		}
	}
	return a
}

func (out *Build) add(b goreleaserBuild, project string) {
	what := first(b.ID, b.Binary, project)
	if !b.forWindows() || b.Skip.Value == "true" {
		return
	}
	if b.Builder != "" && b.Builder != "go" {
		out.Notes = append(out.Notes, fmt.Sprintf("%s is built by %s, not by Go", what, b.Builder))
		return
	}
	if b.Buildmode != "" && b.Buildmode != "default" && b.Buildmode != "exe" && b.Buildmode != "pie" {
		out.Notes = append(out.Notes, fmt.Sprintf("%s is built with -buildmode=%s and is not a program; a DLL is taken with buildmode: c-shared", what, b.Buildmode))
		return
	}
	p := Program{Main: mainOf(b.Dir, first(b.Main, ".")), Name: programName(b.Binary, project), Architectures: b.architectures(), Levels: b.levels()}
	flags := strings.Join(b.LDFlags, " ")
	if len(b.LDFlags) == 0 { // goreleaser's own default
		flags = "-s -w -X main.version={{.Version}} -X main.commit={{.Commit}} -X main.date={{.Date}} -X main.builtBy=goreleaser"
	}
	p.Link, p.GUI = readLink(expand(flags, project))
	p.Link.Said = len(b.LDFlags) > 0
	p.Tags = tagsOf(b.Tags, b.Flags, project)
	p.environment(b.Env, project)
	out.Programs = append(out.Programs, p)
}

func (b goreleaserBuild) forWindows() bool {
	if len(b.Targets) > 0 {
		return slices.ContainsFunc(b.Targets, func(t string) bool { return t == "go_first_class" || strings.HasPrefix(t, "windows") })
	}
	return len(b.GOOS) == 0 || slices.Contains(b.GOOS, "windows") // the default has windows in it
}

// known are the machines that Go and Windows have in common, in the order in
// which a spec names them.
var known = []string{"amd64", "arm64", "386"}

func (b goreleaserBuild) architectures() []string {
	said := b.GOARCH
	if len(said) == 0 {
		said = []string{"386", "amd64", "arm64"} // goreleaser's default
	}
	if len(b.Targets) > 0 {
		said = nil
		for _, t := range b.Targets {
			if t == "go_first_class" {
				said = append(said, "amd64", "386")
			}
			if parts := strings.Split(t, "_"); parts[0] == "windows" && len(parts) > 1 {
				said = append(said, parts[1])
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(known), func(arch string) bool {
		return !slices.Contains(said, arch) || slices.ContainsFunc(b.Ignore, func(i ignored) bool {
			return (i.GOOS == "" || i.GOOS == "windows") && (i.GOARCH == "" || i.GOARCH == arch)
		})
	})
}

func (b goreleaserBuild) levels() []string {
	levels := slices.Clone(b.GOAMD64)
	for _, t := range b.Targets {
		if level, ok := strings.CutPrefix(t, "windows_amd64_"); ok {
			levels = append(levels, level)
		}
	}
	return levels
}

// environment takes settings of the build over. What a release decides itself
// and what needs another compiler stays out.
func (p *Program) environment(env []string, project string) {
	for _, e := range env {
		name, value, ok := strings.Cut(expand(e, project), "=")
		if !ok || name == "GO111MODULE" || name == "GOPROXY" || name == "GOTOOLCHAIN" {
			continue
		}
		switch {
		case name == "CGO_ENABLED":
			p.Cgo = value == "1"
		case !marked(value) && strings.HasPrefix(name, "GO"):
			p.Env = append(p.Env, name+"="+value)
		}
	}
}

// tagsOf collects build tags from tags and from -tags in flags.
func tagsOf(tags, flags []string, project string) []string {
	texts := slices.Clone(tags)
	list := words(expand(strings.Join(flags, " "), project))
	for i, w := range list {
		name, value, joined := strings.Cut(strings.Replace(w, "--", "-", 1), "=")
		if name == "-tags" && joined {
			texts = append(texts, value)
		} else if name == "-tags" && i+1 < len(list) {
			texts = append(texts, list[i+1])
		}
	}
	var out []string
	for _, t := range strings.FieldsFunc(expand(strings.Join(texts, ","), project), func(r rune) bool { return r == ',' || r == ' ' }) {
		if !marked(t) && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// mainOf writes a main package as release.yaml does.
func mainOf(dir, main string) string {
	main = strings.ReplaceAll(main, `\`, "/")
	if strings.HasSuffix(main, ".go") {
		main = path.Dir(main)
	}
	main = path.Join(dir, main)
	if main == "." || main == "" || strings.HasPrefix(main, "..") || strings.HasPrefix(main, "/") {
		return "."
	}
	return "./" + main
}

// programName is the file's name without folder and .exe, or "" when a
// template decides it.
func programName(binary, project string) string {
	name := expand(first(binary, project), project)
	if marked(name) {
		return ""
	}
	return strings.TrimSuffix(path.Base(strings.ReplaceAll(name, `\`, "/")), ".exe")
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
