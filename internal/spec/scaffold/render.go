package scaffold

import (
	"fmt"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/spec"
	"gopkg.in/yaml.v3"
)

// width of the comments, in characters.
const width = 100

const preface = `# What a release of %s consists of. Written by mage init; mage release follows it.
#
# Every key that exists is here with its explanation. Lines such as #key: value are off and
# show a default or an example; take the # away to set them. mage plan says what would run.
`

// writer puts the sections of the spec out as YAML.
type writer struct {
	b      strings.Builder
	values map[string]string // YAML of the keys that are set, by path
	notes  map[string]string // further comments, by path
	groups map[string]int    // entries of the lists of sections, by path
}

// render writes the release.yaml of a module.
func render(m *module) ([]byte, error) {
	root, err := spec.Describe()
	if err != nil {
		return nil, err
	}
	w := &writer{values: values(m), notes: notes(m), groups: map[string]int{"build.binaries": len(m.programs)}}
	fmt.Fprintf(&w.b, preface, m.path)
	for _, k := range root.Keys {
		w.b.WriteByte('\n')
		w.key(k, "", k.Name, false)
	}
	return []byte(w.b.String()), nil
}

// values are the keys that the new file sets.
func values(m *module) map[string]string {
	v := map[string]string{
		"version":                            "1",
		"project.name":                       m.name,
		"project.version":                    m.version,
		"project.company":                    m.company,
		"project.description":                m.description,
		"project.url":                        m.repository,
		"project.repository":                 m.repository,
		"build.variables":                    m.variable,
		"resources.language":                 "en-US",
		"resources.manifest.execution_level": "asInvoker",
		"sign.identity":                      "test",
		"timestamp.servers":                  "test",
		"verify.require_timestamp":           "true",
		"catalog.version":                    "2",
		"wdac.template":                      "supplemental",
		"wdac.level":                         "FilePublisher",
	}
	if m.description != "" { // the text begins with it
		v["portal.product"] = "Microsoft Defender Antivirus (Windows 11)"
	}
	for i, p := range m.programs {
		at := fmt.Sprintf("build.binaries[%d].", i)
		v[at+"main"], v[at+"name"] = p.dir, p.name
	}
	for path, value := range v {
		if value == "" {
			delete(v, path)
		}
	}
	return v
}

// notes say what mage init made up, and what to change first.
func notes(m *module) map[string]string {
	n := map[string]string{
		"project.company": "A guess: correct it before anything is published.",
		"sign.identity":   "test is a throw-away identity that nobody trusts. A real one goes together with real timestamp.servers.",
		"project.version": "Raise it with every release, or write git once releases are tagged.",
	}
	if m.tagged {
		n["project.version"] = "Taken from the tag on this commit; write git to have it taken from the tag each time."
	}
	return n
}

// key writes one key with its comment. off makes commented-out lines of it.
func (w *writer) key(k spec.Key, indent, path string, off bool) {
	w.comment(indent, k.Doc)
	if note := w.notes[path]; note != "" {
		w.comment(indent, note)
	}
	switch k.Kind {
	case spec.Group:
		off = off || !w.any(path)
		w.line(indent, k.Name+":", off)
		for _, inner := range k.Section.Keys {
			w.key(inner, indent+"  ", path+"."+inner.Name, off)
		}
	case spec.Groups:
		w.line(indent, k.Name+":", off || w.groups[path] == 0)
		for i := range w.groups[path] {
			w.entry(k.Section, indent+"  ", fmt.Sprintf("%s[%d]", path, i), i == 0)
		}
	case spec.GroupMap:
		w.line(indent, k.Name+":", true)
		w.line(indent+"  ", k.Rule.Example+":", true)
		for _, inner := range k.Section.Keys {
			w.comment(indent+"    ", inner.Doc)
			w.line(indent+"    ", inner.Name+": "+sample(inner), true)
		}
	default:
		value, set := w.values[path]
		switch {
		case !set:
			value = sample(k)
		case k.Kind == spec.Texts:
			value = "[" + scalar(value) + "]"
		case k.Kind == spec.Text:
			value = scalar(value)
		case k.Kind == spec.TextMap:
			value = "{" + value + ": version}"
		}
		w.line(indent, k.Name+": "+value, off || !set)
	}
}

// entry writes one section of a list: what is set first, and for the first
// entry also what is not.
func (w *writer) entry(s *spec.Section, indent, path string, explained bool) {
	dash := "- "
	for _, k := range s.Keys {
		value, set := w.values[path+"."+k.Name]
		if !set {
			continue
		}
		if explained {
			w.comment(indent, k.Doc)
		}
		w.line(indent, dash+k.Name+": "+scalar(value), false)
		if dash == "- " {
			dash, indent = "", indent+"  "
		}
	}
	for _, k := range s.Keys {
		if _, set := w.values[path+"."+k.Name]; !set && explained {
			w.comment(indent, k.Doc)
			w.line(indent, k.Name+": "+sample(k), true)
		}
	}
}

// any tells whether a key below path is set.
func (w *writer) any(path string) bool {
	for p := range w.values {
		if strings.HasPrefix(p, path+".") || strings.HasPrefix(p, path+"[") {
			return true
		}
	}
	return false
}

func (w *writer) line(indent, text string, off bool) {
	if off {
		text = "#" + text
	}
	w.b.WriteString(indent + text + "\n")
}

// comment breaks a text into comment lines.
func (w *writer) comment(indent, text string) {
	line := indent + "#"
	for _, word := range strings.Fields(text) {
		if len([]rune(line))+1+len([]rune(word)) > width && line != indent+"#" {
			w.b.WriteString(line + "\n")
			line = indent + "#"
		}
		line += " " + word
	}
	w.b.WriteString(line + "\n")
}

// sample is the YAML that shows a key that is off: its default, else an
// example.
func sample(k spec.Key) string {
	values := k.Rule.Default
	switch {
	case k.Kind == spec.Boolean && values == nil:
		return "true"
	case k.Rule.Example != "":
		values = []string{k.Rule.Example}
	case values == nil && spec.Formats[k.Rule.Format].Example != "":
		values = []string{spec.Formats[k.Rule.Format].Example}
	case values == nil && len(k.Rule.Enum) > 0:
		values = k.Rule.Enum[:1]
	}
	if len(values) == 0 {
		return `""`
	}
	switch k.Kind {
	case spec.Texts:
		quoted := make([]string, len(values))
		for i, v := range values {
			quoted[i] = scalar(v)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case spec.TextMap:
		value := "2:10.0" // of the catalog attribute OSAttr
		if len(k.Rule.Enum) > 0 {
			value = k.Rule.Enum[0]
		}
		return "{" + scalar(values[0]) + ": " + scalar(value) + "}"
	case spec.Text:
		return scalar(values[0])
	}
	return values[0]
}

// scalar quotes a text where YAML needs it, also within [ ].
func scalar(s string) string {
	b, err := yaml.Marshal([]string{s})
	if err != nil {
		return fmt.Sprintf("%q", s)
	}
	text := strings.TrimSuffix(strings.TrimPrefix(string(b), "- "), "\n")
	if text == s && strings.ContainsAny(s, ",[]{}") || strings.Contains(text, "\n") {
		return fmt.Sprintf("%q", s)
	}
	return text
}
