package spec_test

import (
	"testing"

	"github.com/hallmark-dev/hallmark/internal/spec"
)

// TestExamples: what the schema and mage init show as examples must be
// accepted where it stands.
func TestExamples(t *testing.T) {
	root, err := spec.Describe()
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range spec.Formats {
		if f.Hint == "" || f.Want == "" {
			t.Errorf("format %s lacks a hint, or what it wants", name)
		}
		if message, _ := f.Check(f.Example); f.Example != "" && message != "" {
			t.Errorf("format %s: its example: %s", name, message)
		}
	}
	sections := 0
	var walk func(path string, s *spec.Section)
	walk = func(path string, s *spec.Section) {
		sections++
		for _, k := range s.Keys {
			at := path + k.Name
			if k.Section != nil {
				walk(at+".", k.Section)
			}
			format := k.Rule.Format
			if k.Rule.Keys != "" {
				format = k.Rule.Keys
			}
			if f, ok := spec.Formats[format]; ok && k.Rule.Example != "" {
				if message, _ := f.Check(k.Rule.Example); message != "" {
					t.Errorf("%s: its example: %s", at, message)
				}
			}
			for _, v := range k.Rule.Default {
				if message, _ := spec.Formats[format].Check(v); format != "" && message != "" {
					t.Errorf("%s: its default: %s", at, message)
				}
			}
		}
	}
	walk("", root)
	if sections != 14 {
		t.Errorf("%d sections", sections)
	}
}
