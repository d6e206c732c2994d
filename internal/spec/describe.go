package spec

import (
	_ "embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
)

// source is the file that declares the sections. It travels in every program
// that holds this package, so that the comments are at hand wherever a
// magefile imports the targets, and cannot go stale.
//
//go:embed spec.go
var source string

// Kind is the form of a value.
type Kind string

// Kinds of values.
const (
	Text     Kind = "text"
	Number   Kind = "number"
	Boolean  Kind = "boolean"
	Span     Kind = "duration"
	Group    Kind = "section"          // keys of its own
	Texts    Kind = "list of texts"    //
	Groups   Kind = "list of sections" //
	TextMap  Kind = "texts by name"    //
	GroupMap Kind = "sections by name" //
)

// Section describes one type of section.
type Section struct {
	// Type is its name in Go.
	Type string
	// Doc is its comment, in one line.
	Doc string
	// Keys in the order of declaration.
	Keys []Key
}

// Key describes one key of a section.
type Key struct {
	Name string
	// Doc is its comment, in one line; it begins with the key's name.
	Doc  string
	Kind Kind
	Rule Rule
	// Section of the kinds Group, Groups and GroupMap.
	Section *Section
}

// Describe returns the root section with everything below it: what the types
// say, and what their comments say.
func Describe() (*Section, error) {
	docs, err := comments(source)
	if err != nil {
		return nil, fmt.Errorf("reading comments of the spec: %w", err)
	}
	return describe(reflect.TypeFor[Spec](), docs)
}

func describe(t reflect.Type, docs map[string]string) (*Section, error) {
	s := &Section{Type: t.Name(), Doc: docs[t.Name()]}
	for _, f := range fieldsOf(t) {
		sf := t.Field(f.index)
		k := Key{Name: f.key, Rule: f.rule}
		// The comment names the Go field; the reader knows the key.
		k.Doc = f.key + strings.TrimPrefix(docs[t.Name()+"."+sf.Name], sf.Name)
		var inner reflect.Type
		if k.Kind, inner = kindOfType(sf.Type); inner != nil {
			var err error
			if k.Section, err = describe(inner, docs); err != nil {
				return nil, err
			}
		}
		if docs[t.Name()+"."+sf.Name] == "" || k.Kind == "" {
			return nil, fmt.Errorf("%s.%s has no comment, or a type without a kind", t.Name(), sf.Name)
		}
		s.Keys = append(s.Keys, k)
	}
	return s, nil
}

// kindOfType is the kind of a Go type, and the section it holds if any.
func kindOfType(t reflect.Type) (Kind, reflect.Type) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[Duration]() {
		return Span, nil
	}
	switch t.Kind() {
	case reflect.String:
		return Text, nil
	case reflect.Int:
		return Number, nil
	case reflect.Bool:
		return Boolean, nil
	case reflect.Struct:
		return Group, t
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Struct {
			return Groups, t.Elem()
		}
		return Texts, nil
	case reflect.Map:
		if t.Elem().Kind() == reflect.Struct {
			return GroupMap, t.Elem()
		}
		return TextMap, nil
	}
	return "", nil
}

// comments maps Type and Type.Field to their doc comments, each in one line.
func comments(source string) (map[string]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), "spec.go", source, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	docs := map[string]string{}
	for _, decl := range file.Decls {
		g, ok := decl.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE {
			continue
		}
		for _, one := range g.Specs {
			ts := one.(*ast.TypeSpec)
			docs[ts.Name.Name] = oneLine(g.Doc.Text())
			st, ok := ts.Type.(*ast.StructType)
			if !ok {
				continue
			}
			for _, f := range st.Fields.List {
				for _, name := range f.Names {
					docs[ts.Name.Name+"."+name.Name] = oneLine(f.Doc.Text())
				}
			}
		}
	}
	return docs, nil
}
