package scaffold

import (
	"bytes"
	"image/png"
	"path"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/peimage/resource"
	"github.com/hallmark-dev/hallmark/internal/spec/scaffold/clue"
	"github.com/hallmark-dev/hallmark/internal/winresource"
)

// resources takes what the project says about version information, manifest
// and icon of its programs. Texts of the first program stand for the product,
// those of the others for themselves.
func (m *module) resources(p project) {
	icons := make([]finding, len(m.programs))
	var manifest *clue.Manifest
	manifestFrom, manifestFile, linked := "", "", ""
	for i := range m.programs {
		one := &m.programs[i]
		for _, r := range m.said(p, *one) {
			m.product(r)
			if i > 0 && r.Description != "" && line(r.Description) != m.text("project.description") {
				one.description = line(r.Description)
			}
			if icons[i].from == "" {
				if icon := m.icon(p, r); icon != "" {
					icons[i] = finding{value: icon, from: r.From}
				}
			}
			if manifest == nil && manifestFile == "" {
				manifest, manifestFrom = r.Manifest, r.From
				manifestFile = m.manifestFile(p, r)
			}
			for _, n := range r.Notes {
				m.look("%s: %s", r.From, n)
			}
		}
		if file := m.object(p, *one, i == 0); file != "" {
			linked = file
		}
	}
	m.icons(icons)
	switch {
	case linked != "":
		m.look("%s has an application manifest, which stays; resources.manifest would replace it", linked)
		m.set("resources.language", finding{value: "en-US"})
	case manifestFile != "":
		m.set("resources.manifest.file", finding{value: manifestFile, from: manifestFrom})
	case manifest != nil:
		m.manifest(manifest, manifestFrom)
	default:
		m.set("resources.manifest.execution_level", finding{value: "asInvoker"})
	}
}

// said are the resource files of one program: beside its package, or at the
// root for the program of the product's name or the only one.
func (m *module) said(p project, one program) []clue.Resources {
	var out []clue.Resources
	dirs := []string{strings.TrimPrefix(one.dir, "./")}
	if len(m.programs) == 1 || strings.EqualFold(one.name, m.name) {
		dirs = append(dirs, ".")
	}
	for _, dir := range slices.Compact(dirs) { // the program's own first
		for _, name := range []string{"winres/winres.json", "winres.json", "versioninfo.json", "goversioninfo.json"} {
			at, parse := path.Join(dir, name), clue.VersionInfo
			if strings.HasSuffix(name, "winres.json") {
				parse = clue.WinRes
			}
			b := p.read(at)
			if b == nil {
				continue
			}
			r, err := parse(at, bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")))
			if err != nil {
				m.look("%s cannot be read and was left out: %v", at, err)
				continue
			}
			out = append(out, r)
		}
	}
	return out
}

// product takes the texts of a resource file.
func (m *module) product(r clue.Resources) {
	m.set("project.company", finding{value: line(r.Company), from: r.From})
	m.title(r.Title, r.From)
	m.description(r.Description, r.From)
	m.set("project.copyright", finding{value: line(r.Copyright), from: r.From})
	m.set("resources.trademarks", finding{value: line(r.Trademarks), from: r.From})
	m.set("resources.comments", finding{value: line(r.Comments), from: r.From})
}

// icon is the path of an icon that the spec takes, or "".
func (m *module) icon(p project, r clue.Resources) string {
	if r.Icon == "" {
		return ""
	}
	b := p.read(r.Icon)
	switch ext := strings.ToLower(path.Ext(r.Icon)); {
	case b == nil || strings.HasPrefix(r.Icon, ".."):
		m.look("%s names the icon %s, which is not there", r.From, r.Icon)
	case ext == ".ico":
		return r.Icon
	case ext == ".png":
		if c, err := png.DecodeConfig(bytes.NewReader(b)); err == nil && c.Width == c.Height && c.Width >= 16 {
			return r.Icon
		}
		m.look("%s names the icon %s, which is not a square picture", r.From, r.Icon)
	default:
		m.look("%s names the icon %s, which is neither .ico nor .png", r.From, r.Icon)
	}
	return ""
}

// icons sets one icon for all, or that of each program.
func (m *module) icons(icons []finding) {
	same := true
	for _, icon := range icons {
		same = same && icon.value == icons[0].value
	}
	if same && icons[0].from != "" {
		m.set("resources.icon", icons[0])
		return
	}
	for i, icon := range icons {
		m.programs[i].icon, _ = icon.value.(string)
	}
}

func (m *module) manifestFile(p project, r clue.Resources) string {
	if r.ManifestFile == "" {
		return ""
	}
	b := p.read(r.ManifestFile)
	if b == nil || strings.HasPrefix(r.ManifestFile, "..") {
		m.look("%s names the manifest %s, which is not there", r.From, r.ManifestFile)
		return ""
	}
	if _, err := winresource.ReadManifest(b); err != nil {
		m.look("%s: %v", r.ManifestFile, err)
		return ""
	}
	return r.ManifestFile
}

// manifest writes what the project asks for, as far as it is not the default.
func (m *module) manifest(c *clue.Manifest, from string) {
	const at = "resources.manifest."
	m.set(at+"execution_level", finding{value: c.ExecutionLevel, from: from})
	if c.UIAccess {
		m.set(at+"ui_access", finding{value: true, from: from})
	}
	if !c.LongPaths {
		m.set(at+"long_paths", finding{value: false, from: from})
	}
	if !c.UTF8 {
		m.set(at+"utf8", finding{value: false, from: from})
	}
	if c.DPI != "per-monitor-v2" {
		m.set(at+"dpi", finding{value: c.DPI, from: from})
	}
	if c.CommonControls {
		m.set(at+"common_controls", finding{value: true, from: from})
	}
	if c.MinimumWindows != "10" {
		m.set(at+"minimum_windows", finding{value: c.MinimumWindows, from: from})
	}
}

// object reads the .syso files beside a program, which Go links in whatever
// the spec says. It returns the name of one with a manifest.
func (m *module) object(p project, one program, isFirst bool) string {
	dir := strings.TrimPrefix(one.dir, "./")
	withManifest := ""
	for _, name := range p.glob(path.Join(dir, "*.syso")) {
		if other := strings.TrimSuffix(name, ".syso"); strings.HasSuffix(other, "_linux") || strings.HasSuffix(other, "_darwin") {
			continue
		}
		list, err := winresource.ReadObject(p.read(name))
		if err != nil {
			m.look("%s cannot be read: %v", name, err)
			continue
		}
		for _, r := range list {
			switch {
			case r.ID == 1 && r.Type == winresource.TypeManifest:
				withManifest = name
			case r.ID == 1 && r.Type == winresource.TypeVersion && isFirst:
				if v, err := resource.ParseVersion(r.Data); err == nil {
					about, trademarks, comments := clue.VersionStrings(v.Strings(r.Language))
					m.product(clue.Resources{From: name, About: about, Trademarks: trademarks, Comments: comments})
				}
			}
		}
	}
	return withManifest
}
