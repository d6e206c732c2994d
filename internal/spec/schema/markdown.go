package schema

import (
	"fmt"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/spec"
)

const preface = `# release.yaml

<!-- Generated from internal/spec/spec.go: go test ./internal/spec/schema -update -->

One file describes one release. ` + "`hallmark init`" + ` writes one for the module it stands in, ` + "`hallmark plan`" + ` says what it would do,
and ` + "`hallmark schema`" + ` prints its JSON Schema for editors; with yaml-language-server (VS Code and others) the first line

` + "```yaml" + `
# yaml-language-server: $schema=release.schema.json
` + "```" + `

gives completion and these descriptions after ` + "`hallmark schema > release.schema.json`" + `.

Reading is strict. Unknown keys, keys given twice, a second document, values of the wrong type and combinations that make no
sense are errors, all reported at once with line, field and a hint; nothing that is accepted is ignored. Nothing is expanded:
` + "`${VAR}`" + ` and ` + "`{{…}}`" + ` are errors. Secrets are referred to as ` + "`env:NAME`" + ` or ` + "`file:PATH`" + `, never written down. Texts have one line of
at most 1024 characters. Relative paths start at the project's folder, are written with slashes, and may not leave it, not even
through a link; an absolute path may. Aliases and merge keys work as YAML defines them. The file is UTF-8 and at most 1 MiB.

The time that a release writes instead of «now» is ` + "`SOURCE_DATE_EPOCH`" + ` if that is set, else the time of the commit on HEAD, else
1980-01-01T00:00:00Z; so the same sources give the same bytes.
`

// Markdown returns docs/spec.md: every section and key with its type, what it
// may hold, and its comment.
func Markdown() ([]byte, error) {
	root, err := spec.Describe()
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(preface)
	table(&b, "the file", "", root)
	return []byte(b.String()), nil
}

// table writes one section, then those below it.
func table(b *strings.Builder, title, path string, s *spec.Section) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| key | value | |\n| --- | --- | --- |\n", title, escape(s.Doc))
	for _, k := range s.Keys {
		required := ""
		if k.Rule.Required {
			required = ", required"
		}
		fmt.Fprintf(b, "| `%s` | %s%s | %s |\n", k.Name, value(k), required, escape(k.Doc))
	}
	for _, k := range s.Keys {
		if k.Section == nil {
			continue
		}
		inner := path + k.Name
		switch k.Kind {
		case spec.Groups:
			inner += "[]"
		case spec.GroupMap:
			inner += ".NAME"
		}
		table(b, "`"+inner+"`", inner+".", k.Section)
	}
}

// value describes what a key may hold.
func value(k spec.Key) string {
	r := k.Rule
	what := string(k.Kind)
	if len(r.Enum) > 0 {
		what = "one of `" + strings.Join(r.Enum, "`, `") + "`"
		if k.Kind == spec.Texts {
			what = "list of: `" + strings.Join(r.Enum, "`, `") + "`"
		}
		if k.Kind == spec.TextMap {
			what = "by name, " + what
		}
		if len(r.Enum) == 1 {
			what = "`" + r.Enum[0] + "`"
		}
	} else if r.Format != "" {
		want := spec.Formats[r.Format].Want
		if values := spec.Formats[r.Format].Values; values != nil {
			want += ": `" + strings.Join(values, "`, `") + "`"
		}
		what = want
		if k.Kind == spec.Texts {
			what = "list; each entry " + want
		}
	}
	switch {
	case r.Min != "" && r.Max != "":
		what += fmt.Sprintf(", %s to %s", r.Min, r.Max)
	case r.Min != "":
		what += ", at least " + r.Min
	}
	return escape(what)
}

// escape keeps a text within its table cell.
func escape(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
