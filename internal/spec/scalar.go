package spec

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

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
		d.problem(line, path, "expected a single value, found "+kindOf(n), "write one value only, on the line of the key")
		return
	}
	var message, hint string
	switch {
	case v.Type() == reflect.TypeFor[Duration]():
		message, hint = setDuration(n, v, r)
	case v.Kind() == reflect.String:
		message, hint = setString(n, v, r, path)
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

func setString(n *yaml.Node, v reflect.Value, r Rule, path string) (message, hint string) {
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
		return quote(s) + " looks like a variable, but nothing is expanded in this file", expansionHint(path)
	case len(r.Enum) > 0 && !slices.Contains(r.Enum, s):
		return fmt.Sprintf("%s is not one of %s", quote(s), strings.Join(r.Enum, ", ")), enumHint(s, r.Enum)
	case len(r.Enum) == 0:
		if message, hint = f.Check(s); message != "" {
			return message, hint
		}
	}
	v.SetString(s)
	return "", ""
}

func expansionHint(path string) string {
	if strings.HasPrefix(path, "build.ldflags[") {
		return linkerHint
	}
	return "write the value itself"
}

// quotesHint describes how to make a text of a value that YAML takes for something
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
	if near := Nearest(s, enum); near != "" {
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
	if len(r.Enum) > 0 && !slices.Contains(r.Enum, n.Value) {
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
