package spec

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Rule is what the jsonschema tag of a field demands of its value. The
// decoder enforces it, Defaults fills from it, and the JSON Schema and
// docs/spec.md show it, so that the four cannot disagree.
type Rule struct {
	// Required fields must be present.
	Required bool
	// Enum lists the values allowed; for a list, those of its entries.
	Enum []string
	// Default is filled in when the field is absent; for a list one value an
	// entry. Nil: none, or one that depends on other fields.
	Default []string
	// Format names an entry of Formats; for a list, that of its entries.
	Format string
	// Keys names the format of a map's keys.
	Keys string
	// Min and Max bound a number or duration, as text; empty: unbounded.
	Min, Max string
	// MinItems is the least number of entries of a list.
	MinItems int
	// Unique lists name nothing twice.
	Unique bool
	// Example is a value to show where there is no default.
	Example string
}

// ParseRule reads a tag such as "required,enum=a|b,default=a".
func ParseRule(tag string) (Rule, error) {
	var r Rule
	if tag == "" {
		return r, nil
	}
	for _, part := range strings.Split(tag, ",") {
		key, value, _ := strings.Cut(part, "=")
		if err := r.set(key, value); err != nil {
			return Rule{}, fmt.Errorf("reading tag %q: %v", tag, err)
		}
	}
	return r, nil
}

func (r *Rule) set(key, value string) (err error) {
	switch key {
	case "required":
		r.Required = true
	case "enum":
		r.Enum = strings.Split(value, "|")
	case "default":
		r.Default = strings.Split(value, "|")
	case "format":
		r.Format = value
		if _, ok := Formats[value]; !ok {
			err = fmt.Errorf("no format %q", value)
		}
	case "keys":
		r.Keys = value
		if _, ok := Formats[value]; !ok {
			err = fmt.Errorf("no format %q", value)
		}
	case "min":
		r.Min = value
	case "max":
		r.Max = value
	case "minitems":
		r.MinItems, err = strconv.Atoi(value)
	case "unique":
		r.Unique = true
	case "example":
		r.Example = value
	default:
		err = fmt.Errorf("unknown word %q", key)
	}
	return err
}

// field is one key of a section.
type field struct {
	key   string
	index int
	rule  Rule
}

// fieldsOf lists the keys of a section type in the order of declaration.
// Fields without a yaml key are not part of the file format.
func fieldsOf(t reflect.Type) []field {
	var list []field
	for i := range t.NumField() {
		key := t.Field(i).Tag.Get("yaml")
		if key == "" || key == "-" {
			continue
		}
		rule, err := ParseRule(t.Field(i).Tag.Get("jsonschema"))
		if err != nil {
			panic(fmt.Sprintf("%s.%s: %v", t.Name(), t.Field(i).Name, err)) // a test walks every tag
		}
		list = append(list, field{key: key, index: i, rule: rule})
	}
	return list
}
