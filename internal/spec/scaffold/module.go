// Package scaffold writes the first release.yaml of a module: complete,
// commented, and good enough to release the module as it is.
package scaffold

import (
	"fmt"
	"go/build"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/gitinfo"
	"github.com/hallmark-dev/hallmark/internal/spec"
)

// module is what can be found out about a module without asking anybody.
type module struct {
	path        string // as go.mod says
	name        string // of the product
	company     string
	description string // empty when no package comment says it
	repository  string // https URL, or empty
	version     string
	tagged      bool // version is that of a tag on HEAD
	variable    string
	programs    []program
}

// program is one main package.
type program struct {
	dir  string // ./cmd/app, or .
	name string
}

// inspect looks at the module in root. author is who git says commits here,
// or empty.
func inspect(root string, git gitinfo.Info, author string) (*module, error) {
	m := &module{}
	var err error
	if m.path, err = modulePath(filepath.Join(root, "go.mod")); err != nil {
		return nil, err
	}
	last := path.Base(majorSuffix.ReplaceAllString(m.path, ""))
	m.name = tidy(last, "app")
	packages, err := programs(root)
	if err != nil {
		return nil, err
	}
	if len(packages) == 0 {
		return nil, fault.New(fault.Usage, "the module %s has no main package that builds for Windows", m.path).
			Hint("write a program first, or run mage init in the module that has one")
	}
	m.use(packages)
	m.repository = repository(git.Remote, m.path)
	m.company = company(m.path, author)
	m.version, m.tagged = version(git.Tags)
	return m, nil
}

var (
	moduleLine  = regexp.MustCompile(`(?m)^module[ \t]+("[^"\n]+"|[^\s"/][^\s"]*)`)
	majorSuffix = regexp.MustCompile(`(/v[0-9]+|\.v[0-9]+|\.git)$`)
	untidy      = regexp.MustCompile(`[^A-Za-z0-9._-]+`)
)

func modulePath(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fault.New(fault.Usage, "reading the module: %w", err).Hint("run mage init in the folder that holds go.mod")
	}
	m := moduleLine.FindSubmatch(b)
	if m == nil {
		return "", fault.New(fault.Usage, "reading %s: there is no module line", file)
	}
	return strings.Trim(string(m[1]), `"`), nil
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

// use turns packages into programs and takes what they say about themselves.
func (m *module) use(packages []found) {
	taken := map[string]bool{}
	for _, p := range packages {
		name := m.name
		if p.dir != "." {
			name = tidy(path.Base(p.dir), "app")
		}
		for i := 2; taken[strings.ToLower(name)]; i++ {
			name = fmt.Sprintf("%s-%d", tidy(strings.ReplaceAll(strings.TrimPrefix(p.dir, "./"), "/", "-"), "app"), i)
			if i == 2 {
				name = strings.TrimSuffix(name, "-2")
			}
		}
		taken[strings.ToLower(name)] = true
		m.programs = append(m.programs, program{dir: p.dir, name: name})
		if m.variable == "" {
			m.variable = p.variable
		}
		if m.description == "" {
			m.description = describe(p.doc)
		}
	}
}

var docPrefix = regexp.MustCompile(`^(Command|Package) \S+ (is |are )?`)

// describe makes the product's description of a package comment. Only what
// Microsoft's form takes, plain ASCII, is good enough to be used unseen.
func describe(doc string) string {
	doc = strings.TrimSpace(docPrefix.ReplaceAllString(doc, ""))
	if message, _ := spec.Formats["ascii"].Check(doc); message != "" || len(doc) < 10 || len(doc) > 200 || strings.ContainsAny(doc, "{}$") {
		return ""
	}
	return strings.ToUpper(doc[:1]) + doc[1:]
}

// company is a guess: the owner on the forge, else who commits, else the
// module's host.
func company(module, author string) string {
	parts := strings.Split(module, "/")
	guesses := []string{author, parts[0]}
	if len(parts) >= 3 && forges[parts[0]] {
		guesses = append([]string{strings.TrimPrefix(parts[1], "~")}, guesses...)
	}
	for _, g := range guesses {
		if message, _ := spec.Formats["line"].Check(g); g != "" && message == "" && !strings.ContainsAny(g, "{}$") {
			return g
		}
	}
	return "Unnamed"
}

func version(tags []string) (v string, tagged bool) {
	if v := spec.HighestVersion(tags); v != "" {
		return v, true
	}
	return "0.1.0", false
}

// found is a main package.
type found struct{ dir, doc, variable string }

// secondary folders hold programs that serve the development of the module.
var secondary = regexp.MustCompile(`(^|/)(internal|examples?|tools?|tests?|scripts?|hack|contrib|misc|ci|build)(/|$)`)

// maxFolders bounds the search in a tree that is no module at all.
const maxFolders = 20_000

// programs finds the main packages that build for windows/amd64 without cgo,
// those for development only when there are no others.
func programs(root string) ([]found, error) {
	var first, second []found
	folders := 0
	err := filepath.WalkDir(root, func(full string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if folders++; folders > maxFolders {
			return fault.New(fault.Usage, "the module has more than %d folders", maxFolders).Hint("run mage init in the folder that holds go.mod")
		}
		if full != root && foreign(full, d.Name()) {
			return filepath.SkipDir
		}
		rel, err := filepath.Rel(root, full)
		if err != nil {
			return err
		}
		p, ok := mainPackage(full, filepath.ToSlash(rel))
		if ok && secondary.MatchString(filepath.ToSlash(rel)) {
			second = append(second, p)
		} else if ok {
			first = append(first, p)
		}
		return nil
	})
	if first == nil {
		first = second
	}
	return first, err
}

// foreign folders are not of this module, as the go command sees it.
func foreign(full, name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "vendor" || name == "node_modules" || name == "dist" {
		return true
	}
	_, err := os.Stat(filepath.Join(full, "go.mod"))
	return err == nil
}

func mainPackage(full, rel string) (found, bool) {
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled, ctx.BuildTags = "windows", "amd64", false, nil
	pkg, err := ctx.ImportDir(full, 0)
	if err != nil || pkg.Name != "main" {
		return found{}, false
	}
	dir := "."
	if rel != "." {
		dir = "./" + rel
	}
	if message, _ := spec.Formats["package"].Check(dir); message != "" {
		return found{}, false
	}
	return found{dir: dir, doc: pkg.Doc, variable: versionVariable(full, pkg.GoFiles)}, true
}
