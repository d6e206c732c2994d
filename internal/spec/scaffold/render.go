package scaffold

import (
	"fmt"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"gopkg.in/yaml.v3"
)

// width of the comments, in characters.
const width = 100

const fullPreface = `# What a release of %s consists of. Written by %s; %s follows it.
#
# Every key that exists is here with its explanation. Lines such as #key: value are off and
# show a default or an example; take the # away to set them. %s says what would run.
`

const shortPreface = `# What a release of %s consists of, written by %s.
# All keys, explained: %s. What would run: %s.
`

// writer puts the sections of the spec out as YAML.
type writer struct {
	b      strings.Builder
	full   bool // every key, with its explanation
	keys   map[string]finding
	off    map[string]finding // keys that the short file shows, but off
	groups map[string]int     // entries of the lists of sections, by path
	left   []leftOut
}

// render writes the release.yaml of a module: what is set, with a word on what
// was made up, or, in full, every key that exists.
func render(m *module, full bool) ([]byte, error) {
	root, err := spec.Describe()
	if err != nil {
		return nil, err
	}
	w := &writer{full: full, keys: m.binaries(), off: m.commented, groups: map[string]int{"build.binaries": len(m.programs)}, left: m.left}
	if full {
		fmt.Fprintf(&w.b, fullPreface, m.path, command.Line("init"), command.Line("release"), command.Line("plan"))
	} else {
		fmt.Fprintf(&w.b, shortPreface, m.path, command.Line("init"), command.Line("init -full -force"), command.Line("plan"))
	}
	after := false // a block
	for _, k := range root.Keys {
		if full || after && w.shows(k) || w.block(k) {
			w.b.WriteByte('\n')
		}
		w.key(k, "", k.Name, false)
		after = after && !w.shows(k) || w.block(k)
	}
	return []byte(w.b.String()), nil
}

// binaries are the keys of the module together with those of its programs.
func (m *module) binaries() map[string]finding {
	keys := map[string]finding{}
	for path, f := range m.keys {
		keys[path] = f
	}
	for i, p := range m.programs {
		at := fmt.Sprintf("build.binaries[%d].", i)
		keys[at+"main"], keys[at+"name"] = finding{value: p.dir}, finding{value: p.name}
		if p.said.GUI {
			keys[at+"gui"] = finding{value: true}
		}
		if p.description != "" {
			keys[at+"description"] = finding{value: p.description}
		}
		if p.icon != "" {
			keys[at+"icon"] = finding{value: p.icon}
		}
	}
	return keys
}

// key writes one key, in full with its explanation. off makes commented-out
// lines of it.
func (w *writer) key(k spec.Key, indent, path string, off bool) {
	f, set := w.keys[path]
	if !w.full && !set && !w.any(path) {
		if hint, ok := w.off[path]; ok {
			w.line(indent, k.Name+": "+empty(k), hint.note, true)
		}
		return
	}
	if w.full {
		w.comment(indent, k.Doc)
		if note := first(f.note, w.off[path].note); note != "" {
			w.comment(indent, strings.ToUpper(note[:1])+note[1:]+".")
		}
	}
	note := f.note
	if w.full {
		note = ""
	}
	switch k.Kind {
	case spec.Group:
		off = off || !w.any(path)
		if !w.full && !w.block(k) {
			w.oneLine(k, indent, path)
			return
		}
		w.line(indent, k.Name+":", note, off)
		for _, inner := range k.Section.Keys {
			w.key(inner, indent+"  ", path+"."+inner.Name, off)
		}
	case spec.Groups:
		w.line(indent, k.Name+":", note, off || w.groups[path] == 0)
		for i := range w.groups[path] {
			w.entry(k.Section, indent+"  ", fmt.Sprintf("%s[%d]", path, i), i == 0)
		}
		if path == "build.binaries" {
			w.others(indent + "  ")
		}
	case spec.GroupMap:
		w.line(indent, k.Name+":", "", true)
		w.line(indent+"  ", k.Rule.Example+":", "", true)
		for _, inner := range k.Section.Keys {
			w.comment(indent+"    ", inner.Doc)
			w.line(indent+"    ", inner.Name+": "+sample(inner), "", true)
		}
	default:
		if texts, ok := f.value.(map[string]string); ok {
			w.line(indent, k.Name+":", note, off)
			for _, name := range sorted(texts) {
				w.line(indent+"  ", scalar(name)+": "+scalar(texts[name]), "", off)
			}
			return
		}
		value := sample(k)
		if set {
			value = yamlOf(f.value, k.Kind)
		}
		w.line(indent, k.Name+": "+value, note, off || !set)
	}
}

