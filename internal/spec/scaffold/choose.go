package scaffold

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/spec/scaffold/clue"
	"github.com/hallmark-dev/hallmark/internal/spec/scaffold/gomain"
)

// program is one program to release.
type program struct {
	dir  string // ./cmd/app, or .
	name string // of the file, without .exe
	doc  string // the package's comment
	from string // file that names it, or why it was chosen
	said clue.Program
	// Of its own, beside what the resources have in common.
	description, icon string
}

// leftOut is a main package that is not released.
type leftOut struct{ dir, name, why string }

// choose decides which main packages are programs of the release. A build file
// that names some of them decides alone; else the calls of go build in scripts,
// the main package at the root or of the product's name, and, when nothing
// says more, all that do not look like tools for development.
func (m *module) choose(source *gomain.Module, e evidence) {
	picked := m.named(source, e)
	if picked == nil {
		picked = commanded(source, e, true)
	}
	if picked == nil {
		picked = m.likely(source, commanded(source, e, false))
	}
	m.adopt(picked)
	for _, one := range source.Mains {
		if slices.ContainsFunc(picked, func(p program) bool { return p.dir == one.Dir }) {
			continue
		}
		name := m.programName(one.Dir, "")
		if slices.ContainsFunc(m.programs, func(p program) bool { return strings.EqualFold(p.name, name) }) {
			name = byFolder(one.Dir)
		}
		m.left = append(m.left, leftOut{one.Dir, name, why(one, picked)})
	}
}

// byFolder is a name made of the whole folder.
func byFolder(dir string) string {
	return tidy(strings.ReplaceAll(strings.TrimPrefix(dir, "./"), "/", "-"), "app")
}

// named are the programs of the first build file that names any.
func (m *module) named(source *gomain.Module, e evidence) []program {
	for _, b := range e.builds {
		var out []program
		for _, said := range b.Programs {
			found := matching(source, said.Main)
			if len(found) == 0 {
				m.look("%s builds %s for Windows, where there is no main package", b.From, said.Main)
			}
			for _, one := range found {
				p := program{dir: one.Dir, doc: one.Doc, from: b.From, said: said}
				if len(found) > 1 {
					p.said.Name = ""
				}
				switch {
				case said.Cgo || one.Cgo:
					m.look("%s is built with cgo in %s; a release builds without", first(said.Name, one.Dir), b.From)
					if one.Cgo {
						continue
					}
					p.said.Cgo = true
				case slices.ContainsFunc(out, func(o program) bool { return o.dir == p.dir }):
					m.look("%s builds %s more than once for Windows; one program is taken over", b.From, one.Dir)
					continue
				}
				out = append(out, p)
			}
		}
		if out = withoutCgo(out); len(out) > 0 {
			return out
		}
	}
	return nil
}

// withoutCgo drops variants with cgo of programs that are built without, too.
func withoutCgo(list []program) []program {
	return slices.DeleteFunc(list, func(p program) bool {
		return p.said.Cgo && slices.ContainsFunc(list, func(o program) bool { return o.dir == p.dir && !o.said.Cgo })
	})
}

// matching are the main packages that a build file means: one by its folder,
// or all below a pattern with three dots.
func matching(source *gomain.Module, main string) []gomain.Main {
	if prefix, ok := strings.CutSuffix(main, "/..."); ok {
		return slices.DeleteFunc(slices.Clone(source.Mains), func(one gomain.Main) bool {
			return one.Cgo || prefix != "." && one.Dir != prefix && !strings.HasPrefix(one.Dir, prefix+"/")
		})
	}
	if one, ok := source.Main(main); ok {
		return []gomain.Main{one}
	}
	return nil
}

// commanded are the programs that scripts build: for Windows by name, or with
// the flags that programs for users get.
func commanded(source *gomain.Module, e evidence, windows bool) []program {
	var out []program
	for _, c := range e.commands {
		if windows && !c.Windows || !windows && !c.Careful {
			continue
		}
		for _, one := range matching(source, c.Main) {
			at := slices.IndexFunc(out, func(p program) bool { return p.dir == one.Dir })
			switch {
			case one.Cgo || one.Secondary:
			case at < 0:
				out = append(out, program{dir: one.Dir, doc: one.Doc, from: c.From, said: c.Program})
			default: // another machine, or another way to build the same
				out[at].said.Architectures = union(out[at].said.Architectures, c.Architectures)
				out[at].said.Link = out[at].said.Link.Merged(c.Link)
			}
		}
	}
	return out
}

func union(a, b []string) []string {
	if a == nil || b == nil {
		return nil
	}
	for _, one := range b {
		if !slices.Contains(a, one) {
			a = append(slices.Clone(a), one)
		}
	}
	return a
}

