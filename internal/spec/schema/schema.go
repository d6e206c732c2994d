// Package schema shows what release.yaml may hold: as a JSON Schema for
// editors, and as a page for readers. Both come from the Go types of the spec
// and their comments.
package schema

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/hallmark-dev/hallmark/internal/spec"
)

// dialect of the schema. yaml-language-server, and the editors built on it,
// read it as well as ajv does.
const dialect = "https://json-schema.org/draft/2020-12/schema"

// duration is the grammar of time.ParseDuration without signs.
const duration = `^([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h)(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h))*$`

// node is a JSON object with keys in a fixed order.
type node []member

type member struct {
	key   string
	value any
}

// MarshalJSON writes the members in their order.
func (n node) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(m.key)
		if err != nil {
			return nil, err
		}
		value, err := plain(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// plain is JSON without the escapes that json.Marshal makes for HTML.
func plain(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// JSON returns the JSON Schema (draft 2020-12) of release.yaml, indented, with
// a line break at the end. It holds what can be said about single values;
// combinations of fields, and files, only loading judges.
func JSON() ([]byte, error) {
	root, err := spec.Describe()
	if err != nil {
		return nil, err
	}
	g := &generator{}
	top := node{{"$schema", dialect}, {"title", "Hallmark release.yaml"}}
	top = append(top, g.body(root)...)
	top = append(top, member{"$defs", g.defs})
	compact, err := plain(top)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, compact, "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// generator collects the definitions of the sections.
type generator struct {
	defs node
}

func (g *generator) body(s *spec.Section) node {
	var properties node
	var required []string
	for _, k := range s.Keys {
		if k.Rule.Required {
			required = append(required, k.Name)
		}
		properties = append(properties, member{k.Name, append(node{{"description", k.Doc}}, g.key(k)...)})
	}
	n := node{{"description", s.Doc}, {"type", "object"}, {"additionalProperties", false}, {"properties", properties}}
	if required != nil {
		n = append(n, member{"required", required})
	}
	return n
}

// ref names the definition of a section and makes it at the first time.
func (g *generator) ref(s *spec.Section) node {
	for _, d := range g.defs {
		if d.key == s.Type {
			return node{{"$ref", "#/$defs/" + s.Type}}
		}
	}
	at := len(g.defs)
	g.defs = append(g.defs, member{s.Type, nil})
	g.defs[at].value = g.body(s)
	return node{{"$ref", "#/$defs/" + s.Type}}
}

func (g *generator) key(k spec.Key) node {
	r := k.Rule
	var n node
	switch k.Kind {
	case spec.Group:
		return g.ref(k.Section)
	case spec.Groups:
		n = list(r, g.ref(k.Section))
	case spec.Texts:
		n = list(r, text(r))
	case spec.TextMap:
		n = dictionary(r, text(spec.Rule{Enum: r.Enum, Format: r.Format}))
	case spec.GroupMap:
		n = dictionary(r, g.ref(k.Section))
	case spec.Text:
		n = text(r)
	case spec.Boolean:
		n = node{{"type", "boolean"}}
	case spec.Span:
		n = node{{"type", "string"}, {"pattern", duration}}
	case spec.Number:
		n = number(r)
	}
	if e := sample(r); e != "" && k.Kind == spec.Text {
		n = append(n, member{"examples", []string{e}})
	}
	if r.Default != nil {
		n = append(n, member{"default", defaultOf(k)})
	}
	return n
}

// sample is an example of a text, empty where a default or a closed set says
// enough.
func sample(r spec.Rule) string {
	switch {
	case r.Default != nil || len(r.Enum) > 0:
		return ""
	case r.Example != "":
		return r.Example
	}
	return spec.Formats[r.Format].Example
}

func list(r spec.Rule, items node) node {
	n := node{{"type", "array"}, {"items", items}}
	if r.MinItems > 0 {
		n = append(n, member{"minItems", r.MinItems})
	}
	if r.Unique {
		n = append(n, member{"uniqueItems", true})
	}
	return n
}

func dictionary(r spec.Rule, values node) node {
	return node{{"type", "object"}, {"propertyNames", node{{"pattern", spec.Formats[r.Keys].Pattern}}}, {"additionalProperties", values}}
}

func text(r spec.Rule) node {
	f := spec.Formats["line"]
	if r.Format != "" {
		f = spec.Formats[r.Format]
	}
	switch {
	case len(r.Enum) > 0:
		return node{{"type", "string"}, {"enum", r.Enum}}
	case len(f.Values) > 0:
		return node{{"type", "string"}, {"enum", f.Values}}
	}
	return node{{"type", "string"}, {"pattern", f.Pattern}, {"maxLength", spec.MaxLine}}
}

func number(r spec.Rule) node {
	n := node{{"type", "integer"}}
	if len(r.Enum) > 0 {
		var values []json.Number
		for _, v := range r.Enum {
			values = append(values, json.Number(v))
		}
		return append(n, member{"enum", values})
	}
	if r.Min != "" {
		n = append(n, member{"minimum", json.Number(r.Min)})
	}
	if r.Max != "" {
		n = append(n, member{"maximum", json.Number(r.Max)})
	}
	return n
}

func defaultOf(k spec.Key) any {
	switch k.Kind {
	case spec.Texts:
		return k.Rule.Default
	case spec.Boolean, spec.Number:
		return json.RawMessage(k.Rule.Default[0])
	case spec.Text, spec.Span:
		return k.Rule.Default[0]
	}
	panic(fmt.Sprintf("no default for %s %s", k.Kind, k.Name)) // a test makes the schema
}
