package cipolicy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

const fullPolicy = "testdata/full.xml"

func TestWritesAsConfigCI(t *testing.T) {
	text := readFile(t, fullPolicy)
	p, err := ReadBytes(text)
	if err != nil {
		t.Fatal(err)
	}
	want := "\xEF\xBB\xBF" + strings.TrimSuffix(string(text), "\n")
	if got := string(p.XML()); got != want {
		t.Errorf("written text differs at byte %d:\n%s", firstDifference([]byte(got), []byte(want)), got)
	}
	if warnings := p.Validate(); len(warnings) > 0 {
		t.Errorf("warnings for a policy without fault: %v", warnings)
	}
	again, err := ReadBytes(p.XML())
	if err != nil {
		t.Fatal(err)
	}
	clearLines(reflect.ValueOf(p))
	clearLines(reflect.ValueOf(again))
	if !reflect.DeepEqual(p, again) {
		t.Errorf("the model differs after writing and reading:\n%+v\n%+v", p, again)
	}
}

// clearLines sets every Line field to 0, so that models compare.
func clearLines(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			clearLines(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			clearLines(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Name == "Line" {
				v.Field(i).SetInt(0)
			} else if v.Type().Field(i).IsExported() {
				clearLines(v.Field(i))
			}
		}
	}
}

// refusal is an edit of the full policy that makes it wrong.
type refusal struct {
	old, new string // first occurrence is replaced
	want     string // "line N: " and part of the message
	meaning  bool   // the schema alone does not see it
}

