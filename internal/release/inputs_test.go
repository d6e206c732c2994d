package release

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/formats/cipolicy/rules"
	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/pipeline"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/spec/spectest"
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/templates"
)

// whole is a spec in which every step is on but crosscert.
const whole = `version: 1
project: {name: app, version: 1.4.2, company: Example Ltd, description: Does things}
build: {binaries: [{main: ./cmd/app}, {main: ./cmd/tool, id: tool, name: tool}]}
resources: {description: App}
sign: {identity: 'pkcs12:code.pfx'}
timestamp: {servers: ['http://localhost/']}
verify: {require_timestamp: true}
catalog: {}
wdac: {}
portal: {}
`

// beside is what a path needs beside itself, and what it replaces: YAML that is
// laid over whole.
var beside = map[string]string{
	"build.config":        "build: {builder: goreleaser, binaries: null}",
	"verify.crls":         "verify: {revocation: files}",
	"verify.ocsp":         "verify: {revocation: files}",
	"wdac.template_file":  "wdac: {template: null}",
	"wdac.history":        "wdac: {keep_releases: 2}",
	"build.binaries.icon": "build: {binaries: [{main: ./cmd/app}]}",
}

// judges are the steps that judge signatures and so read what the section verify
// names.
var judges = map[string][]string{
	"verify.roots":           {"verify", "catalog"},
	"verify.timestamp_roots": {"verify", "catalog"},
	"verify.crls":            {"verify", "catalog"},
	"verify.ocsp":            {"verify", "catalog"},
	"sign.chain":             {"sign", "catalog"},
}

// TestEveryPathIsAnInput: a file that a setting names decides the result, so an
// edit of it has to run a unit again. Every key of the spec with the format of a
// path has to be among the inputs of some unit.
func TestEveryPathIsAnInput(t *testing.T) {
	root := spectest.Project(t)
	policy := rules.NewPolicy(cipolicy.LockdownPolicy).XML()
	top, err := spec.Describe()
	if err != nil {
		t.Fatal(err)
	}
	keys := pathsOf(top, "", nil)
	if len(keys) < 10 {
		t.Fatalf("only %d keys name files: %q", len(keys), keys)
	}
	for _, key := range keys {
		t.Run(key, func(t *testing.T) {
			name := "named/" + key + extension(key)
			if key == "wdac.history" {
				testHistory(t, root, overlaid(t, key, name), name)
				return
			}
			put(t, root, name, policy)
			readers := readersOf(t, root, overlaid(t, key, name), name)
			if len(readers) == 0 {
				t.Errorf("%s is not an input of any unit", name)
			}
			for _, want := range judges[key] {
				if readers[want] == 0 {
					t.Errorf("%s is not an input of step %s", name, want)
				}
			}
		})
	}
}

