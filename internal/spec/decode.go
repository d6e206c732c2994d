package spec

import (
	"fmt"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxNodes bounds the work for one file: aliases let a short file stand for a
// long one. The largest sensible release.yaml has a few thousand.
const maxNodes = 50_000

// decoder walks the YAML nodes along the Go types. Doing so ourselves,
// instead of yaml.Node.Decode, gives every problem its line and field path,
// finds all of them, and makes sure that nothing accepted is ignored.
type decoder struct {
	lines map[string]int
	list  []Problem
	nodes int
	over  bool
}

func (d *decoder) problem(line int, path, message, hint string) {
	d.list = append(d.list, Problem{Line: line, Path: path, Message: message, Hint: hint})
}

// value decodes n, which stands on line, into v.
func (d *decoder) value(n *yaml.Node, line int, v reflect.Value, path string, r Rule) {
	if d.nodes++; d.nodes > maxNodes {
		if !d.over {
			d.over = true
			d.problem(line, "", "the file is too large when its aliases are written out", "write a shorter file")
		}
		return
	}
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	d.lines[path] = line
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		d.problem(line, path, "has no value", emptyHint(v.Type(), path))
		if v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct {
			v.Set(reflect.New(v.Type().Elem())) // the section is there, for those that need it
		}
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Struct:
		d.section(n, line, v, path)
	case reflect.Slice:
		d.sequence(n, line, v, path, r)
	case reflect.Map:
		d.dictionary(n, line, v, path, r)
	default:
		d.scalar(n, line, v, path, r)
	}
}

func emptyHint(t reflect.Type, path string) string {
	key := path[strings.LastIndexByte(path, '.')+1:]
	if strings.HasSuffix(key, "]") {
		return "give it a value, or delete the entry"
	}
	if t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct && !needs(t.Elem()) {
		return fmt.Sprintf("write %s: {} to have the section with its defaults, or delete the line", key)
	}
	return "give it a value, or delete the line"
}

// needs reports whether a section has keys that must be there.
func needs(t reflect.Type) bool {
	for _, f := range fieldsOf(t) {
		if f.rule.Required {
			return true
		}
	}
	return false
}

// pair is one key of a mapping with its value.
type pair struct {
	key   string
	line  int
	value *yaml.Node
}

// pairs lists the keys of a mapping, those of merge keys (<<) last and only
// when not overridden, and reports duplicates.
func (d *decoder) pairs(n *yaml.Node, path string, open map[*yaml.Node]bool) []pair {
	if open[n] {
		d.problem(n.Line, path, "the merge key << refers to itself", "write the fields out")
		return nil
	}
	open[n] = true
	defer delete(open, n)
	var own, merged []pair
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, value := n.Content[i], n.Content[i+1]
		if d.nodes++; d.nodes > maxNodes {
			return own
		}
		if k.Kind == yaml.ScalarNode && k.Tag == "!!merge" {
			merged = append(merged, d.merges(value, path, open)...)
			continue
		}
		if k.Kind != yaml.ScalarNode {
			d.problem(k.Line, path, "a key must be a word", "write key: value")
			continue
		}
		if line, twice := first[k.Value]; twice {
			d.problem(k.Line, join(path, k.Value), fmt.Sprintf("given twice, first on line %d", line), "keep one of the two")
			continue
		}
		first[k.Value] = k.Line
		own = append(own, pair{k.Value, k.Line, value})
	}
	for _, p := range merged {
		if _, overridden := first[p.key]; !overridden {
			first[p.key] = p.line
			own = append(own, p)
		}
	}
	return own
}

func (d *decoder) merges(n *yaml.Node, path string, open map[*yaml.Node]bool) []pair {
	line := n.Line
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.MappingNode:
		list := d.pairs(n, path, open)
		for i := range list {
			list[i].line = line // where the reader sees the merge
		}
		return list
	case yaml.SequenceNode:
		var list []pair
		for _, one := range n.Content {
			if one.Kind == yaml.SequenceNode || one.Kind == yaml.AliasNode && one.Alias.Kind == yaml.SequenceNode {
				d.problem(one.Line, path, "the merge key << takes a section or a list of sections", "write the fields out")
				continue
			}
			list = append(list, d.merges(one, path, open)...)
		}
		return list
	}
	d.problem(line, path, "the merge key << takes a section or a list of sections", "write the fields out")
	return nil
}

