package cipolicy

import (
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/cipolicy/schema"
)

// TestAppIDsReferences covers what libxml2's reading of the AppIDs pattern
// cannot be asked about: a text that begins with $ holds references only.
func TestAppIDsReferences(t *testing.T) {
	full := string(readFile(t, fullPolicy))
	for name, c := range map[string]struct {
		value string
		ok    bool
	}{
		"one":              {"$(One)", true},
		"two":              {"$(One)$(Two)", true},
		"text behind":      {"$(One)x", false},
		"space behind":     {"$(One) ", false},
		"not closed":       {"$(One", false},
		"dollar inside":    {"a$(One)", true},
		"any first letter": {"ü", true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadBytes([]byte(strings.Replace(full, "$(One)$(Two)", c.value, 1)))
			if (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestNewerAndOlderSchema(t *testing.T) {
	full := string(readFile(t, fullPolicy))
	for name, edit := range map[string][2]string{
		"option of the older schema only": {"Enabled:Audit Mode", "Enabled:Windows Lockdown Trial Mode"},
		"option of the newer schema only": {"Enabled:Audit Mode", "Disabled:Default Windows Certificate Remapping"},
		"signer without name":             {` Name="Issuing CA"`, ""},
		"hotpatch":                        {`FriendlyName="by hash"`, `RequireHotpatchID="ID_ALLOW_A_2" MinimumHotpatchSequence="1"`},
		"artifact rules": {"<!--Signers-->", `<ArtifactRules><ArtifactRule ID="ID_ARTIFACT_AB" ArtifactType="CIM" Action="Allow" ArtifactName="x" MinimumVersion="1.0.0.0">
			<ArtifactHash><Hash><sha256>000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F</sha256></Hash></ArtifactHash></ArtifactRule></ArtifactRules>`},
		"EKU exception":        {`<CertEKU ID="ID_EKU_CODE" />`, `<CertEKU ID="ID_EKU_CODE" Condition="Except" />`},
		"application settings": {"<Macros>", `<AppSettings><App Manifest="https://example.com/m.xml"><Setting Name="n"><Value>1</Value><Value>2</Value></Setting></App></AppSettings><Macros>`},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := ReadBytes([]byte(strings.Replace(full, edit[0], edit[1], 1)))
			if err != nil {
				t.Fatal(err)
			}
			text := string(p.XML())
			again, err := ReadBytes([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if string(again.XML()) != text {
				t.Error("something is lost in writing and reading")
			}
		})
	}
}

// TestFormatLimits compiles what only a later format can hold and wants to hear so.
func TestFormatLimits(t *testing.T) {
	rule := func(r FileRule) func(*Policy) {
		return func(p *Policy) {
			r.ID, r.Kind = "ID_ALLOW_A", Allow
			p.FileRules = []FileRule{r}
		}
	}
	for name, c := range map[string]struct {
		edit   func(*Policy)
		format int
		want   string // "" if it compiles
	}{
		"hotpatch in 8":   {rule(FileRule{FileName: Some("x"), RequireHotpatchID: "ID_ALLOW_A"}), 8, "needs 9"},
		"hotpatch in 9":   {rule(FileRule{FileName: Some("x"), RequireHotpatchID: "ID_ALLOW_A"}), 9, ""},
		"path in 6":       {rule(FileRule{FilePath: Some("x")}), 6, "needs 7"},
		"package in 4":    {rule(FileRule{PackageFamilyName: Some("x")}), 4, "needs 5"},
		"product in 3":    {rule(FileRule{ProductName: Some("x")}), 3, "needs 4"},
		"supplement in 5": {func(p *Policy) { p.Type, p.BasePolicyID = SupplementalPolicy, Some(LockdownPolicy) }, 5, "needs 6"},
		"artifacts": {func(p *Policy) {
			p.Artifacts = []ArtifactRule{{ID: "ID_ARTIFACT_A", ArtifactType: "CIM", Action: "Allow"}}
		}, 9, "needs 10"},
		"applications": {func(p *Policy) { p.Apps = []App{{Manifest: "m"}} }, 9, "manifest of the application"},
		"EKU exception": {func(p *Policy) {
			p.EKUs = []EKU{{ID: "ID_EKU_A", Value: []byte{1, 1, 0x2A}}}
			p.Signers = []Signer{{ID: "ID_SIGNER_A", Root: CertRoot{RootWellknown, []byte{6}}, EKUs: []EKURef{{ID: "ID_EKU_A", Except: true}}}}
		}, 10, "needs 11"},
		"format 2":  {func(*Policy) {}, 2, "must be 3 to 11"},
		"format 12": {func(*Policy) {}, 12, "must be 3 to 11"},
		"format 0":  {func(*Policy) {}, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := minimal()
			c.edit(p)
			_, err := Compile(p, CompileOptions{Format: c.format})
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestDenyDefaults pins the versions that a Deny rule without versions gets.
func TestDenyDefaults(t *testing.T) {
	for name, c := range map[string]struct {
		kind     RuleKind
		min, max Optional[Version]
		want     Version
	}{
		"deny without versions":   {Deny, Optional[Version]{}, Optional[Version]{}, MaxVersion},
		"deny with a minimum":     {Deny, Some(NewVersion(1, 2, 3, 4)), Optional[Version]{}, NewVersion(1, 2, 3, 4)},
		"deny with a maximum":     {Deny, Optional[Version]{}, Some(NewVersion(1, 0, 0, 0)), 0},
		"allow without versions":  {Allow, Optional[Version]{}, Optional[Version]{}, 0},
		"attrib without versions": {FileAttrib, Optional[Version]{}, Optional[Version]{}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := FileRule{Kind: c.kind, MinVersion: c.min, MaxVersion: c.max}
			if got := r.storedMin(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestTagging checks the fixed options and the settings of a tagging policy.
func TestTagging(t *testing.T) {
	p := minimal()
	p.Type = AppIDTaggingPolicy
	p.Signers = []Signer{{ID: "ID_SIGNER_A", Root: CertRoot{RootWellknown, []byte{6}}}}
	p.Scenarios = []Scenario{{ID: "ID_SIGNINGSCENARIO_A", Value: ScenarioUser, Tags: &AppIDTags{EnforceDLL: Some(true), Tags: []AppIDTag{{"Key", "Value"}}}}}
	b, err := Compile(p, CompileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := Decompile(b, Quicksort)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{OptionAudit, OptionUMCI, OptionStoreApps, OptionAdvancedBootMenu, OptionNoScripts} {
		if !d.Policy.HasOption(name) {
			t.Errorf("lacks the option %s", name)
		}
	}
	if len(d.Policy.CISigners) != 1 || len(d.Policy.Settings) != 3 {
		t.Errorf("%d CI signers and %d settings, wanted 1 and 3", len(d.Policy.CISigners), len(d.Policy.Settings))
	}
}

func TestDepthIsBounded(t *testing.T) {
	deep := strings.Repeat("<a>", 100_000)
	root, problems := schema.Parse([]byte(deep))
	if root != nil || len(problems) != 1 || !strings.Contains(problems[0].Text, "nested") {
		t.Errorf("got %v, %v", root, problems)
	}
}