var refusals = map[string]refusal{
	"not XML":                    {"</SiPolicy>", "</SiPolice>", "line 120: not well-formed XML", false},
	"entity":                     {"FriendlyName=\"by hash\"", "FriendlyName=\"&name;\"", "line 23: not well-formed XML: invalid character entity &name;", false},
	"other root":                 {"SiPolicy xmlns", "Policy xmlns", "not well-formed", false},
	"other namespace":            {"urn:schemas-microsoft-com:sipolicy", "urn:x", `line 2: element SiPolicy is in namespace "urn:x"`, false},
	"unknown element":            {"<HvciOptions>2</HvciOptions>", "<Hvci>2</Hvci>", "line 88: Hvci is not allowed in SiPolicy", false},
	"unknown attribute":          {`Value="06"`, `Value="06" Enabled="true"`, "line 43: CertRoot has no attribute Enabled", false},
	"foreign attribute":          {`<EKU ID="ID_EKU_CODE"`, `<EKU xml:lang="en" ID="ID_EKU_CODE"`, "line 19: attribute lang of namespace", false},
	"text between elements":      {"<Macros>", "<Macros>stray", `line 113: Macros may not hold text: "stray"`, false},
	"content in an empty one":    {`<CertOemID Value="Vendor" />`, `<CertOemID Value="Vendor"><X/></CertOemID>`, "line 39: CertOemID may not hold elements: X", false},
	"element in text":            {"<VersionEx>10.1.2.3", "<VersionEx><b/>10.1.2.3", "line 3: VersionEx holds text and may not hold elements: b", false},
	"two of an element":          {"<HvciOptions>2</HvciOptions>", "<HvciOptions>2</HvciOptions><HvciOptions>2</HvciOptions>", "line 88: second HvciOptions in SiPolicy", false},
	"element missing":            {"<VersionEx>10.1.2.3</VersionEx>", "", "line 2: SiPolicy lacks VersionEx", false},
	"signer out of order":        {"<CertIssuer Value=\"Issuer\" />\n      <CertPublisher Value=\"Publisher &amp; Sons\" />", "<CertPublisher Value=\"P\" /><CertIssuer Value=\"I\" />", "line 37: CertIssuer comes after CertPublisher in Signer", false},
	"signer without root":        {`<CertRoot Type="Wellknown" Value="06" />`, "", "line 42: Signer lacks CertRoot", false},
	"two publishers":             {`<CertOemID Value="Vendor" />`, `<CertOemID Value="a" /><CertOemID Value="b" />`, "line 39: more than 1 CertOemID in Signer", false},
	"scenario without group":     {"<ProductSigners>\n        <AllowedSigners Workaround=\"\">\n          <AllowedSigner SignerId=\"ID_SIGNER_S_2\" />\n        </AllowedSigners>\n      </ProductSigners>\n", "", "line 48: SigningScenario lacks ProductSigners", false},
	"empty list":                 {"<AllowedSigner SignerId=\"ID_SIGNER_S_2\" />", "", "line 50: AllowedSigners lacks AllowedSigner", false},
	"two setting values":         {"<Boolean>true</Boolean>", "<Boolean>true</Boolean><DWord>1</DWord>", "line 98: Value has 2 elements", false},
	"attribute missing":          {`Id="One" `, "", "line 114: Macro lacks the attribute Id", false},
	"attribute twice":            {`Id="One" `, `Id="One" Id="One" `, "line 114: attribute Id appears twice in Macro", false},
	"option name":                {"Enabled:Audit Mode", "Enabled:Audit mode", `line 10: Option "Enabled:Audit mode": did you mean "Enabled:Audit Mode"?`, false},
	"unknown option":             {"Enabled:Audit Mode", "Enabled:Everything", "line 10: Option \"Enabled:Everything\": not a name", false},
	"policy type":                {"Base Policy", "Base", `line 2: SiPolicy PolicyType="Base"`, false},
	"GUID":                       {"<PolicyID>{11111111-", "<PolicyID>{1111111-", "line 90: PolicyID", false},
	"GUID without braces":        {"{2E07F7E4-194C-4D20-B7C9-6F44A6C5A234}", "2E07F7E4-194C-4D20-B7C9-6F44A6C5A234", "line 4: PlatformID", false},
	"version text":               {"10.1.2.3", "ten", "line 3: VersionEx", true},
	"version part too large":     {"10.1.2.3", "10.1.2.65536", "line 3: VersionEx: \"10.1.2.65536\" is not a version", true},
	"allow ID":                   {`Allow ID="ID_ALLOW_A_1"`, `Allow ID="WDAC-APP-2024-001"`, `line 23: Allow ID="WDAC-APP-2024-001": not ID_ALLOW_ or ID_FILE_`, false},
	"lower-case ID":              {`Allow ID="ID_ALLOW_A_3"`, `Allow ID="ID_ALLOW_a_3"`, `line 25: Allow ID="ID_ALLOW_a_3"`, false},
	"deny ID":                    {`Deny ID="ID_DENY_D_1"`, `Deny ID="ID_ALLOW_D_1"`, "line 26: Deny ID", false},
	"signer ID":                  {`Signer ID="ID_SIGNER_S_2"`, `Signer ID="ID_SIGNER_2"`, "line 42: Signer ID", false},
	"EKU ID":                     {`EKU ID="ID_EKU_CODE"`, `EKU ID="ID_EKU_"`, "line 19: EKU ID", false},
	"scenario ID":                {`ID="ID_SIGNINGSCENARIO_DRIVERS_1" F`, `ID="ID_SIGNINGSCENARIO_" F`, "line 48: SigningScenario ID", false},
	"hash digits":                {`Hash="0001`, `Hash="00G1`, `line 23: Allow Hash=`, false},
	"hash of odd length":         {`Hash="0001`, `Hash="001`, "line 23: Allow Hash=", false},
	"hash length":                {`Hash="0001`, `Hash="01`, "line 23: ID_ALLOW_A_1: a hash of 31 bytes", true},
	"root length":                {`Value="AA01`, `Value="01`, "line 33: ID_SIGNER_S_1: CertRoot of 31 bytes", true},
	"well-known root":            {`Value="06"`, `Value="0600"`, "line 42: ID_SIGNER_S_2: CertRoot of type Wellknown has 2 bytes", true},
	"root type":                  {`"Wellknown"`, `"WellKnown"`, "line 43: CertRoot Type", false},
	"scenario value":             {`Value="131"`, `Value="256"`, "line 48: SigningScenario Value", false},
	"number":                     {"4294967295", "4294967296", "line 104: DWord", false},
	"boolean":                    {"<Boolean>true", "<Boolean>True", "line 99: Boolean", false},
	"macro ID":                   {`Macro Id="One"`, `Macro Id="1"`, "line 114: Macro Id", false},
	"macro value":                {`Value="second (2)"`, `Value="a/b"`, "line 115: Macro Value", false},
	"AppIDs":                     {`"$(One)$(Two)"`, `"a/b"`, "line 24: Allow AppIDs", false},
	"sign time":                  {"2024-05-06T07:08:09.1234567Z", "2024-05-06", "line 33: Signer SignTimeAfter", false},
	"sign time without zone":     {"09.1234567Z", "09.1234567", "line 33: Signer SignTimeAfter=\"2024-05-06T07:08:09.1234567\": must be a date and time with zone", true},
	"sign time too fine":         {"09.1234567Z", "09.12345678Z", "line 33: Signer SignTimeAfter=\"2024-05-06T07:08:09.12345678Z\": finer", true},
	"duplicate rule":             {`Allow ID="ID_ALLOW_A_2"`, `Allow ID="ID_ALLOW_A_1"`, "line 24: second file rule with the ID ID_ALLOW_A_1, the first is in line 23", true},
	"duplicate signer":           {`Signer ID="ID_SIGNER_S_2"`, `Signer ID="ID_SIGNER_S_1"`, "line 42: second signer", true},
	"duplicate EKU":              {`EKU ID="ID_EKU_CODE"`, `EKU ID="ID_EKU_WINDOWS"`, "line 19: second EKU", true},
	"duplicate scenario":         {`ID="ID_SIGNINGSCENARIO_WINDOWS"`, `ID="ID_SIGNINGSCENARIO_DRIVERS_1"`, "line 61: second signing scenario", true},
	"duplicate macro":            {`Macro Id="Two"`, `Macro Id="One"`, "line 115: second macro", false},
	"dangling file rule":         {`FileRuleRef RuleID="ID_ALLOW_A_3"`, `FileRuleRef RuleID="ID_ALLOW_A_9"`, "line 76: FileRuleRef refers to ID_ALLOW_A_9, which does not exist", true},
	"reference without ID":       {` RuleID="ID_ALLOW_A_3"`, ``, "line 76: FileRuleRef names no rule", true},
	"dangling signer":            {`CiSigner SignerId="ID_SIGNER_S_1"`, `CiSigner SignerId="ID_SIGNER_S_9"`, "line 86: CiSigner refers to ID_SIGNER_S_9", true},
	"dangling update signer":     {`UpdatePolicySigner SignerId="ID_SIGNER_S_1"`, `UpdatePolicySigner SignerId="ID_SIGNER_S_9"`, "line 83: UpdatePolicySigner refers", true},
	"dangling supplement signer": {`SupplementalPolicySigner SignerId="ID_SIGNER_S_1"`, `SupplementalPolicySigner SignerId="ID_SIGNER_S_9"`, "line 118: SupplementalPolicySigner refers", true},
	"dangling EKU":               {`CertEKU ID="ID_EKU_CODE"`, `CertEKU ID="ID_EKU_OTHER"`, "line 36: CertEKU of ID_SIGNER_S_1 refers to ID_EKU_OTHER", true},
	"dangling attribute":         {`FileAttribRef RuleID="ID_FILEATTRIB_F_1"`, `FileAttribRef RuleID="ID_FILEATTRIB_F_2"`, "line 40: FileAttribRef refers", true},
	"dangling exception":         {`ExceptDenyRule DenyRuleID="ID_DENY_D_1"`, `ExceptDenyRule DenyRuleID="ID_DENY_D_9"`, "line 65: ExceptDenyRule refers", true},
	"dangling macro":             {"$(One)$(Two)", "$(One)$(Three)", "line 24: AppIDs of ID_ALLOW_A_2 refers to the macro Three", true},
	"dangling scenario":          {`InheritedScenarios="ID_SIGNINGSCENARIO_DRIVERS_1"`, `InheritedScenarios="ID_SIGNINGSCENARIO_X"`, "line 61: InheritedScenarios", true},
	"exception of wrong kind":    {`DenyRuleID="ID_DENY_D_1"`, `DenyRuleID="ID_FILE_XY"`, "line 65: ExceptDenyRule refers to ID_FILE_XY, which is an Allow rule, must be Deny", true},
	"attribute of wrong kind":    {`FileAttribRef RuleID="ID_FILEATTRIB_F_1"`, `FileAttribRef RuleID="ID_FILE_XY"`, "line 40: FileAttribRef refers to ID_FILE_XY, which is an Allow rule, must be FileAttrib", true},
	"hash and attribute":         {`FriendlyName="by hash"`, `FileName="x"`, "line 23: ID_ALLOW_A_1: a rule with a hash may not", true},
	"rule without condition":     {` FilePath="%OSDRIVE%\Temp\*"`, ``, "line 26: ID_DENY_D_1: the rule has no condition", true},
	"versions exchanged":         {`MinimumFileVersion="1.0.0.0"`, `MinimumFileVersion="2.0.0.1"`, "line 24: ID_ALLOW_A_2: MinimumFileVersion 2.0.0.1 is above", true},
	"EKU value":                  {"010A2B06", "060A2B06", "line 18: EKU ID_EKU_WINDOWS: the value is not the DER", true},
	"EKU without value":          {` OID="1.3.6.1.5.5.7.3.3"`, "", "line 19: EKU ID_EKU_CODE: neither Value nor OID", true},
	"EKU with two values":        {`OID="1.3.6.1.5.5.7.3.3"`, `OID="1.3.6.1.5.5.7.3.3" Value="01012A"`, "line 19: EKU ID_EKU_CODE: the attribute Value and OID", true},
	"no identity":                {"<PolicyID>{11111111-2222-3333-4444-AAAAAAAAAAAA}</PolicyID>", "", "line 2: PolicyID and BasePolicyID belong together", true},
	"base with two identities":   {"<PolicyID>{1", "<PolicyID>{2", "line 2: PolicyID and BasePolicyID differ", true},
	"supplement of itself":       {"Base Policy", "Supplemental Policy", "line 2: a supplemental policy has the identity of its base policy", true},
	"signed without signer":      {`<UpdatePolicySigner SignerId="ID_SIGNER_S_1" />`, "", "line 2: without the option \"Enabled:Unsigned System Integrity Policy\"", true},
	"signed without supplement":  {`<SupplementalPolicySigner SignerId="ID_SIGNER_S_1" />`, "", "line 2: a signed policy with the option", true},
	"same scenario value":        {`Value="12"`, `Value="131"`, "line 61: ID_SIGNINGSCENARIO_WINDOWS: the value 131 is that of", true},
	"tags in a base policy":      {"</ProductSigners>\n    </SigningScenario>\n  </SigningScenarios>", "</ProductSigners><AppIDTags/></SigningScenario></SigningScenarios>", "line 61: ID_SIGNINGSCENARIO_WINDOWS: AppIDTags need", true},
	"tagging with kernel":        {"Base Policy", "AppID Tagging Policy", "line 48: ID_SIGNINGSCENARIO_DRIVERS_1: a tagging policy may have the scenario 12 only", true},
}

