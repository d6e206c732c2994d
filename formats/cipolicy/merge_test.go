package cipolicy

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func template(t *testing.T, name string) *Policy {
	t.Helper()
	p, err := ReadBytes(readFile(t, formatstest.Corpus(t, "cip/templates/"+name+".xml")))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestMergeTemplates merges Microsoft's block list into the policy that allows
// Microsoft: what each of them says must be said by the result.
func TestMergeTemplates(t *testing.T) {
	allow, block := template(t, "AllowMicrosoft"), template(t, "Recommended_UserMode_Blocklist")
	before := string(allow.XML()) + string(block.XML())
	merged, notes := Merge(allow, block)
	if problems := merged.Validate().Errors(); len(problems) > 0 {
		t.Fatalf("the result is wrong: %v", problems)
	}
	if string(allow.XML())+string(block.XML()) != before {
		t.Error("the arguments were changed")
	}
	if merged.ID() != allow.ID() || merged.Version != allow.Version || len(merged.Options) != len(allow.Options) {
		t.Error("identity, version or options are not those of the first policy")
	}
	lines := describe(merged, false)
	for _, p := range []*Policy{allow, block} {
		for _, line := range describe(p, false) {
			rule := strings.Contains(line, "mode: ") || strings.HasPrefix(line, "code integrity")
			if rule && !slices.Contains(lines, line) {
				t.Errorf("missing: %s", line)
			}
		}
	}
	if len(notes) != 0 {
		t.Errorf("notes: %v", notes)
	}
	if _, err := Compile(merged, CompileOptions{}); err != nil {
		t.Error(err)
	}
}

// TestMergeDropsDuplicates merges policies with themselves: nothing is added.
func TestMergeDropsDuplicates(t *testing.T) {
	for seed := range uint64(40) {
		p := generate(rand.New(rand.NewPCG(seed, 2)), 30, 11)
		once, _ := Merge(p)
		twice, _ := Merge(p, p)
		a, err := Compile(once, CompileOptions{Format: 11})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		b, err := Compile(twice, CompileOptions{Format: 11})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !bytes.Equal(a, b) {
			t.Fatalf("seed %d: merging a policy with itself adds something", seed)
		}
	}
}

// TestMergeKeepsMeaning merges different policies: every rule of each is there.
func TestMergeKeepsMeaning(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 3))
		p, q := generate(r, 20, 11), generate(r, 20, 11)
		q.Macros[0].Value = "other"
		merged, _ := Merge(p, q)
		if problems := merged.Validate().Errors(); len(problems) > 0 {
			t.Fatalf("seed %d: %v", seed, problems)
		}
		for _, in := range []*Policy{p, q} {
			for i := range in.FileRules {
				want := resolved(in, &in.FileRules[i])
				if !slices.ContainsFunc(merged.FileRules, func(r FileRule) bool { return resolved(merged, &r) == want }) {
					t.Fatalf("seed %d: lost %+v", seed, in.FileRules[i])
				}
			}
		}
	}
}

// resolved is the content of a rule with the values of macros in place of names.
func resolved(p *Policy, r *FileRule) string {
	c := compiler{p: p, index: newIndex(p)}
	plain := *r
	plain.AppIDs = Optional[string]{}
	text := plain.content() + strings.Join(c.appIDs(r), "|")
	if i, ok := c.index.rules[r.RequireHotpatchID]; ok {
		text += resolved(p, &p.FileRules[i])
	}
	return text
}

func TestMergeNotes(t *testing.T) {
	first, second := minimal(), minimal()
	second.PolicyID = Some(LockdownPolicy)
	second.BasePolicyID = second.PolicyID
	second.SetOption(OptionAudit)
	first.Settings = []Setting{{Provider: "p", Key: "k", ValueName: "v", Value: SettingValue{Kind: SettingDWord, DWord: 1}}}
	second.Settings = []Setting{{Provider: "P", Key: "K", ValueName: "V", Value: SettingValue{Kind: SettingDWord, DWord: 2}}}
	second.Apps = []App{{Manifest: "m"}}
	merged, notes := Merge(first, second)
	if merged.HasOption(OptionAudit) || len(merged.Settings) != 1 || merged.Settings[0].Value.DWord != 1 {
		t.Error("the second policy overrides the first")
	}
	all := strings.Join(notes, "\n")
	for _, want := range []string{OptionAudit, "setting P/K/V", "application settings"} {
		if !strings.Contains(all, want) {
			t.Errorf("no note says %q: %s", want, all)
		}
	}
}

func TestDiff(t *testing.T) {
	from := minimal()
	from.FileRules = []FileRule{
		{Kind: Deny, ID: "ID_DENY_A", FileName: Some("x.exe"), MinVersion: Some(NewVersion(1, 2, 0, 0))},
		{Kind: Allow, ID: "ID_ALLOW_A", Hash: make([]byte, 20), FriendlyName: Some("tool")},
	}
	from.Scenarios = []Scenario{{ID: "ID_SIGNINGSCENARIO_A", Value: ScenarioUser, Product: SignerGroup{FileRules: []Ref{{ID: "ID_ALLOW_A"}, {ID: "ID_DENY_A"}}}}}
	to, err := ReadBytes(from.XML())
	if err != nil {
		t.Fatal(err)
	}
	if changes := Diff(from, to); len(changes) != 0 {
		t.Errorf("equal policies differ: %v", changes)
	}
	to.Version = NewVersion(1, 0, 0, 1)
	to.SetOption(OptionAudit)
	to.FileRules[0].MinVersion = Optional[Version]{}
	to.FileRules[1].ID = "ID_ALLOW_RENAMED"
	to.Scenarios[0].Product.FileRules[0].ID = "ID_ALLOW_RENAMED"
	var got []string
	for _, c := range Diff(from, to) {
		got = append(got, c.String())
	}
	want := []string{
		"- version 0.0.0.0",
		"- enforced: what it does not allow is blocked",
		`- user mode: deny files with the original file name "x.exe", version 1.2.0.0 or earlier`,
		"+ version 1.0.0.1",
		"+ option Enabled:Audit Mode: nothing is blocked, only logged",
		`+ user mode: deny files with the original file name "x.exe"`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestVersionWords(t *testing.T) {
	one, two := Some(NewVersion(1, 0, 0, 0)), Some(NewVersion(2, 0, 0, 0))
	none := Optional[Version]{}
	for name, c := range map[string]struct {
		kind   RuleKind
		lo, hi Optional[Version]
		want   string
	}{
		"allow from":   {Allow, one, none, ", version 1.0.0.0 or later"},
		"allow to":     {Allow, none, two, ", version 2.0.0.0 or earlier"},
		"deny from":    {Deny, one, none, ", version 1.0.0.0 or earlier"},
		"deny to":      {Deny, none, two, ", version 2.0.0.0 or later"},
		"range":        {Deny, one, two, ", version 1.0.0.0 to 2.0.0.0"},
		"attrib from":  {FileAttrib, one, none, ", version 1.0.0.0 or later"},
		"deny any":     {Deny, none, none, ""},
		"deny highest": {Deny, Some(MaxVersion), none, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := FileRule{Kind: c.kind, MinVersion: c.lo, MaxVersion: c.hi}
			if got := r.versionWords(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
