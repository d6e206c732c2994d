package resources

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/saferwall/pe"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
)

// project is a release with one compiled program.
func project(t *testing.T) *step.Run {
	t.Helper()
	root := t.TempDir()
	l, err := ledger.Open(filepath.Join(root, step.LedgerPath))
	if err != nil {
		t.Fatal(err)
	}
	r := &step.Run{Root: root, Ledger: l, Spec: &spec.Spec{
		Project: spec.Project{Name: "my_app", Version: "1.4.2-rc.1", Title: "My app", Company: "Example Ltd"},
		Build: spec.Build{
			Builder: "go", Targets: []string{"windows/amd64"},
			Binaries: []spec.Binary{{ID: "app", Name: "app", Main: ".", Description: "The app itself"}},
		},
		Resources: &spec.Resources{
			Language: "en-US", Manifest: &spec.Manifest{},
			Translations: map[string]spec.Strings{"de-CH": {Product: "Meine App"}},
		},
	}}
	spec.Defaults(r.Spec)
	write(t, filepath.Join(root, step.BuildDir, "app_windows_amd64", "app.exe"), read(t, formatstest.GoProgram(t, "amd64")))
	if err := os.MkdirAll(filepath.Join(root, step.StageDir, "resources", "app_windows_amd64"), 0o755); err != nil {
		t.Fatal(err)
	}
	return r
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func unit(t *testing.T, r *step.Run) step.Unit {
	t.Helper()
	us, err := units(t.Context(), r)
	if err != nil || len(us) != 1 {
		t.Fatalf("got %d units, %v", len(us), err)
	}
	return us[0]
}

func TestStamp(t *testing.T) {
	r := project(t)
	u := unit(t, r)
	before := read(t, r.Abs(u.Inputs[0]))
	res, err := u.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if res.Facts["file_version"] != "1.4.2.0" || res.Note != "version 1.4.2.0, manifest" {
		t.Errorf("got %+v", res)
	}
	if !bytes.Equal(before, read(t, r.Abs(u.Inputs[0]))) {
		t.Error("the compiled program has changed")
	}
	f, err := pe.New(r.Abs(u.Outputs[0]), &pe.Options{DisableCertValidation: true})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Parse(); err != nil {
		t.Fatal(err)
	}
	got, err := f.ParseVersionResourcesForEntries()
	if err != nil || len(got) != 2 {
		t.Fatalf("got %d languages, %v", len(got), err)
	}
	var products []string
	for _, m := range got {
		products = append(products, m["ProductName"])
		for key, want := range map[string]string{
			"CompanyName": "Example Ltd", "FileDescription": "The app itself", "OriginalFilename": "app.exe", "InternalName": "app",
			"FileVersion": "1.4.2.0", "ProductVersion": "1.4.2-rc.1",
		} {
			if m[key] != want {
				t.Errorf("%s is %q, want %q", key, m[key], want)
			}
		}
	}
	if slices.Sort(products); !slices.Equal(products, []string{"Meine App", "My app"}) {
		t.Errorf("products are %q", products)
	}
	if !bytes.Contains(read(t, r.Abs(u.Outputs[0])), []byte(`name="my-app.app" version="1.4.2.0"`)) {
		t.Error("the manifest does not name the program")
	}
}

func TestFilesAreInputs(t *testing.T) {
	r := project(t)
	r.Spec.Resources.Icon = "res/app.png"
	r.Spec.Resources.Manifest = &spec.Manifest{File: "res/app.manifest"}
	if got := unit(t, r).Inputs; !slices.Equal(got[1:], []string{"res/app.png", "res/app.manifest"}) {
		t.Errorf("got %q", got)
	}
	r.Spec.Build.Binaries[0].Icon = "res/own.ico"
	if got := unit(t, r).Inputs; got[1] != "res/own.ico" {
		t.Errorf("the program's own icon is not used: %q", got)
	}
}

func TestOwnManifestAndIcon(t *testing.T) {
	r := project(t)
	r.Spec.Resources.Icon = "app.png"
	r.Spec.Resources.Manifest = &spec.Manifest{File: "app.manifest"}
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 32, 32))); err != nil {
		t.Fatal(err)
	}
	own := `<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0"><!-- own --></assembly>`
	write(t, r.Abs("app.png"), b.Bytes())
	write(t, r.Abs("app.manifest"), []byte(own))
	u := unit(t, r)
	res, err := u.Do(t.Context())
	if err != nil || !strings.HasSuffix(res.Note, "manifest, icon") {
		t.Fatalf("got %+v, %v", res, err)
	}
	if !bytes.Contains(read(t, r.Abs(u.Outputs[0])), []byte(own)) {
		t.Error("the manifest is not the given one")
	}
}

func TestEverythingWrongIsReported(t *testing.T) {
	r := project(t)
	r.Spec.Resources.FileVersion = "1.2.3.70000"
	r.Spec.Resources.Icon = "app.png"
	r.Spec.Resources.Manifest = &spec.Manifest{File: "app.manifest"}
	write(t, r.Abs("app.png"), []byte("no picture"))
	write(t, r.Abs("app.manifest"), []byte("<project/>"))
	u := unit(t, r)
	_, err := u.Do(t.Context())
	for _, want := range []string{"resources.file_version: part 4", "app.png: the icon is neither", "app.manifest: the manifest's root is project"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
	if fault.Status(err) != fault.Usage {
		t.Errorf("the status is %d, want %d", fault.Status(err), fault.Usage)
	}
	if _, err := os.Stat(r.Abs(u.Outputs[0])); err == nil {
		t.Error("something was written")
	}
}

func TestUnknownLanguages(t *testing.T) {
	r := project(t)
	r.Spec.Resources.Language = "de"
	r.Spec.Resources.Translations = map[string]spec.Strings{"xx-YY": {}}
	_, err := unit(t, r).Do(t.Context())
	for _, want := range []string{`language "de" has no identifier`, `resources.translations.xx-YY: unknown language tag "xx-YY"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
}

func TestSignedProgram(t *testing.T) {
	r := project(t)
	u := unit(t, r)
	pki := formatstest.NewPKI(t)
	write(t, r.Abs(u.Inputs[0]), read(t, formatstest.SignOssl(t, pki.Leaf, r.Abs(u.Inputs[0]))))
	if _, err := u.Do(t.Context()); err == nil || !strings.Contains(err.Error(), "hint: remove the signing from the build") {
		t.Errorf("got %v", err)
	}
}