func TestRefuses(t *testing.T) {
	text := string(readFile(t, fullPolicy))
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(text, c.old) {
				t.Fatalf("the policy does not hold %q", c.old)
			}
			_, err := ReadBytes([]byte(strings.Replace(text, c.old, c.new, 1)))
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got:\n%v\nwant:\n%s", err, c.want)
			}
			var problems Problems
			if !errors.As(err, &problems) || len(problems.Warnings()) > 0 {
				t.Errorf("%T, wanted Problems without warnings", err)
			}
		})
	}
}

// TestReportsAllProblems breaks several lines and wants each of them named, in order.
func TestReportsAllProblems(t *testing.T) {
	text := string(readFile(t, fullPolicy))
	for _, name := range []string{"option name", "hash digits", "version part too large", "signer ID", "dangling EKU", "number"} {
		text = strings.Replace(text, refusals[name].old, refusals[name].new, 1)
	}
	_, err := ReadBytes([]byte(text))
	if err == nil {
		t.Fatal("accepted")
	}
	last := -1
	for _, line := range []int{3, 10, 23, 36, 42, 104} {
		at := strings.Index(err.Error(), fmt.Sprintf("line %d: ", line))
		if at <= last {
			t.Errorf("line %d is missing or out of order in:\n%v", line, err)
		}
		last = at
	}
}