// testHistory: the step writes the history itself, so the file cannot be an
// input. What it takes from it is among the settings of its unit.
func testHistory(t *testing.T, root string, release []byte, file string) {
	config := func(text string) string {
		put(t, root, file, []byte(text))
		b, err := json.Marshal(unitsOf(t, root, release)["wdac"][0].Config)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	none := config(`{"schema": 1, "product": "app", "releases": []}`)
	if one := config(`{"schema": 1, "product": "app", "releases": [{"version": "1.0.0", "policy_version": "1.0.0.0", "files": []}]}`); one == none {
		t.Errorf("another %s is not seen", file)
	}
}

// TestIdentityFilesAreInputs: the short form of an identity names files, too.
func TestIdentityFilesAreInputs(t *testing.T) {
	root := spectest.Project(t)
	for form, want := range map[string][]string{
		"pkcs12:code.pfx":                           {"code.pfx"},
		"pem:certs/k.key,c.pem":                     {"certs/k.key", "c.pem"},
		"exec:signer --key 1":                       {},
		"pkcs11:token=t;object=o?module-path=/m.so": {},
	} {
		doc := tree(t, whole)
		overlay(doc, tree(t, "sign: {identity: '"+form+"'}\nwdac: {sign: true}"))
		b, err := yaml.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range want {
			put(t, root, f, []byte("file"))
		}
		for _, f := range want {
			readers := readersOf(t, root, b, f)
			if readers["sign"] != 4 || readers["catalog"] != 1 || readers["wdac"] != 1 {
				t.Errorf("%s: units that have %s as an input: %v", form, f, readers)
			}
		}
	}
}

func extension(key string) string {
	switch {
	case strings.HasSuffix(key, "icon"):
		return ".ico"
	case strings.HasPrefix(key, "build"):
		return ".yaml"
	}
	return ".xml"
}

func put(t *testing.T, root, name string, b []byte) {
	t.Helper()
	full := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// pathsOf lists the keys whose values, or whose entries, are paths.
func pathsOf(s *spec.Section, prefix string, list []string) []string {
	for _, k := range s.Keys {
		name := strings.TrimPrefix(prefix+"."+k.Name, ".")
		if k.Rule.Format == "path" {
			list = append(list, name)
		}
		if k.Section != nil {
			list = pathsOf(k.Section, name, list)
		}
	}
	return list
}

// overlaid is whole with key set to the file name.
func overlaid(t *testing.T, key, file string) []byte {
	t.Helper()
	doc := tree(t, whole)
	overlay(doc, tree(t, beside[key]))
	top, err := spec.Describe()
	if err != nil {
		t.Fatal(err)
	}
	set(t, doc, top, strings.Split(key, "."), file)
	b, err := yaml.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func tree(t *testing.T, text string) map[string]any {
	t.Helper()
	doc := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// overlay lays the keys of b over a; null takes one out.
func overlay(a, b map[string]any) {
	for k, v := range b {
		inner, ok := v.(map[string]any)
		old, both := a[k].(map[string]any)
		switch {
		case v == nil:
			delete(a, k)
		case ok && both:
			overlay(old, inner)
		default:
			a[k] = v
		}
	}
}

// set sets the key in the first entry of each list on the way.
func set(t *testing.T, at map[string]any, s *spec.Section, key []string, file string) {
	t.Helper()
	i := slices.IndexFunc(s.Keys, func(k spec.Key) bool { return k.Name == key[0] })
	k := s.Keys[i]
	switch k.Kind {
	case spec.Text:
		at[k.Name] = file
	case spec.Texts:
		at[k.Name] = []any{file}
	case spec.Group:
		inner, _ := at[k.Name].(map[string]any)
		if inner == nil {
			inner = map[string]any{}
			at[k.Name] = inner
		}
		set(t, inner, k.Section, key[1:], file)
	case spec.Groups:
		list, _ := at[k.Name].([]any)
		if len(list) == 0 {
			list = []any{map[string]any{}}
			at[k.Name] = list
		}
		set(t, list[0].(map[string]any), k.Section, key[1:], file)
	default:
		t.Fatalf("%s is a %s: teach this test to set a path in one", k.Name, k.Kind)
	}
}

// readersOf counts, by step, the units that have the file as an input.
func readersOf(t *testing.T, root string, release []byte, file string) map[string]int {
	t.Helper()
	readers := map[string]int{}
	for name, units := range unitsOf(t, root, release) {
		for _, u := range units {
			if slices.Contains(u.Inputs, file) {
				readers[name]++
			}
		}
	}
	return readers
}

// unitsOf lists the units of a release, by step.
func unitsOf(t *testing.T, root string, release []byte) map[string][]step.Unit {
	t.Helper()
	s, err := spec.Parse("release.yaml", release, spec.Env{Root: root})
	if err != nil {
		t.Fatalf("%v\n%s", err, release)
	}
	l, err := ledger.Open(filepath.Join(t.TempDir(), "release.json"))
	if err != nil {
		t.Fatal(err)
	}
	l.SetArtifacts([]ledger.Artifact{{ID: "app", Name: "app.exe", GOOS: "windows", GOARCH: "amd64"}, {ID: "tool", Name: "tool.exe", GOOS: "windows", GOARCH: "amd64"}})
	r := &step.Run{
		Spec: s, Root: root, Ledger: l, Now: time.Now, Templates: templates.FS, Console: console.Discard(),
		Toolchain: func(context.Context) (*builder.Toolchain, error) { return &builder.Toolchain{}, nil },
	}
	all := map[string][]step.Unit{}
	for _, st := range pipeline.Steps() {
		if !st.Enabled(s) {
			continue
		}
		units, err := st.Units(t.Context(), r)
		if err != nil {
			t.Fatalf("%s: %v", st.Name, err)
		}
		all[st.Name] = units
	}
	return all
}