// shows reports whether the short file has a line for a section.
func (w *writer) shows(k spec.Key) bool {
	_, off := w.off[k.Name]
	_, set := w.keys[k.Name]
	return off || set || w.any(k.Name)
}

// block reports whether a section gets lines of its own in the short file; the
// others are written on one line.
func (w *writer) block(k spec.Key) bool {
	return k.Name == "project" || k.Name == "build" || k.Name == "resources"
}

// oneLine writes a section on one line, with the note of its only key.
func (w *writer) oneLine(k spec.Key, indent, path string) {
	note := ""
	for _, inner := range k.Section.Keys {
		note = first(note, w.keys[path+"."+inner.Name].note)
	}
	w.line(indent, k.Name+": "+w.flow(k.Section, path), note, false)
}

// flow writes what is set of a section in one line.
func (w *writer) flow(s *spec.Section, path string) string {
	var parts []string
	for _, k := range s.Keys {
		if f, ok := w.keys[path+"."+k.Name]; ok {
			parts = append(parts, k.Name+": "+yamlOf(f.value, k.Kind))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// entry writes one section of a list: in short on one line; in full what is
// set first, and for the first entry also what is not.
func (w *writer) entry(s *spec.Section, indent, path string, explained bool) {
	if !w.full {
		w.line(indent, "- "+w.flow(s, path), "", false)
		return
	}
	dash := "- "
	for _, k := range s.Keys {
		f, set := w.keys[path+"."+k.Name]
		if !set {
			continue
		}
		if explained {
			w.comment(indent, k.Doc)
		}
		w.line(indent, dash+k.Name+": "+yamlOf(f.value, k.Kind), "", false)
		if dash == "- " {
			dash, indent = "", indent+"  "
		}
	}
	for _, k := range s.Keys {
		if _, set := w.keys[path+"."+k.Name]; !set && explained {
			w.comment(indent, k.Doc)
			w.line(indent, k.Name+": "+sample(k), "", true)
		}
	}
}

// maxPrograms is how many programs get a line of their own together with those
// that were left out, as far as the former leave room.
const maxPrograms = 9

// others writes the programs that were left out, ready to be taken in.
func (w *writer) others(indent string) {
	most := max(1, maxPrograms-w.groups["build.binaries"])
	if w.full {
		most = len(w.left)
	}
	for i, l := range w.left {
		if i == most && len(w.left) > most+1 {
			w.line(indent, fmt.Sprintf("and %d more main packages", len(w.left)-i), "", true)
			return
		}
		w.line(indent, fmt.Sprintf("- {main: %s, name: %s}", scalar(l.dir), scalar(l.name)), l.why, true)
	}
}

// any reports whether a key below path is set.
func (w *writer) any(path string) bool {
	for p := range w.keys {
		if strings.HasPrefix(p, path+".") || strings.HasPrefix(p, path+"[") {
			return true
		}
	}
	return false
}

// line writes a line, with a note as comment after it.
func (w *writer) line(indent, text, note string, off bool) {
	if off {
		text = "#" + text
	}
	w.b.WriteString(indent + text)
	if note != "" {
		w.b.WriteString("  # " + note)
	}
	w.b.WriteByte('\n')
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

// empty is the least that a key can be set to.
func empty(k spec.Key) string {
	if k.Kind == spec.Group {
		return "{}"
	}
	return sample(k)
}

// yamlOf writes a value.
func yamlOf(value any, kind spec.Kind) string {
	switch v := value.(type) {
	case bool:
		return fmt.Sprint(v)
	case []string:
		quoted := make([]string, len(v))
		for i, one := range v {
			quoted[i] = scalar(one)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case string:
		if kind == spec.Text {
			return scalar(v)
		}
		return v
	}
	return fmt.Sprint(value)
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
		return yamlOf(values, k.Kind)
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
