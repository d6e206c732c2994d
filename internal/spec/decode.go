package spec

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

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

// needs tells whether a section has keys that must be there.
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

// join appends a key to a path. A key that is no plain word is quoted, so
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

// unknown reports a key that does not exist and returns the one it was
// probably meant to be.
func (d *decoder) unknown(p pair, path string, names []string) string {
	near := nearest(p.key, names)
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
		d.problem(line, path, "expected a list, found "+kindOf(n), "write one entry a line, each behind a dash")
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
		d.value(p.value, p.line, item, at, Rule{Format: r.Format})
		out.SetMapIndex(reflect.ValueOf(p.key), item)
	}
	v.Set(out)
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a section of keys"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!int":
		return "a number"
	case "!!float":
		return "a fraction"
	case "!!bool":
		return "true or false"
	case "!!null":
		return "nothing"
	case "!!str", "!!timestamp":
		return "a text"
	}
	return "a value with the tag " + n.Tag
}

func (d *decoder) scalar(n *yaml.Node, line int, v reflect.Value, path string, r Rule) {
	if n.Kind != yaml.ScalarNode {
		d.problem(line, path, "expected a single value, found "+kindOf(n), "write it on one line behind the key")
		return
	}
	var message, hint string
	switch {
	case v.Type() == reflect.TypeFor[Duration]():
		message, hint = setDuration(n, v, r)
	case v.Kind() == reflect.String:
		message, hint = setString(n, v, r)
	case v.Kind() == reflect.Bool:
		message, hint = setBool(n, v)
	case v.Kind() == reflect.Int:
		message, hint = setInt(n, v, r)
	default:
		panic("no decoder for " + v.Type().String()) // a test decodes every field
	}
	if message != "" {
		d.problem(line, path, message, hint)
	}
}

func setString(n *yaml.Node, v reflect.Value, r Rule) (message, hint string) {
	f := Formats[format(r)]
	// A time stands unquoted in YAML 1.2 as text; yaml.v3 still tags it.
	if tag := n.ShortTag(); tag != "!!str" && tag != "!!timestamp" {
		if f.Secret {
			return "expected a reference to a secret, found " + kindOf(n), f.Hint
		}
		return "expected a text, found " + kindOf(n), quotesHint(n, f)
	}
	s := n.Value
	switch {
	case s == "":
		return "is empty", "give it a value, or delete the line"
	case !f.Secret && expansion.MatchString(s):
		return quote(s) + " looks like a variable, but nothing is expanded in this file", "write the value itself"
	case len(r.Enum) > 0 && !contains(r.Enum, s):
		return fmt.Sprintf("%s is not one of %s", quote(s), strings.Join(r.Enum, ", ")), enumHint(s, r.Enum)
	case len(r.Enum) == 0:
		if message, hint = f.Check(s); message != "" {
			return message, hint
		}
	}
	v.SetString(s)
	return "", ""
}

// quotesHint says how to make a text of a value that YAML takes for something
// else.
func quotesHint(n *yaml.Node, f Format) string {
	if message, _ := f.Check(n.Value); message != "" && f.Hint != "" {
		return f.Hint
	}
	return fmt.Sprintf("put it in quotes: %q", n.Value)
}

func format(r Rule) string {
	if r.Format == "" {
		return "line"
	}
	return r.Format
}

func enumHint(s string, enum []string) string {
	if near := nearest(s, enum); near != "" {
		return "did you mean " + near + "?"
	}
	return "choose one of them"
}

func setBool(n *yaml.Node, v reflect.Value) (message, hint string) {
	if n.ShortTag() != "!!bool" {
		return "expected true or false, found " + kindOf(n), "write true or false, without quotes"
	}
	v.SetBool(strings.EqualFold(n.Value, "true"))
	return "", ""
}

func setInt(n *yaml.Node, v reflect.Value, r Rule) (message, hint string) {
	// yaml.v3 takes 20 digits for a float.
	if tag := n.ShortTag(); tag != "!!int" && (tag != "!!float" || !digits.MatchString(n.Value)) {
		return "expected a whole number, found " + kindOf(n), "write digits only, without quotes"
	}
	i, err := strconv.ParseInt(n.Value, 10, 32)
	if err != nil || n.Value != strconv.FormatInt(i, 10) {
		return fmt.Sprintf("%s is not a whole number of sensible size, in decimal digits", n.Value), rangeHint(r)
	}
	if len(r.Enum) > 0 && !contains(r.Enum, n.Value) {
		return fmt.Sprintf("%d is not %s", i, strings.Join(r.Enum, " or ")), rangeHint(r)
	}
	if low, err := strconv.ParseInt(r.Min, 10, 32); err == nil && i < low {
		return fmt.Sprintf("%d is too small", i), rangeHint(r)
	}
	if high, err := strconv.ParseInt(r.Max, 10, 32); err == nil && i > high {
		return fmt.Sprintf("%d is too large", i), rangeHint(r)
	}
	v.SetInt(i)
	return "", ""
}

func setDuration(n *yaml.Node, v reflect.Value, r Rule) (message, hint string) {
	t, err := time.ParseDuration(n.Value)
	if err != nil || n.ShortTag() != "!!str" {
		return fmt.Sprintf("%s is not a duration", quote(n.Value)), "write a number with its unit: 500ms, 20s, 5m, 1h"
	}
	if low, err := time.ParseDuration(r.Min); err == nil && t < low {
		return n.Value + " is too short", rangeHint(r)
	}
	if high, err := time.ParseDuration(r.Max); err == nil && t > high {
		return n.Value + " is too long", rangeHint(r)
	}
	v.SetInt(int64(t))
	return "", ""
}

func rangeHint(r Rule) string {
	switch {
	case len(r.Enum) == 1:
		return "write " + r.Enum[0]
	case len(r.Enum) > 0:
		return "choose one of " + strings.Join(r.Enum, ", ")
	case r.Max == "":
		return "at least " + r.Min
	}
	return fmt.Sprintf("from %s to %s", r.Min, r.Max)
}
