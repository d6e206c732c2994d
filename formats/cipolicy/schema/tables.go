package schema

// model says how the children of an element are ordered.
type model int

const (
	empty    model = iota // no children, no text
	text                  // text of a simple type
	sequence              // the children in this order
	all                   // each child at most max times, in any order
	choice                // any of the children, in any order and number
	one                   // exactly one of the children
)

const unbounded = 10_000_000

type element struct {
	name  string
	model model
	text  simpleType
	attrs []attribute
	kids  []kid
}

type attribute struct {
	name     string
	typ      simpleType
	required bool
}

type kid struct {
	element  *element
	min, max int
}

func need(name string, t simpleType) attribute { return attribute{name, t, true} }
func may(name string, t simpleType) attribute  { return attribute{name, t, false} }

func leaf(name string, attrs ...attribute) *element {
	return &element{name: name, attrs: attrs}
}

func textElement(name string, t simpleType) *element {
	return &element{name: name, model: text, text: t}
}

func list(name string, max int, items ...*element) *element {
	e := &element{name: name, model: choice}
	for _, it := range items {
		e.kids = append(e.kids, kid{it, 0, max})
	}
	return e
}

// ID types of the schema.
var (
	allowID    = id("ID_ALLOW_", "ID_FILE_")
	denyID     = id("ID_DENY_", "ID_FILE_")
	attribID   = atLeast(10, id("ID_FILEATTRIB_", "ID_FILE_"))
	anyRuleID  = id("ID_FILE_", "ID_ALLOW_", "ID_DENY_", "ID_FILEATTRIB_")
	ruleRefID  = id("ID_ALLOW_", "ID_DENY_", "ID_FILE_")
	artifactID = atLeast(14, id("ID_ARTIFACTATTRIB_", "ID_ARTIFACT_"))
	signerID   = id("ID_SIGNER_")
	ekuID      = id("ID_EKU_")
)

// root is the SiPolicy element.
var root = &element{
	name: "SiPolicy", model: all,
	attrs: []attribute{
		may("FriendlyName", anyText),
		may("PolicyType", oneOf("Base Policy", "Supplemental Policy", "AppID Tagging Policy")),
	},
	kids: []kid{
		{textElement("VersionEx", anyText), 1, 1}, // judged by the reader of versions
		{textElement("PolicyTypeID", guid), 0, 1},
		{textElement("PlatformID", guid), 1, 1},
		{textElement("PolicyID", guid), 0, 1},
		{textElement("BasePolicyID", guid), 0, 1},
		{optionList(), 1, 1},
		{list("EKUs", 255, leaf("EKU", need("ID", ekuID), may("Value", hexBinary), may("OID", anyText), may("FriendlyName", anyText))), 0, 1},
		{fileRules(), 0, 1},
		{artifactRules(), 0, 1},
		{list("Signers", unbounded, signer()), 0, 1},
		{list("SigningScenarios", 255, scenario()), 0, 1},
		{list("UpdatePolicySigners", unbounded, leaf("UpdatePolicySigner", need("SignerId", signerID))), 0, 1},
		{list("CiSigners", unbounded, leaf("CiSigner", need("SignerId", signerID))), 0, 1},
		{textElement("HvciOptions", unsigned(32)), 0, 1},
		{settings(), 0, 1},
		{macros(), 0, 1},
		{list("SupplementalPolicySigners", unbounded, leaf("SupplementalPolicySigner", need("SignerId", signerID))), 0, 1},
		{appSettings(), 0, 1},
	},
}

func optionList() *element {
	option := textElement("Option", oneOf(
		"Enabled:UMCI", "Enabled:Boot Menu Protection", "Enabled:Intelligent Security Graph Authorization",
		"Enabled:Invalidate EAs on Reboot", "Enabled:Windows Lockdown Trial Mode", "Required:WHQL",
		"Enabled:Developer Mode Dynamic Code Trust", "Enabled:Allow Supplemental Policies",
		"Disabled:Runtime FilePath Rule Protection", "Enabled:Revoked Expired As Unsigned", "Enabled:Audit Mode",
		"Disabled:Flight Signing", "Enabled:Inherit Default Policy", "Enabled:Unsigned System Integrity Policy",
		"Enabled:Dynamic Code Security", "Required:EV Signers", "Enabled:Boot Audit On Failure",
		"Enabled:Advanced Boot Options Menu", "Disabled:Script Enforcement", "Required:Enforce Store Applications",
		"Enabled:Secure Setting Policy", "Enabled:Managed Installer", "Enabled:Update Policy No Reboot",
		"Enabled:Conditional Windows Lockdown Policy", "Disabled:Default Windows Certificate Remapping"))
	rule := &element{name: "Rule", model: sequence, kids: []kid{{option, 1, 1}}}
	return &element{name: "Rules", model: sequence, kids: []kid{{rule, 0, 65535}}}
}

// ruleAttrs are the attributes that all file rules share.
func ruleAttrs(idType simpleType, more ...attribute) []attribute {
	attrs := []attribute{
		need("ID", idType), may("FriendlyName", anyText), may("FileName", anyText), may("InternalName", anyText),
		may("FileDescription", anyText), may("ProductName", anyText), may("PackageFamilyName", anyText),
		may("PackageVersion", anyText), may("MinimumFileVersion", anyText), may("MaximumFileVersion", anyText),
		may("Hash", hexBinary), may("AppIDs", appIDs), may("FilePath", anyText),
	}
	return append(attrs, more...)
}