// TestXmllintAgrees lets libxml2 judge by Microsoft's schema what this package
// writes and what it refuses. The pattern of AppIDs is written in .NET's
// notation, which libxml2 does not know: ^ for the beginning and \$.
func TestXmllintAgrees(t *testing.T) {
	tool := formatstest.Tool(t, "xmllint")
	schema := string(readFile(t, formatstest.Corpus(t, "cip/schema/cipolicy-2026.xsd")))
	schema = strings.ReplaceAll(schema, `(^[^\$]`, `([^$]`)
	schema = strings.ReplaceAll(schema, `(\$\(`, `([$]\(`)
	schema = strings.ReplaceAll(schema, `\$`, `$`)
	xsd := filepath.Join(t.TempDir(), "cipolicy.xsd")
	if err := os.WriteFile(xsd, []byte(schema), 0o644); err != nil {
		t.Fatal(err)
	}
	text := string(readFile(t, fullPolicy))
	p, err := ReadBytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := map[string]string{"written": string(p.XML())}
	for name, c := range refusals {
		files[name] = strings.Replace(text, c.old, c.new, 1)
	}
	args := []string{"--noout", "--schema", xsd}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	out, _ := exec.Command(tool, args...).CombinedOutput() // fails: some files are wrong on purpose
	for name := range files {
		accepted := strings.Contains(string(out), filepath.Join(dir, name)+" validates\n")
		if want := name == "written" || refusals[name].meaning; accepted != want {
			t.Errorf("%s: accepted %v, wanted %v", name, accepted, want)
		}
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}

func TestReadsUTF16(t *testing.T) {
	text := strings.Replace(string(readFile(t, fullPolicy)), "utf-8", "utf-16", 1)
	for name, order := range map[string]binary.AppendByteOrder{"little-endian": binary.LittleEndian, "big-endian": binary.BigEndian} {
		t.Run(name, func(t *testing.T) {
			b := order.AppendUint16(nil, 0xFEFF)
			for _, u := range utf16.Encode([]rune(text)) {
				b = order.AppendUint16(b, u)
			}
			p, err := Read(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if p.Info("Name") != " spaces stay " {
				t.Errorf("name is %q", p.Info("Name"))
			}
		})
	}
}

var doctype = regexp.MustCompile(`^<\?xml.*\?>`)

func TestRefusesDocumentType(t *testing.T) {
	text := doctype.ReplaceAllString(string(readFile(t, fullPolicy)), `<!DOCTYPE SiPolicy [<!ENTITY a "b">]>`)
	if _, err := ReadBytes([]byte(text)); err == nil || !strings.Contains(err.Error(), "document type definition") {
		t.Errorf("got %v", err)
	}
}
