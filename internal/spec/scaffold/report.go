package scaffold

import (
	"fmt"
	"slices"
	"strings"
)

// Report describes what Init found and where, for the console.
type Report struct {
	// Module as go.mod says.
	Module string
	// Programs and LeftOut are main packages with how they were chosen.
	Programs, LeftOut []string
	// Sources describe what was taken from where, one source an entry.
	Sources []string
	// Added are the lines that were added to .gitignore.
	Added []string
	// Missing are keys that nothing gave a value, with what needs them.
	Missing []string
	// Looks are things that the person should look at.
	Looks []string
}

func report(m *module, added []string) *Report {
	r := &Report{Module: m.path, Added: added, Looks: m.looks}
	for _, p := range m.programs {
		r.Programs = append(r.Programs, fmt.Sprintf("%s.exe from %s (%s)", p.name, p.dir, p.from))
	}
	for _, l := range m.left {
		r.LeftOut = append(r.LeftOut, fmt.Sprintf("%s (%s)", l.dir, l.why))
	}
	r.sources(m)
	if m.text("project.description") == "" {
		r.Missing = append(r.Missing, "project.description, which portal needs and Windows shows in consent prompts")
	}
	if m.repository == "" {
		r.Missing = append(r.Missing, "project.repository and project.url, where people find the source code and the product")
	}
	return r
}

// sources lists the keys by where they come from.
func (r *Report) sources(m *module) {
	keys := map[string][]string{}
	var order []string
	for _, path := range sorted(m.keys) {
		from := m.keys[path].from
		if from == "" {
			continue
		}
		if keys[from] == nil {
			order = append(order, from)
		}
		if strings.HasPrefix(path, "resources.manifest.") {
			path = "resources.manifest"
		}
		if !slices.Contains(keys[from], path) {
			keys[from] = append(keys[from], path)
		}
	}
	slices.Sort(order)
	for _, from := range order {
		r.Sources = append(r.Sources, from+": "+strings.Join(keys[from], ", "))
	}
}

// Lines are the report as it is printed.
func (r *Report) Lines() []string {
	var out []string
	for _, part := range []struct {
		title   string
		entries []string
	}{
		{"programs", r.Programs}, {"left out", shorter(r.LeftOut)}, {"taken from", r.Sources},
		{".gitignore", prefixed("added ", r.Added)}, {"missing", r.Missing}, {"look at", r.Looks},
	} {
		for i, entry := range part.entries {
			title := part.title
			if i > 0 {
				title = ""
			}
			out = append(out, fmt.Sprintf("  %-10s  %s", title, entry))
		}
	}
	return out
}

// maxShown is how many programs that were left out are named on the console.
const maxShown = 8

func shorter(list []string) []string {
	if len(list) <= maxShown+1 {
		return list
	}
	return append(slices.Clone(list[:maxShown]), fmt.Sprintf("and %d more", len(list)-maxShown))
}

func prefixed(prefix string, list []string) []string {
	if len(list) == 0 {
		return nil
	}
	return []string{prefix + strings.Join(list, " and ")}
}
