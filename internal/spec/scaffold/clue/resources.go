package clue

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Resources is what a project says about the Windows resources of a program.
type Resources struct {
	// From names the file, relative to the project, with slashes.
	From string
	About
	Trademarks, Comments string
	// Icon and ManifestFile are paths relative to the project, or empty.
	Icon, ManifestFile string
	// Manifest is nil when the file has none, or one in a file of its own.
	Manifest *Manifest
	// Notes describe what could not be taken over.
	Notes []string
}

// Manifest holds the settings of an application manifest, in the words of
// release.yaml.
type Manifest struct {
	ExecutionLevel, DPI, MinimumWindows       string
	UIAccess, LongPaths, UTF8, CommonControls bool
}

// WinRes reads a winres.json (https://github.com/tc-hib/go-winres). Only
// resource number 1 counts, since it is the one that Windows looks at. Errors
// are those of JSON.
func WinRes(from string, b []byte) (Resources, error) {
	var file map[string]map[string]map[string]json.RawMessage
	if err := json.Unmarshal(b, &file); err != nil {
		return Resources{}, err
	}
	out := Resources{From: from}
	for _, raw := range firstOf(file["RT_VERSION"]) {
		out.About, out.Trademarks, out.Comments = winresVersion(raw)
	}
	for _, raw := range firstOf(file["RT_MANIFEST"]) {
		out.winresManifest(raw)
	}
	for _, raw := range firstOf(file["RT_GROUP_ICON"]) {
		var name string
		var names []string
		if json.Unmarshal(raw, &name) != nil && json.Unmarshal(raw, &names) == nil && len(names) > 0 {
			// Several images are sizes of one icon: the last is the largest by
			// the habit of that program's own template.
			name = names[len(names)-1]
		}
		out.Icon = beside(from, name)
	}
	return out, nil
}

// firstOf is the entry of the first name and its first language, in a list of
// none or one.
func firstOf(byName map[string]map[string]json.RawMessage) []json.RawMessage {
	for _, name := range sorted(byName) {
		for _, language := range sorted(byName[name]) {
			return []json.RawMessage{byName[name][language]}
		}
	}
	return nil
}

func sorted[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func beside(from, name string) string {
	if name == "" {
		return ""
	}
	return path.Join(path.Dir(from), strings.ReplaceAll(name, `\`, "/"))
}

func winresVersion(raw json.RawMessage) (about About, trademarks, comments string) {
	var v struct {
		Info map[string]map[string]string `json:"info"`
	}
	if json.Unmarshal(raw, &v) != nil {
		return about, "", ""
	}
	languages := sorted(v.Info)
	if i := slices.Index(languages, "0409"); i > 0 { // English, if there is a choice
		languages[0] = languages[i]
	}
	if len(languages) == 0 {
		return about, "", ""
	}
	return VersionStrings(v.Info[languages[0]])
}

// VersionStrings takes the strings of version information by their names.
func VersionStrings(s map[string]string) (about About, trademarks, comments string) {
	get := func(key string) string { return strings.TrimSpace(s[key]) }
	return About{Company: get("CompanyName"), Title: get("ProductName"), Description: get("FileDescription"), Copyright: get("LegalCopyright")},
		get("LegalTrademarks"), get("Comments")
}

// Words of winres.json and what release.yaml calls them.
var (
	winresLevels = map[string]string{"": "asInvoker", "as invoker": "asInvoker", "highest": "highestAvailable", "highest available": "highestAvailable",
		"administrator": "requireAdministrator", "require administrator": "requireAdministrator", "asInvoker": "asInvoker"}
	winresWindows = map[string]string{"": "7", "vista": "vista", "win7": "7", "win8": "8", "win8.1": "8.1", "win10": "10"}
	winresDPI     = map[string]string{"": "system", "system": "system", "true": "system", "unaware": "unaware", "false": "unaware",
		"per monitor": "per-monitor", "permonitor": "per-monitor", "per monitor v2": "per-monitor-v2", "permonitorv2": "per-monitor-v2"}
)

func (out *Resources) winresManifest(raw json.RawMessage) {
	var file string
	if json.Unmarshal(raw, &file) == nil {
		out.ManifestFile = beside(out.From, file)
		return
	}
	var m map[string]any
	if json.Unmarshal(raw, &m) != nil {
		return
	}
	text := func(key string) string { s, _ := m[key].(string); return strings.ToLower(s) }
	on := func(key string) bool { b, _ := m[key].(bool); return b }
	level, ok1 := winresLevels[text("execution-level")]
	windows, ok2 := winresWindows[text("minimum-os")]
	dpi, ok3 := winresDPI[text("dpi-awareness")]
	if !ok1 || !ok2 || !ok3 {
		out.Notes = append(out.Notes, "its manifest has a value that is not known here")
		return
	}
	out.Manifest = &Manifest{ExecutionLevel: level, MinimumWindows: windows, DPI: dpi, UIAccess: on("ui-access"),
		LongPaths: on("long-path-aware"), CommonControls: on("use-common-controls-v6")}
	if text("description") != "" && out.Description == "" {
		out.Description, _ = m["description"].(string)
	}
	for _, key := range []string{"auto-elevate", "disable-theming", "disable-window-filtering", "high-resolution-scrolling-aware",
		"ultra-high-resolution-scrolling-aware", "printer-driver-isolation", "gdi-scaling", "segment-heap"} {
		if on(key) {
			out.Notes = append(out.Notes, fmt.Sprintf("%s in its manifest has no key in release.yaml; resources.manifest.file takes a whole manifest", key))
		}
	}
}

// VersionInfo reads a versioninfo.json
// (https://github.com/josephspurrier/goversioninfo). Errors are those of JSON.
func VersionInfo(from string, b []byte) (Resources, error) {
	var file struct {
		StringFileInfo         map[string]string
		IconPath, ManifestPath string
	}
	if err := json.Unmarshal(b, &file); err != nil {
		return Resources{}, err
	}
	out := Resources{From: from, Icon: beside(from, file.IconPath), ManifestFile: beside(from, file.ManifestPath)}
	out.About, out.Trademarks, out.Comments = VersionStrings(file.StringFileInfo)
	return out, nil
}
