package builder

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/builder/golist"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/spec/ldflags"
)

// linkerVariable is a variable that the linker is to set, with the path of the
// field that caused it.
type linkerVariable struct{ field, pkg, name string }

// linkerVariables are those of build.variables and of the -X flags.
func linkerVariables(b *spec.Build) []linkerVariable {
	var list []linkerVariable
	add := func(field, full string) {
		if at := strings.LastIndexByte(full, '.'); at > 0 {
			list = append(list, linkerVariable{field, full[:at], full[at+1:]})
		}
	}
	for name := range b.Variables {
		add("build.variables."+name, name)
	}
	for i, entry := range b.LDFlags {
		words, err := ldflags.Split(entry)
		if err != nil {
			continue // judged when the spec was read
		}
		for _, a := range ldflags.Assignments(words) {
			name, _, _ := strings.Cut(a, "=")
			add(fmt.Sprintf("build.ldflags[%d]", i), name)
		}
	}
	slices.SortFunc(list, func(a, b linkerVariable) int { return strings.Compare(a.field, b.field) })
	return list
}

// checkVariables finds variables that the linker would silently not set: it
// ignores what does not exist. A variable of package main has to be in one of
// the programs.
func checkVariables(b *spec.Build, list []golist.Package) []spec.Problem {
	var problems []spec.Problem
	for _, v := range linkerVariables(b) {
		if p := checkVariable(v, list); p != nil {
			problems = append(problems, *p)
		}
	}
	return problems
}

func checkVariable(v linkerVariable, list []golist.Package) *spec.Problem {
	var where []golist.Package
	var paths []string
	for _, p := range list {
		if p.ImportPath == v.pkg || v.pkg == "main" && p.Name == "main" && !p.DepOnly {
			where = append(where, p)
		}
		paths = append(paths, p.ImportPath)
	}
	if len(where) == 0 {
		return &spec.Problem{Path: v.field, Message: fmt.Sprintf("no program contains the package %s", v.pkg), Hint: packageHint(v.pkg, paths)}
	}
	why, known := "", map[string]string{}
	for _, p := range where {
		vars := stringVariables(p)
		reason, there := vars[v.name]
		if there && reason == "" {
			return nil
		}
		if there {
			why = reason
		}
		for name, reason := range vars {
			if reason == "" {
				known[name] = ""
			}
		}
	}
	if why != "" {
		return &spec.Problem{Path: v.field, Message: fmt.Sprintf("%s.%s %s", v.pkg, v.name, why),
			Hint: "the linker sets string variables without value, or with a constant text: var " + v.name + " = \"dev\""}
	}
	return &spec.Problem{Path: v.field, Message: fmt.Sprintf("the package %s has no string variable %s, so the linker would set nothing", v.pkg, v.name),
		Hint: variableHint(v, known)}
}

// packageHint names packages whose last element is the same or near.
func packageHint(pkg string, paths []string) string {
	for _, p := range paths {
		if path.Base(p) == path.Base(pkg) {
			return fmt.Sprintf("did you mean %s?", p)
		}
	}
	if near := spec.Nearest(pkg, paths); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return "write the import path as it stands in the source, or main for the program itself"
}

func variableHint(v linkerVariable, known map[string]string) string {
	var names []string
	for name := range known {
		names = append(names, name)
	}
	slices.Sort(names)
	if near := spec.Nearest(v.name, names); near != "" {
		return fmt.Sprintf("did you mean %s.%s?", v.pkg, near)
	}
	if len(names) == 0 {
		return fmt.Sprintf("declare it: var %s = \"dev\", or delete the line", v.name)
	}
	return "its string variables are " + strings.Join(names[:min(len(names), 8)], ", ")
}

// stringVariables are the package-level names of a package, each with the
// reason why the linker's -X cannot set it, "" where it can
// (https://pkg.go.dev/cmd/link: a string variable, uninitialised or initialised
// to a constant string expression).
func stringVariables(p golist.Package) map[string]string {
	out := map[string]string{}
	constants := map[string]bool{}
	var specs []*ast.ValueSpec
	for _, name := range append(slices.Clone(p.GoFiles), p.CgoFiles...) {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			continue // the compiler says it better
		}
		for _, decl := range file.Decls {
			g, ok := decl.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR && g.Tok != token.CONST {
				continue
			}
			for _, one := range g.Specs {
				vs := one.(*ast.ValueSpec)
				if g.Tok == token.VAR {
					specs = append(specs, vs)
					continue
				}
				for _, n := range vs.Names {
					constants[n.Name], out[n.Name] = true, "is a constant"
				}
			}
		}
	}
	for _, vs := range specs {
		for i, n := range vs.Names {
			out[n.Name] = unsettable(vs, i, constants)
		}
	}
	return out
}

// unsettable explains why the linker cannot set a variable, or "".
func unsettable(vs *ast.ValueSpec, i int, constants map[string]bool) string {
	if vs.Type != nil {
		if t, ok := vs.Type.(*ast.Ident); !ok || t.Name != "string" {
			return "is not of the type string"
		}
	}
	switch {
	case len(vs.Values) == 0:
		return ""
	case len(vs.Values) != len(vs.Names):
		return "gets its value from a function"
	}
	return notText(vs.Values[i], constants)
}

// notText explains why an expression is not a constant text, or "".
func notText(e ast.Expr, constants map[string]bool) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "is not of the type string"
		}
		return ""
	case *ast.ParenExpr:
		return notText(e.X, constants)
	case *ast.BinaryExpr:
		if why := notText(e.X, constants); why != "" || e.Op != token.ADD {
			return why
		}
		return notText(e.Y, constants)
	case *ast.Ident:
		if constants[e.Name] {
			return ""
		}
		return "gets its value from another variable"
	case *ast.SelectorExpr: // a constant of another package, or a variable of it: only the compiler knows
		return ""
	case *ast.CallExpr:
		return "gets its value from a function"
	}
	return "is not a constant text"
}
