package policy

import (
	"crypto/sha1"
	"crypto/sha256"
	"reflect"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/formats/cipolicy/rules"
	"github.com/hallmark-dev/hallmark/templates"
)

func template(t *testing.T, name string) []byte {
	t.Helper()
	b, err := templates.FS.ReadFile("wdac/" + name + ".xml")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func file(path string) rules.File {
	a, b := sha1.Sum([]byte(path)), sha256.Sum256([]byte(path))
	return rules.File{Path: path, PE: true, SHA1: a[:], SHA256: b[:], OriginalFilename: path, FileVersion: "1.2.3.0"}
}

func input(t *testing.T, name string) Input {
	return Input{Company: "Example Ltd", Product: "app", Version: "1.2.3", Name: "App", Kind: name, Template: template(t, name),
		BasePolicyID: cipolicy.SinglePolicyType.String(), Level: "Hash", Files: []rules.File{file("a.exe"), file("b.exe")}}
}

// TestID pins an identity: it must never change, or machines would run the
// policies of two releases side by side.
func TestID(t *testing.T) {
	// uuid.uuid5(namespace, "11:Example Ltd3:app12:supplemental") of Python.
	if got := ID("Example Ltd", "app", "supplemental").String(); got != "{151C1E97-355E-5B32-8EC4-7CFCC593663E}" {
		t.Errorf("got %s", got)
	}
	seen := map[cipolicy.GUID]bool{}
	for _, parts := range [][3]string{{"a", "b", "c"}, {"ab", "", "c"}, {"a", "bc", ""}, {"a", "b", "d"}} {
		id := ID(parts[0], parts[1], parts[2])
		if seen[id] || id != ID(parts[0], parts[1], parts[2]) {
			t.Errorf("%v: %s is not its own", parts, id)
		}
		seen[id] = true
		if s := id.String(); s[15] != '5' || !strings.Contains("89AB", s[20:21]) {
			t.Errorf("%s is not a GUID of version 5", s)
		}
	}
}

func TestPolicyVersion(t *testing.T) {
	for release, want := range map[string]string{"1.4.2": "1.4.2.0", "1.4.2-rc.1": "1.4.2.0", "1.4.2+build.7": "1.4.2.0", "0.0.0": "0.0.0.0",
		"1.4": "", "1.4.70000": "", "v1.2.3": "", "": ""} {
		got, err := PolicyVersion(release)
		if (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%q: %s, %v; wanted %q", release, got, err, want)
		}
	}
}

// TestTemplates fills every template.
func TestTemplates(t *testing.T) {
	for _, name := range []string{"supplemental", "audit", "enforced", "deny-old"} {
		t.Run(name, func(t *testing.T) {
			in := input(t, name)
			if name == "deny-old" {
				in.Deny, in.Level, in.Fallback = true, "FileName", []string{"Hash"}
			}
			res, err := Make(in)
			if err != nil {
				t.Fatal(err)
			}
			if len(res.Coverage) != 2 || len(res.Coverage[0].AllowedBy) == 0 {
				t.Errorf("coverage %+v", res.Coverage)
			}
			if res.Policy.IsSupplemental() != (name == "supplemental") {
				t.Errorf("type %q", res.Policy.Type)
			}
			if warnings := res.Policy.Validate(); len(warnings) > 0 {
				t.Errorf("warnings: %v", warnings)
			}
			if _, err := cipolicy.Compile(res.Policy, cipolicy.CompileOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestDenyOldSparesTheRelease judges old and new files by the policy.
func TestDenyOldSparesTheRelease(t *testing.T) {
	in := input(t, "deny-old")
	in.Deny, in.Level = true, "FileName"
	res, err := Make(in)
	if err != nil {
		t.Fatal(err)
	}
	for version, allowed := range map[string]bool{"1.2.2.65535": false, "0.0.0.1": false, "1.2.3.0": true, "9.0.0.0": true} {
		f := file("a.exe")
		f.FileVersion = version
		if v := rules.Evaluate(res.Policy, &f, cipolicy.ScenarioUser, ""); v.Allowed != allowed {
			t.Errorf("version %s: %+v", version, v)
		}
	}
	f := file("other.exe")
	if v := rules.Evaluate(res.Policy, &f, cipolicy.ScenarioUser, ""); !v.Allowed {
		t.Error("files of others are denied")
	}
	in.Files[0].FileVersion, in.Files[1].FileVersion = "", ""
	if _, err := Make(in); err == nil || !strings.Contains(err.Error(), "the programs carry no version") {
		t.Errorf("files without version: %v", err)
	}
}

func TestMakeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*Input)
		want string
	}{
		"unreadable file":       {func(in *Input) { in.Files[0].Error = "permission denied" }, "permission denied"},
		"no base":               {func(in *Input) { in.BasePolicyID = "" }, "identity of its base policy"},
		"base of itself":        {func(in *Input) { in.BasePolicyID = ID("Example Ltd", "app", "supplemental").String() }, "not its own"},
		"unknown level":         {func(in *Input) { in.Level = "Everything" }, "is not a level"},
		"unsigned at Publisher": {func(in *Input) { in.Level = "Publisher" }, "not signed"},
		"version":               {func(in *Input) { in.Version = "next" }, "three numbers"},
		"template":              {func(in *Input) { in.Template = []byte("<x/>") }, "template is wrong"},
		"option":                {func(in *Input) { in.Options = []string{"Enabled:Everything"} }, "is not in the schema"},
		"version goes down": {func(in *Input) {
			in.History = &History{Product: "app", Releases: []Release{{Version: "2.0.0", Policy: "2.0.0.0"}}}
		}, "version would go down"},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(t, "supplemental")
			c.edit(&in)
			if _, err := Make(in); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestDoesNotDependOnOrder gives the files the other way round.
func TestDoesNotDependOnOrder(t *testing.T) {
	in := input(t, "supplemental")
	a, err := Make(in)
	if err != nil {
		t.Fatal(err)
	}
	in.Files = []rules.File{in.Files[1], in.Files[0]}
	b, err := Make(in)
	if err != nil {
		t.Fatal(err)
	}
	if string(a.Policy.XML()) != string(b.Policy.XML()) {
		t.Error("the policy depends on the order of the files")
	}
}

func TestEarlierReleases(t *testing.T) {
	in := input(t, "supplemental")
	old := file("old.exe")
	in.Earlier = []Release{{Version: "1.0.0", Files: []rules.File{old, in.Files[0]}}}
	res, err := Make(in)
	if err != nil {
		t.Fatal(err)
	}
	if v := rules.Evaluate(res.Policy, &old, cipolicy.ScenarioUser, ""); !v.Allowed {
		t.Error("the earlier release is not allowed")
	}
	if n := len(res.Policy.FileRules); n != 6 {
		t.Errorf("%d rules, wanted 2 for each of 3 files", n)
	}
}

func TestHistory(t *testing.T) {
	h, err := ParseHistory(nil, "app")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []string{"1.0.0", "3.0.0", "2.0.0"} {
		h = h.With(Release{Version: v, Policy: v + ".0", Files: []rules.File{file(v)}})
	}
	b, err := h.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseHistory(b, "app")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(h, again) {
		t.Errorf("%+v is read as %+v", h, again)
	}
	var names []string
	for _, r := range again.Before("3.0.0", 5) {
		names = append(names, r.Version)
	}
	if got := strings.Join(names, " "); got != "1.0.0 2.0.0" {
		t.Errorf("before 3.0.0: %s", got)
	}
	if got := again.Before("9.0.0", 1); len(got) != 1 || got[0].Version != "3.0.0" {
		t.Errorf("the last one is %+v", got)
	}
	if again = again.With(Release{Version: "3.0.0", Policy: "3.0.0.0"}); len(again.Releases) != 3 {
		t.Errorf("%d releases after releasing one again", len(again.Releases))
	}
	for name, text := range map[string]string{"damaged": "{", "other schema": `{"schema":2,"product":"app"}`, "other product": `{"schema":1,"product":"x"}`,
		"unknown field": `{"schema":1,"product":"app","x":1}`, "bad version": `{"schema":1,"product":"app","releases":[{"version":"1","policy_version":"x"}]}`} {
		if _, err := ParseHistory([]byte(text), "app"); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSingle(t *testing.T) {
	res, err := Make(input(t, "enforced"))
	if err != nil {
		t.Fatal(err)
	}
	single, err := Single(res.Policy)
	if err != nil || !single.SinglePolicy() || single.HasOption(cipolicy.OptionAllowSupplemental) || !res.Policy.HasOption(cipolicy.OptionAllowSupplemental) {
		t.Errorf("%v", err)
	}
	if problems := single.Validate().Errors(); len(problems) > 0 {
		t.Error(problems)
	}
	supplement, err := Make(input(t, "supplemental"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Single(supplement.Policy); err == nil {
		t.Error("a supplemental policy in the single format")
	}
}
