package schema_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/spec/schema"
	"github.com/hallmark-dev/hallmark/internal/spec/spectest"
	"gopkg.in/yaml.v3"
)

var update = flag.Bool("update", false, "write docs/spec.md and the golden files")

// TestIndependentValidator holds the schema against every case that Load is
// held against, with a validator we did not write. The schema must refuse all
// that it can express, and nothing that Load accepts.
func TestIndependentValidator(t *testing.T) {
	cases := spectest.Cases(t)
	verdicts := validate(t, cases)
	for i, c := range cases {
		if verdicts[i] == "?" {
			continue // not a JSON value, such as a key given twice
		}
		if refused := verdicts[i] != "ok"; refused != (c.Verdict == spectest.ByBothSides) {
			t.Errorf("%s: must be %s; the schema says %s\n%s", c.Name, c.Verdict, verdicts[i], c.YAML)
		}
	}
}

// program judges JSON instances with Python's jsonschema, which is not ours.
const program = `
import json, sys
from jsonschema import Draft202012Validator
schema = json.load(open(sys.argv[1], encoding="utf-8"))
Draft202012Validator.check_schema(schema)
v = Draft202012Validator(schema)
out = []
for i in json.load(open(sys.argv[2], encoding="utf-8")):
    errors = [e.json_path + ": " + e.message for e in v.iter_errors(i)]
    out.append("; ".join(errors) or "ok")
json.dump(out, sys.stdout)
`

func validate(t *testing.T, cases []spectest.Case) []string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err == nil {
		err = exec.Command(python, "-c", "from jsonschema import Draft202012Validator").Run()
	}
	if err != nil {
		absent(t, "Python's jsonschema is not installed: pip install jsonschema")
	}
	instances := make([]any, len(cases))
	for i, c := range cases {
		instances[i] = instance(c.YAML)
	}
	verdicts := judge(t, t.TempDir(), []string{python, "judge.py"}, []byte(program), instances)
	for i := range verdicts {
		if instances[i] == nil {
			verdicts[i] = "?"
		}
	}
	return verdicts
}

// judge runs a script in dir on the schema and a list of instances, and
// returns the list of texts that it prints.
func judge(t *testing.T, dir string, command []string, script []byte, instances any) []string {
	t.Helper()
	b, err := json.Marshal(instances)
	if err != nil {
		t.Fatal(err)
	}
	s, err := schema.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{command[1]: script, "schema.json": s, "instances.json": b} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var stderr bytes.Buffer
	cmd := exec.Command(command[0], append(command[1:], "schema.json", "instances.json")...)
	cmd.Dir, cmd.Stderr = dir, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var verdicts []string
	if err := json.Unmarshal(out, &verdicts); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return verdicts
}

// absent skips, or fails where every tool must be there.
func absent(t *testing.T, message string) {
	t.Helper()
	if os.Getenv("HALLMARK_REQUIRE_TOOLS") == "1" {
		t.Fatal(message)
	}
	t.Skip(message)
}

// instance reads YAML as editors do (YAML 1.2): times are texts. What JSON
// cannot hold is nil.
func instance(text string) any {
	var n yaml.Node
	if yaml.Unmarshal([]byte(text), &n) != nil {
		return nil
	}
	timesAreTexts(&n)
	var v any
	if n.Decode(&v) != nil {
		return nil
	}
	if _, err := json.Marshal(v); err != nil {
		return nil
	}
	return v
}

func timesAreTexts(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, c := range n.Content {
		timesAreTexts(c)
	}
}

// languageServer is what VS Code's YAML extension and most other editors run.
const languageServer = "yaml-language-server@1.25.0"

// TestEditors holds the schema against every case with yaml-language-server,
// which must also show the comments.
func TestEditors(t *testing.T) {
	formatstest.Network(t, "fetches yaml-language-server from the npm registry")
	npm, err := exec.LookPath("npm")
	if err != nil {
		absent(t, "npm is not installed: install Node.js")
	}
	dir := t.TempDir()
	install := exec.Command(npm, "install", "--no-audit", "--no-fund", "--prefer-offline", "--prefix", dir, languageServer)
	if out, err := install.CombinedOutput(); err != nil {
		absent(t, "yaml-language-server cannot be fetched: "+string(out))
	}
	cases := spectest.Cases(t)
	var texts []string
	for _, c := range cases {
		texts = append(texts, c.YAML)
	}
	script, err := os.ReadFile("testdata/editor.js")
	if err != nil {
		t.Fatal(err)
	}
	verdicts := judge(t, dir, []string{"node", "editor.js"}, script, texts)
	for i, c := range cases {
		// A key given twice is no YAML to an editor.
		refused := verdicts[i] != "ok" && !strings.Contains(verdicts[i], "must be unique") && !strings.Contains(verdicts[i], "Unresolved ")
		if refused != (c.Verdict == spectest.ByBothSides) {
			t.Errorf("%s: must be %s; the editor says %s\n%s", c.Name, c.Verdict, verdicts[i], c.YAML)
		}
	}
	if hover := verdicts[len(cases)]; !strings.Contains(hover, "identity that signs: test, pkcs12:FILE") {
		t.Errorf("the editor shows %q beside sign.identity", hover)
	}
	if offers := verdicts[len(cases)+1]; !strings.Contains(offers, "password digest description url page_hashes") {
		t.Errorf("the editor offers %q below sign", offers)
	}
}

// TestDocs fails when docs/spec.md differs from the types.
func TestDocs(t *testing.T) {
	got, err := schema.Markdown()
	if err != nil {
		t.Fatal(err)
	}
	const file = "../../../docs/spec.md"
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Errorf("%s is stale: go test ./internal/spec/schema -update", file)
	}
}

// TestEveryKeyIsExplained: what editors and docs show comes from comments; a
// key must describe what it is, and name the default that the tag gives it.
func TestEveryKeyIsExplained(t *testing.T) {
	s, err := schema.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var root struct {
		Properties map[string]any
		Defs       map[string]struct {
			Description string
			Properties  map[string]struct {
				Description string
				Default     any
			}
		} `json:"$defs"`
	}
	if err := json.Unmarshal(s, &root); err != nil {
		t.Fatal(err)
	}
	if len(root.Properties) != 11 || len(root.Defs) != 13 {
		t.Errorf("%d sections and %d definitions", len(root.Properties), len(root.Defs))
	}
	for name, d := range root.Defs {
		if d.Description == "" {
			t.Errorf("%s has no description", name)
		}
		for key, p := range d.Properties {
			if len(p.Description) < len(key)+8 || !strings.HasSuffix(p.Description, ".") {
				t.Errorf("%s.%s: %q does not explain it", name, key, p.Description)
			}
			if p.Default != nil && !strings.Contains(p.Description, "Default: ") {
				t.Errorf("%s.%s: the description does not name the default %v", name, key, p.Default)
			}
		}
	}
}
