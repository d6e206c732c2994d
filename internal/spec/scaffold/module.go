package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/spec/scaffold/gomain"
)

// finding is the value of one key of the spec.
type finding struct {
	// value is a string, a bool, a []string or a map[string]string.
	value any
	// from names the source; empty for what every new file has.
	from string
	// note stands as a comment beside the key.
	note string
	// guess is set if the value may well be wrong.
	guess bool
}

// module is what can be found out about a module without asking questions.
type module struct {
	path       string // as go.mod says
	name       string // of the product
	repository string // https URL, or empty
	keys       map[string]finding
	programs   []program
	left       []leftOut
	// looks are things that the person should look at.
	looks []string
	// commented keys are shown, but off, with why.
	commented map[string]finding
}

// set keeps the first value found for a key; empty values are none.
func (m *module) set(key string, f finding) {
	if s, ok := f.value.(string); ok && s == "" {
		return
	}
	if _, ok := m.keys[key]; !ok {
		m.keys[key] = f
	}
}

func (m *module) look(format string, args ...any) {
	m.looks = append(m.looks, fmt.Sprintf(format, args...))
}

// text is the value of a key that is a text, or "".
func (m *module) text(key string) string {
	s, _ := m.keys[key].value.(string)
	return s
}

// inspect looks at the module in root.
func inspect(root string, git repository) (*module, error) {
	m := &module{keys: map[string]finding{}, commented: map[string]finding{}}
	var err error
	if m.path, err = modulePath(filepath.Join(root, "go.mod")); err != nil {
		return nil, err
	}
	p := project{root}
	m.repository = address(git.Remote, m.path)
	e := gather(p, m.path, moduleName(m.path, m.repository))
	m.looks = e.notes
	name, from := productName(e, m.path, m.repository)
	m.name = name
	m.set("project.name", finding{value: name, from: from})
	source, err := gomain.Read(root, e.tags())
	if errors.Is(err, gomain.ErrTooMany) {
		return nil, fault.New(fault.Usage, "looking for programs: %w", err).Hint("run %s in the folder that holds go.mod", command.Line("init"))
	}
	if err != nil {
		return nil, fmt.Errorf("looking for programs: %w", err)
	}
	if m.choose(source, e); len(m.programs) == 0 {
		return nil, m.nothing()
	}
	m.version(git)
	m.resources(p)
	m.words(p, e, git)
	m.build(p, source, e, git)
	m.steps()
	return m, nil
}

// nothing is the error of a module without a program to release.
func (m *module) nothing() error {
	for _, l := range m.left {
		if strings.Contains(l.why, "cgo") {
			return fault.New(fault.Usage, "the program in %s needs cgo, which a release builds without", l.dir).
				Hint("let your own build compile it, and name the result in release.yaml: build: {binaries: [{file: bin/app.exe}]}")
		}
	}
	return fault.New(fault.Usage, "the module %s has no main package that builds for Windows", m.path).
		Hint("write a program first, or run %s in the module that has one", command.Line("init"))
}

var (
	moduleLine  = regexp.MustCompile(`(?m)^module[ \t]+("[^"\n]+"|[^\s"/][^\s"]*)`)
	majorSuffix = regexp.MustCompile(`(/v[0-9]+|\.v[0-9]+|\.git)$`)
)

func modulePath(file string) (string, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fault.New(fault.Usage, "reading the module: %w", err).Hint("run %s in the folder that holds go.mod", command.Line("init"))
	}
	if err != nil {
		return "", fault.New(fault.Usage, "reading the module: %w", err)
	}
	m := moduleLine.FindSubmatch(b)
	if m == nil {
		return "", fault.New(fault.Usage, "reading %s: there is no module line", file)
	}
	return strings.Trim(string(m[1]), `"`), nil
}

// version is that of the tag for who tags versions, also when HEAD is not the
// tagged commit now.
func (m *module) version(git repository) {
	if v := spec.HighestVersion(git.Versions); v != "" {
		m.set("project.version", finding{value: "git", from: "git", note: "that of the tag on HEAD, such as v" + v})
		return
	}
	if git.Shallow {
		m.set("project.version", finding{value: "git", from: "git", note: "that of the tag on HEAD"})
		m.look("project.version: this clone is shallow and has no tags; git fetch --tags --unshallow brings them")
		return
	}
	m.set("project.version", finding{value: "0.1.0", note: "raise it with every release, or write git once releases are tagged"})
}

// steps are the sections that every new file has, and those that are off.
func (m *module) steps() {
	m.set("version", finding{value: "1"})
	m.set("sign.identity", finding{value: "test", note: "a throw-away identity for trying out, trusted nowhere"})
	m.set("timestamp.servers", finding{value: []string{"test"}, note: "a real identity needs real servers, such as http://timestamp.digicert.com"})
	m.commented["catalog"] = finding{note: "a signed list of all files, for customers who check whole installations"}
	m.commented["wdac"] = finding{note: "an App Control policy that allows this release, for companies that lock their machines down"}
	portal := finding{note: "text for Microsoft, when Defender takes a program for malware"}
	if m.text("project.description") == "" {
		portal.note += "; needs project.description"
		m.commented["portal"] = portal
		m.commented["project.description"] = finding{note: "what the product does, in one sentence; Windows shows it in consent prompts"}
		return
	}
	m.set("portal.product", finding{value: "Microsoft Defender Antivirus (Windows 11)", note: portal.note})
}