// likely adds the main package at the root, or of the product's name, to what
// scripts build; without any of these it takes what does not look like a tool.
func (m *module) likely(source *gomain.Module, out []program) []program {
	take := func(why string, accept func(gomain.Main) bool) {
		for _, one := range source.Mains {
			if !one.Cgo && accept(one) && !slices.ContainsFunc(out, func(p program) bool { return p.dir == one.Dir }) {
				out = append(out, program{dir: one.Dir, doc: one.Doc, from: why})
			}
		}
	}
	take("the main package at the module's root", func(one gomain.Main) bool { return one.Dir == "." })
	if !slices.ContainsFunc(out, func(p program) bool { return p.dir == "." }) {
		take("named like the product", func(one gomain.Main) bool {
			base := path.Base(one.Dir)
			return !one.Secondary && (strings.EqualFold(base, m.name) || strings.EqualFold(base, moduleName(m.path, m.repository)))
		})
	}
	if len(out) == 0 {
		take("looks like a program for users", func(one gomain.Main) bool { return !one.Secondary && !development.MatchString(path.Base(one.Dir)) })
	}
	for _, rest := range []func(gomain.Main) bool{
		func(one gomain.Main) bool { return !one.Secondary },
		func(gomain.Main) bool { return true },
	} {
		if len(out) == 0 {
			take("the only kind of program there is", rest)
		}
	}
	return out
}

// development matches names of programs that help to make others.
var development = regexp.MustCompile(`(?i)^(gen|generate|generator|codegen|docs?|man|release|bench|lint|fuzz|debug|demo|sleepit|mage|build|install|setup-dev|i18n)$|` +
	`^(gen|generate|mk|make|update|test|bench|fake|mock|example|demo|dev)[-_]|[-_](gen|generator|test|tests|testing|bench|lint|mock|companion|fixture|example|injector|docs)$|^test|gen$|(^|[-_])test([-_]|$)`)

// why explains why a main package is left out, shortly.
func why(one gomain.Main, picked []program) string {
	switch {
	case one.Cgo:
		return "needs cgo, which a release builds without"
	case one.Secondary || development.MatchString(path.Base(one.Dir)):
		return "for development"
	case len(picked) > 0 && picked[0].said.Main != "":
		return fmt.Sprintf("not in %s", file(picked[0].from))
	}
	return "not the main program"
}

// file is the name of a file without the line after it.
func file(from string) string {
	name, _, _ := strings.Cut(from, ":")
	return name
}

// adopt gives the programs their names, each one of its own.
func (m *module) adopt(picked []program) {
	taken := map[string]bool{}
	for _, p := range picked {
		p.name = m.programName(p.dir, p.said.Name)
		if taken[strings.ToLower(p.name)] {
			p.name = byFolder(p.dir)
		}
		base := p.name
		for i := 2; taken[strings.ToLower(p.name)]; i++ {
			p.name = fmt.Sprintf("%s-%d", base, i)
		}
		taken[strings.ToLower(p.name)] = true
		m.programs = append(m.programs, p)
	}
}

// programName is the name of a program's file: that of the build file, else of
// its folder, else of the product; never that of a program of Windows.
func (m *module) programName(dir, said string) string {
	name := said
	if base := path.Base(dir); name == "" && base != "." && base != "app" && !generic[strings.ToLower(base)] {
		name = base
	}
	if name == "" {
		name = m.name
	}
	name = tidy(name, m.name)
	if windowsPrograms[strings.ToLower(name)] {
		if strings.EqualFold(name, m.name) {
			return name + "-app"
		}
		return m.name + "-" + name
	}
	return name
}

// tidy makes a name that is allowed as file name.
func tidy(s, otherwise string) string {
	s = strings.Trim(untidy.ReplaceAllString(s, "-"), "-._")
	if len(s) > 64 {
		s = s[:64]
	}
	if message, _ := spec.Formats["name"].Check(s); message != "" {
		return otherwise
	}
	return s
}

var untidy = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// windowsPrograms are programs that Windows itself has, by name without .exe,
// in lower case. One of ours of such a name would be taken for it, by people
// and by rules of App Control.
var windowsPrograms = set(`at attrib bcdedit bitsadmin calc certreq certutil chkdsk choice cipher cleanmgr clip cmd cmdkey comp compact conhost
	control convert cscript csrss ctfmon curl defrag dfrgui diskpart dism dllhost driverquery dwm eventvwr expand explorer fc find findstr
	fltmc forfiles format fsutil ftp getmac gpresult gpupdate help hostname icacls iexplore ipconfig klist label logman logoff lsass makecab
	mmc mode more mountvol mpcmdrun mrt msconfig msedge mshta msiexec msinfo32 msmpeng mstsc nbtstat net net1 netsh netstat notepad nslookup
	ntoskrnl openfiles pathping perfmon ping pktmon powercfg powershell print pwsh reagentc recover reg regedit regsvr32 replace resmon
	robocopy route rundll32 runas runonce sc schtasks secedit services setx sfc shutdown sigverif smartscreen smss sort spoolsv ssh
	ssh-add ssh-agent ssh-keygen subst svchost systeminfo takeown tar taskhostw taskkill tasklist taskmgr timeout tpmtool tracert tree
	tzutil userinit verifier vssadmin w32tm waitfor wbadmin werfault wevtutil where whoami winget wininit winlogon winrm winrs winver
	wmic wscript wsl wuauclt wusa xcopy`)

func set(words string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(words) {
		out[w] = true
	}
	return out
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