func fileRules() *element {
	return list("FileRules", unbounded,
		leaf("Allow", ruleAttrs(allowID, may("RequireHotpatchID", allowID),
			may("MinimumHotpatchSequence", unsigned(32)), may("MaximumHotpatchSequence", unsigned(32)))...),
		leaf("Deny", ruleAttrs(denyID)...),
		leaf("FileAttrib", ruleAttrs(attribID)...),
		leaf("FileRule", ruleAttrs(anyRuleID, need("Type", oneOf("Match", "Exclude", "Attribute")))...))
}

func artifactRules() *element {
	digest := &element{name: "Hash", model: one, kids: []kid{
		{textElement("sha256", hexOf(32)), 0, 1},
		{textElement("sha384", hexOf(48)), 0, 1},
		{textElement("sha512", hexOf(64)), 0, 1},
	}}
	hash := &element{name: "ArtifactHash", model: sequence, kids: []kid{{digest, 1, 1}}}
	rule := &element{name: "ArtifactRule", model: sequence, kids: []kid{{hash, 0, 1}}, attrs: []attribute{
		need("ID", artifactID), need("ArtifactType", oneOf("CIM", "Catalog")), need("Action", oneOf("Deny", "Allow")),
		may("FriendlyName", anyText), may("ArtifactName", anyText), may("ArtifactDescription", anyText),
		may("MinimumVersion", anyText), may("MaximumVersion", anyText),
	}}
	return list("ArtifactRules", unbounded, rule)
}

func signer() *element {
	value := need("Value", anyText)
	return &element{name: "Signer", model: sequence,
		attrs: []attribute{may("Name", anyText), need("ID", signerID), may("SignTimeAfter", dateTime)},
		kids: []kid{
			{leaf("CertRoot", need("Type", oneOf("TBS", "Wellknown")), need("Value", hexBinary)), 1, 1},
			{leaf("CertEKU", need("ID", ekuID), may("Condition", oneOf("Except"))), 0, 255},
			{leaf("CertIssuer", value), 0, 1},
			{leaf("CertPublisher", value), 0, 1},
			{leaf("CertOemID", value), 0, 1},
			{leaf("FileAttribRef", need("RuleID", attribID)), 0, unbounded},
			{leaf("ArtifactRuleRef", need("RuleID", artifactID)), 0, unbounded},
		}}
}

func scenario() *element {
	tags := &element{name: "AppIDTags", model: sequence, attrs: []attribute{may("EnforceDLL", boolean)},
		kids: []kid{{leaf("AppIDTag", need("Key", anyText), need("Value", anyText)), 0, 65535}}}
	return &element{name: "SigningScenario", model: sequence,
		attrs: []attribute{
			need("ID", id("ID_SIGNINGSCENARIO_")), may("FriendlyName", anyText), need("Value", unsigned(8)),
			may("InheritedScenarios", scenarioIDs), may("MinimumHashAlgorithm", unsigned(16)),
		},
		kids: []kid{
			{group("ProductSigners", all, "FileRulesRef", "FileRuleRef", may("RuleID", ruleRefID)), 1, 1},
			{group("ArtifactSigners", all, "ArtifactRulesRef", "ArtifactRuleRef", need("RuleID", artifactID)), 0, 1},
			{group("TestSigners", sequence, "FileRulesRef", "FileRuleRef", may("RuleID", ruleRefID)), 0, 1},
			{group("TestSigningSigners", sequence, "FileRulesRef", "FileRuleRef", may("RuleID", ruleRefID)), 0, 1},
			{tags, 0, 1},
		}}
}

// group is a signer group; its last list holds rules or artifacts.
func group(name string, m model, listName, refName string, ref attribute) *element {
	member := func(name, except, exceptAttr string, t simpleType) *element {
		return &element{name: name, model: sequence, attrs: []attribute{need("SignerId", signerID)},
			kids: []kid{{leaf(except, need(exceptAttr, t)), 0, unbounded}}}
	}
	collection := func(name string, item *element) *element {
		return &element{name: name, model: sequence, attrs: []attribute{may("Workaround", anyText)},
			kids: []kid{{item, 1, unbounded}}}
	}
	return &element{name: name, model: m, kids: []kid{
		{collection("AllowedSigners", member("AllowedSigner", "ExceptDenyRule", "DenyRuleID", denyID)), 0, 1},
		{collection("DeniedSigners", member("DeniedSigner", "ExceptAllowRule", "AllowRuleID", allowID)), 0, 1},
		{collection(listName, leaf(refName, ref)), 0, 1},
	}}
}

func settings() *element {
	value := &element{name: "Value", model: one, kids: []kid{
		{textElement("Boolean", boolean), 0, 1},
		{textElement("DWord", unsigned(32)), 0, 1},
		{textElement("Binary", hexBinary), 0, 1},
		{textElement("String", anyText), 0, 1},
	}}
	return list("Settings", unbounded, &element{name: "Setting", model: sequence, kids: []kid{{value, 1, 1}},
		attrs: []attribute{need("Provider", anyText), need("Key", anyText), need("ValueName", anyText)}})
}

func macros() *element {
	return &element{name: "Macros", model: sequence, kids: []kid{
		{leaf("Macro", need("Id", macroID), need("Value", macroValue)), 1, unbounded}}}
}

func appSettings() *element {
	setting := &element{name: "Setting", model: sequence, attrs: []attribute{may("Name", anyText)},
		kids: []kid{{textElement("Value", anyText), 0, unbounded}}}
	app := &element{name: "App", model: sequence, attrs: []attribute{need("Manifest", anyText)},
		kids: []kid{{setting, 0, unbounded}}}
	return &element{name: "AppSettings", model: sequence, kids: []kid{{app, 0, unbounded}}}
}
