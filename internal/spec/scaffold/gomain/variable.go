package gomain

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Variable is a string variable of a package that the linker's -X can set: one
// without value, or with a literal.
type Variable struct {
	Name  string
	Value string
}

// Variables lists the string variables in a folder of the module, relative to
// it with slashes, in the files for Windows on amd64. Files that do not parse
// are left out.
func (m *Module) Variables(dir string, tags []string) []Variable {
	full := filepath.Join(m.root, filepath.FromSlash(dir))
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled, ctx.BuildTags = "windows", "amd64", false, tags
	pkg, err := ctx.ImportDir(full, 0)
	if err != nil {
		return nil
	}
	var out []Variable
	for _, name := range pkg.GoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(full, name), nil, parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		for _, decl := range file.Decls {
			if g, ok := decl.(*ast.GenDecl); ok && g.Tok == token.VAR {
				for _, one := range g.Specs {
					out = append(out, settable(one.(*ast.ValueSpec))...)
				}
			}
		}
	}
	return out
}

func settable(v *ast.ValueSpec) []Variable {
	if t, ok := v.Type.(*ast.Ident); v.Type != nil && (!ok || t.Name != "string") || v.Type == nil && len(v.Values) != len(v.Names) {
		return nil
	}
	var out []Variable
	for i, name := range v.Names {
		switch {
		case len(v.Values) == 0:
			out = append(out, Variable{Name: name.Name})
		case i < len(v.Values):
			if l, ok := v.Values[i].(*ast.BasicLit); ok && l.Kind == token.STRING {
				value, _ := strconv.Unquote(l.Value)
				out = append(out, Variable{name.Name, value})
			}
		}
	}
	return out
}

// Names of variables by what they hold, and values that stand in for it in a
// build that has not set it.
var (
	forVersion = regexp.MustCompile(`(?i)^(app|build|git|release|program)?_?version(str|string)?$`)
	forCommit  = regexp.MustCompile(`(?i)^(build|git|version)?_?(commit|commitsha|commithash|sha|sha1|hash|revision|rev)$`)
	forShort   = regexp.MustCompile(`(?i)^(build|git)?_?(short_?commit|commit_?short|short_?sha)$`)
	forDate    = regexp.MustCompile(`(?i)^(build|commit|git|release)_?(date|time|at)$|^date$`)
	standIn    = regexp.MustCompile(`(?i)^(|v?[0-9]+(\.[0-9]+)*([-+].*)?|\(?(dev|devel|develop|development|unknown|none|n/?a|snapshot|local|master|main|head|source|unreleased|undefined|unset|not set|custom|dirty|tip|latest)\)?([-. ].*)?)$`)
)

// Meaning is what the variable is for, as a value of build.variables, or "".
func (v Variable) Meaning() string {
	switch {
	case !standIn.MatchString(v.Value):
		return ""
	case forVersion.MatchString(v.Name):
		return "version"
	case forShort.MatchString(v.Name):
		return "short_commit"
	case forCommit.MatchString(v.Name):
		return "commit"
	case forDate.MatchString(v.Name):
		return "commit_date"
	}
	return ""
}

// likely folders hold a version in a package of its own.
var likely = regexp.MustCompile(`(?i)(^|/)(version|versions|buildinfo|buildversion|build|info|meta|app|config|consts?|constants|internal|pkg|cmd|common)$`)

// Guess finds the variables of the programs that a release should set, by
// their names and values: first in the main packages, and, if there is none
// for the version, in one other package that looks like it. Keys are as -X
// takes them, values are those of build.variables.
func (m *Module) Guess(module string, mains []string, tags []string) map[string]string {
	out := map[string]string{}
	for _, dir := range mains {
		for _, v := range m.Variables(dir, tags) {
			if meaning := v.Meaning(); meaning != "" {
				out["main."+v.Name] = meaning
			}
		}
	}
	if hasVersion(out) {
		return out
	}
	for _, dir := range m.versionFolders() {
		found := map[string]string{}
		for _, v := range m.Variables(dir, tags) {
			if meaning := v.Meaning(); meaning != "" {
				found[path.Join(module, dir)+"."+v.Name] = meaning
			}
		}
		if hasVersion(found) && m.used(path.Join(module, dir), module, mains, tags) {
			return found
		}
	}
	return nil
}

func hasVersion(m map[string]string) bool {
	for _, meaning := range m {
		if meaning == "version" {
			return true
		}
	}
	return false
}

// versionFolders are folders of packages that may hold the version, the most
// likely first.
func (m *Module) versionFolders() []string {
	var out []string
	for _, f := range m.Folders {
		if likely.MatchString(f) {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return rank(a) - rank(b) })
	return out
}

func rank(dir string) int {
	if strings.Contains(strings.ToLower(path.Base(dir)), "version") {
		return 0
	}
	if strings.Contains(path.Base(dir), "build") {
		return 1
	}
	return 2
}

// used reports whether one of the programs imports the package, directly or
// through other packages of the module.
func (m *Module) used(pkg, module string, mains, tags []string) bool {
	key := strings.Join(slices.Concat(mains, []string{""}, tags), "\n")
	if m.imported[key] == nil {
		m.imported[key] = m.imports(module, mains, tags)
	}
	return m.imported[key][pkg]
}

// imports are the import paths that the programs are made of, as far as they
// can be told from this module.
func (m *Module) imports(module string, mains, tags []string) map[string]bool {
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled, ctx.BuildTags = "windows", "amd64", false, tags
	seen := map[string]bool{}
	for queue := slices.Clone(mains); len(queue) > 0; queue = queue[1:] {
		p, _ := ctx.ImportDir(filepath.Join(m.root, filepath.FromSlash(queue[0])), 0)
		if p == nil {
			continue
		}
		for _, imported := range p.Imports {
			inside, ok := strings.CutPrefix(imported, module)
			if ok = ok && (inside == "" || inside[0] == '/'); ok && !seen[imported] {
				queue = append(queue, "."+inside)
			}
			seen[imported] = true
		}
	}
	return seen
}

// Has reports whether the variable, as -X names it, is one of a package of this
// module that the programs are made of; known is false when the package is of another module.
func (m *Module) Has(name, module string, mains, tags []string) (has, known bool) {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return false, true
	}
	pkg, variable := name[:dot], name[dot+1:]
	var dirs []string
	switch inside, ok := strings.CutPrefix(pkg, module); {
	case pkg == "main":
		dirs = mains
	case ok && inside == "":
		dirs = []string{"."}
	case ok && inside[0] == '/':
		dirs = []string{inside[1:]}
	default:
		return false, false
	}
	if pkg != "main" && !m.used(pkg, module, mains, tags) {
		return false, true
	}
	for _, dir := range dirs {
		if slices.ContainsFunc(m.Variables(dir, tags), func(v Variable) bool { return v.Name == variable }) {
			return true, true
		}
	}
	return false, true
}