// join appends a key to a path. A key that is not a plain word is quoted, so
// that a message stays one line whatever the file holds.
func join(path, key string) string {
	if plainKey.MatchString(key) {
		if path == "" {
			return key
		}
		return path + "." + key
	}
	return path + "[" + quote(key) + "]"
}

func (d *decoder) section(n *yaml.Node, line int, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.problem(line, path, "expected a section of keys, found "+kindOf(n), "write key: value lines, indented by two spaces")
		return
	}
	fields := fieldsOf(v.Type())
	names := make([]string, len(fields))
	known := map[string]field{}
	for i, f := range fields {
		names[i], known[f.key] = f.key, f
	}
	seen, meant := map[string]bool{}, map[string]bool{}
	for _, p := range d.pairs(n, path, map[*yaml.Node]bool{}) {
		f, ok := known[p.key]
		if !ok {
			meant[d.unknown(p, path, names)] = true
			continue
		}
		seen[p.key] = true
		d.value(p.value, p.line, v.Field(f.index), join(path, p.key), f.rule)
	}
	for _, f := range fields {
		if f.rule.Required && !seen[f.key] && !meant[f.key] {
			d.problem(line, join(path, f.key), "is missing", fmt.Sprintf("add the line %s: …", f.key))
		}
	}
}

// renamed holds what is written today in place of a key of earlier versions.
var renamed = map[string]string{
	"build.version_variable": "write variables: {main.version: version}, with the name of your variable",
}

// unknown reports a key that does not exist and returns the one it was
// probably meant to be.
func (d *decoder) unknown(p pair, path string, names []string) string {
	if instead := renamed[join(path, p.key)]; instead != "" {
		d.problem(p.line, join(path, p.key), "is now written differently", instead)
		return ""
	}
	near := Nearest(p.key, names)
	hint := "known here: " + strings.Join(names, ", ")
	if near != "" {
		hint = "did you mean " + near + "?"
	} else if other := elsewhere(p.key); other != "" {
		hint = "there is " + other + "; check the indentation"
	}
	d.problem(p.line, join(path, p.key), "unknown key", hint)
	return near
}

func (d *decoder) sequence(n *yaml.Node, line int, v reflect.Value, path string, r Rule) {
	if n.Kind != yaml.SequenceNode {
		d.problem(line, path, "expected a list, found "+kindOf(n), "write one entry a line, each after a dash")
		return
	}
	out := reflect.MakeSlice(v.Type(), 0, min(len(n.Content), 64))
	first := map[string]int{}
	for i, one := range n.Content {
		if d.over {
			return
		}
		item := reflect.New(v.Type().Elem()).Elem()
		at := fmt.Sprintf("%s[%d]", path, i)
		d.value(one, one.Line, item, at, Rule{Enum: r.Enum, Format: r.Format})
		out = reflect.Append(out, item)
		if !r.Unique || item.Kind() != reflect.String || item.String() == "" {
			continue
		}
		if line, twice := first[item.String()]; twice {
			d.problem(one.Line, at, fmt.Sprintf("%s is listed twice, first on line %d", quote(item.String()), line), "delete one of the two")
		}
		first[item.String()] = one.Line
	}
	v.Set(out)
	if len(n.Content) < r.MinItems {
		d.problem(line, path, "the list is empty", "add an entry, or delete the line")
	}
}

func (d *decoder) dictionary(n *yaml.Node, line int, v reflect.Value, path string, r Rule) {
	if n.Kind != yaml.MappingNode {
		d.problem(line, path, "expected keys with values, found "+kindOf(n), "write key: value lines, indented by two spaces")
		return
	}
	out := reflect.MakeMap(v.Type())
	for _, p := range d.pairs(n, path, map[*yaml.Node]bool{}) {
		at := join(path, p.key)
		if message, hint := Formats[r.Keys].Check(p.key); message != "" {
			d.problem(p.line, at, message, hint)
			continue
		}
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(p.value, p.line, item, at, Rule{Enum: r.Enum, Format: r.Format})
		out.SetMapIndex(reflect.ValueOf(p.key), item)
	}
	v.Set(out)
}
