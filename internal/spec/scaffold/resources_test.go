package scaffold

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tc-hib/winres"
	"github.com/tc-hib/winres/version"
)

// object makes a .syso file with version information, and a manifest if it is
// not empty.
func object(t *testing.T, manifest string) string {
	t.Helper()
	rs := &winres.ResourceSet{}
	info := version.Info{}
	for key, value := range map[string]string{version.CompanyName: "Acme Ltd", version.ProductName: "The Tray", version.FileDescription: "Shows things in the tray", version.LegalCopyright: "© Acme"} {
		if err := info.Set(0x0409, key, value); err != nil {
			t.Fatal(err)
		}
	}
	rs.SetVersionInfo(info)
	if manifest != "" {
		if err := rs.Set(winres.RT_MANIFEST, winres.ID(1), 0x0409, []byte(manifest)); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := rs.WriteObject(&b, winres.ArchAMD64); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestObjects: a manifest in a .syso file stays, with a note; its texts are
// taken over in any case.
func TestObjects(t *testing.T) {
	const own = `<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0"/>`
	for name, c := range map[string]struct {
		object, winres string
		manifest       bool   // the spec gets one
		look           string // what the report says
	}{
		"with a manifest":               {object(t, own), "", false, "rsrc_windows_amd64.syso has an application manifest, which stays"},
		"with a manifest of winres":     {object(t, own), `{"RT_MANIFEST": {"#1": {"0409": {"execution-level": "highest"}}}}`, false, "which stays"},
		"without a manifest":            {object(t, ""), "", true, ""},
		"with one that is not readable": {"nonsense", "", true, "rsrc_windows_amd64.syso cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"go.mod": "module example.com/tray\n", "main.go": code, "rsrc_windows_amd64.syso": c.object, "other_linux.syso": "nonsense"}
			if c.winres != "" {
				files["winres/winres.json"] = c.winres
			}
			root := tree(t, files)
			m, err := inspect(root, repository{})
			if err != nil {
				t.Fatal(err)
			}
			loads(t, root, m, repository{})
			_, hasManifest := m.keys["resources.manifest.execution_level"]
			if hasManifest != c.manifest || !strings.Contains(strings.Join(m.looks, "\n"), c.look) {
				t.Errorf("a manifest is set: %v; looks %q", hasManifest, m.looks)
			}
			want := "Acme Ltd, The Tray, Shows things in the tray, © Acme"
			if c.object == "nonsense" {
				want = "example.com, , , "
			}
			got := strings.Join([]string{m.text("project.company"), m.text("project.title"), m.text("project.description"), m.text("project.copyright")}, ", ")
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// TestSeveralPrograms: texts and icons of the second program are its own.
func TestSeveralPrograms(t *testing.T) {
	root := tree(t, map[string]string{
		"go.mod": "module example.com/suite\n", "cmd/a/main.go": code, "cmd/b/main.go": code,
		"cmd/a/versioninfo.json": `{"StringFileInfo": {"FileDescription": "Does the first thing", "CompanyName": "Acme"}, "IconPath": "a.ico"}`, "cmd/a/a.ico": "x",
		"cmd/b/versioninfo.json": `{"StringFileInfo": {"FileDescription": "Does the second thing", "CompanyName": "Acme"}, "IconPath": "b.ico", "ManifestPath": "b.manifest"}`, "cmd/b/b.ico": "y",
		"cmd/b/b.manifest": `<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0"/>`,
	})
	m, err := inspect(root, repository{})
	if err != nil {
		t.Fatal(err)
	}
	loads(t, root, m, repository{})
	b, err := render(m, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"{main: ./cmd/a, name: a, icon: cmd/a/a.ico}", "{main: ./cmd/b, name: b, description: Does the second thing, icon: cmd/b/b.ico}", "manifest: {file: cmd/b/b.manifest}"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%q is missing in\n%s", want, b)
		}
	}
}
