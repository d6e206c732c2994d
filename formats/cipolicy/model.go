package cipolicy

import "time"

// PolicyType is the PolicyType attribute of a policy.
type PolicyType string

// The kinds of policies. An absent attribute counts as a base policy.
const (
	BasePolicy         PolicyType = "Base Policy"
	SupplementalPolicy PolicyType = "Supplemental Policy"
	AppIDTaggingPolicy PolicyType = "AppID Tagging Policy"
)

// Policy is an SiPolicy element. A nil list means that the element is absent, an
// empty list that it is there without content. Line fields say where something
// stood in the XML and are 0 for what did not come from XML.
type Policy struct {
	FriendlyName Optional[string]
	Type         PolicyType // "" if the attribute is absent
	Version      Version    // VersionEx
	TypeID       Optional[GUID]
	PlatformID   GUID
	PolicyID     Optional[GUID]
	BasePolicyID Optional[GUID]
	Options      []Option // Rules
	EKUs         []EKU
	FileRules    []FileRule
	Artifacts    []ArtifactRule // ArtifactRules
	Signers      []Signer
	Scenarios    []Scenario // SigningScenarios
	// UpdateSigners (UpdatePolicySigners) may sign updates of this policy.
	UpdateSigners []SignerRef
	// CISigners are signers that code integrity trusts for its signing levels.
	CISigners []SignerRef
	HVCI      Optional[uint32] // HvciOptions: bit 0 enabled, bit 1 strict, bit 2 debug mode, bit 3 disable allowed
	Settings  []Setting
	Macros    []Macro
	// SupplementalSigners (SupplementalPolicySigners) may sign supplements.
	SupplementalSigners []SignerRef
	Apps                []App // AppSettings
	Line                int
}

// Option is a policy rule option, a Rule element.
type Option struct {
	Name string
	Line int
}

// EKU is an extended key usage that signers refer to.
type EKU struct {
	ID           string
	FriendlyName Optional[string]
	// Value is the DER of the object identifier with the tag byte 06 replaced by 01.
	Value []byte
	// OID is the dotted form, which newer schemas allow in place of Value.
	OID  Optional[string]
	Line int
}

// RuleKind says what a file rule does.
type RuleKind uint32

// The kinds of file rules, with the numbers that the binary uses.
const (
	Deny       RuleKind = 0
	Allow      RuleKind = 1
	FileAttrib RuleKind = 2 // attributes that a signer is combined with
)

// String returns the element name of the kind.
func (k RuleKind) String() string {
	switch k {
	case Deny:
		return "Deny"
	case Allow:
		return "Allow"
	case FileAttrib:
		return "FileAttrib"
	}
	return "unknown rule kind"
}

// FileRule is an Allow, Deny, FileAttrib or FileRule element.
type FileRule struct {
	Kind RuleKind
	// Generic is true for a FileRule element, whose Type attribute says Match
	// (Allow), Exclude (Deny) or Attribute (FileAttrib).
	Generic           bool
	ID                string
	FriendlyName      Optional[string]
	FileName          Optional[string] // the OriginalFilename of the version resource
	InternalName      Optional[string]
	FileDescription   Optional[string]
	ProductName       Optional[string]
	PackageFamilyName Optional[string]
	PackageVersion    Optional[Version]
	MinVersion        Optional[Version] // MinimumFileVersion
	MaxVersion        Optional[Version] // MaximumFileVersion
	// Hash is an Authenticode hash, the hash of the first page, or for a file
	// that is not a PE the hash of the file. nil if absent.
	Hash     []byte
	AppIDs   Optional[string]
	FilePath Optional[string]
	// RequireHotpatchID names the Allow rule that must apply as well.
	RequireHotpatchID   string
	MinHotpatchSequence Optional[uint32]
	MaxHotpatchSequence Optional[uint32]
	Line                int
}

// ArtifactRule is a rule for a disk image (CIM) or a catalog.
type ArtifactRule struct {
	ID           string
	ArtifactType string // CIM or Catalog
	Action       string // Deny or Allow
	FriendlyName Optional[string]
	Name         Optional[string] // ArtifactName
	Description  Optional[string] // ArtifactDescription
	MinVersion   Optional[Version]
	MaxVersion   Optional[Version]
	// HashName is sha256, sha384 or sha512, "" if there is no hash.
	HashName string
	Hash     []byte
	Line     int
}

// Signer describes a certificate chain and, with file attributes, the files
// that it counts for.
type Signer struct {
	ID            string
	Name          Optional[string]
	SignTimeAfter Optional[time.Time] // UTC, in steps of 100 ns
	Root          CertRoot
	EKUs          []EKURef
	Issuer        Optional[string] // CertIssuer: common name of the issuer
	Publisher     Optional[string] // CertPublisher: common name of the leaf
	OemID         Optional[string] // CertOemID: hardware vendor in the leaf
	FileAttribs   []Ref
	ArtifactRefs  []Ref
	Line          int
}

// Kinds of CertRoot.
const (
	RootTBS       = "TBS"
	RootWellknown = "Wellknown"
)

// CertRoot names the certificate that the chain must contain.
type CertRoot struct {
	Type string // RootTBS or RootWellknown
	// Value is the hash of the TBSCertificate, made with the hash algorithm of
	// the certificate's own signature, or one byte for a well-known root.
	Value []byte
}

// EKURef is a CertEKU element: the leaf must carry the EKU, or with Except must not.
type EKURef struct {
	ID     string
	Except bool
	Line   int
}

// Ref is a reference to a rule by its ID.
type Ref struct {
	ID   string
	Line int
}

// SignerRef is a reference to a signer by its ID.
type SignerRef struct {
	ID   string
	Line int
}

// The scenario values that Windows uses.
const (
	ScenarioKernel uint8 = 131
	ScenarioUser   uint8 = 12
)

// Scenario is a SigningScenario: the rules for one kind of code.
type Scenario struct {
	ID           string
	FriendlyName Optional[string]
	Value        uint8 // ScenarioKernel, ScenarioUser
	// Inherited are IDs of scenarios whose rules apply as well.
	Inherited            Optional[[]string]
	MinimumHashAlgorithm Optional[uint16] // an ALG_ID; 0 or absent means SHA-256, 0x800C
	Product              SignerGroup
	ArtifactSigners      *SignerGroup
	Test                 *SignerGroup
	TestSigning          *SignerGroup
	Tags                 *AppIDTags
	Line                 int
}

// SignerGroup lists who and what a scenario allows and denies.
type SignerGroup struct {
	Allowed   []GroupSigner // exceptions are Deny rules
	Denied    []GroupSigner // exceptions are Allow rules
	FileRules []Ref
	Artifacts []Ref // in ArtifactSigners only, in place of FileRules
	// Workaround attributes have no meaning; they are kept as they are.
	AllowedWorkaround, DeniedWorkaround, RulesWorkaround Optional[string]
}

// GroupSigner is an AllowedSigner or a DeniedSigner.
type GroupSigner struct {
	SignerID string
	Except   []Ref
	Line     int
}

// AppIDTags are the tags an AppID tagging policy puts on processes.
type AppIDTags struct {
	EnforceDLL Optional[bool]
	Tags       []AppIDTag
}

// AppIDTag is a key and its value.
type AppIDTag struct {
	Key, Value string
}

// Setting is a secure setting.
type Setting struct {
	Provider, Key, ValueName string
	Value                    SettingValue
	Line                     int
}

// SettingKind is the type of a secure setting, with the numbers of the binary.
type SettingKind uint32

// The types of secure settings.
const (
	SettingBoolean SettingKind = 0
	SettingDWord   SettingKind = 1
	SettingBinary  SettingKind = 2
	SettingString  SettingKind = 3
)

// SettingValue is the value of a secure setting; Kind says which field holds it.
type SettingValue struct {
	Kind   SettingKind
	Bool   bool
	DWord  uint32
	Binary []byte
	Text   string
}

// Macro is a text that AppIDs attributes refer to as $(Id).
type Macro struct {
	ID, Value string
	Line      int
}

// App is a group of application settings. What they mean is said by the
// application's manifest, which is not part of the policy.
type App struct {
	Manifest string
	Settings []AppSetting
	Line     int
}

// AppSetting is one application setting.
type AppSetting struct {
	Name   Optional[string]
	Values []string
}

// IsSupplemental reports whether the policy extends a base policy.
func (p *Policy) IsSupplemental() bool {
	return p.Type == SupplementalPolicy
}

// ID returns the identity under which Windows knows the policy: PolicyID, or
// PolicyTypeID for the single-policy format.
func (p *Policy) ID() GUID {
	if p.PolicyID.Set {
		return p.PolicyID.Value
	}
	return p.TypeID.Value
}

// BaseID returns the identity of the base policy, which is the policy itself
// unless it is a supplemental one.
func (p *Policy) BaseID() GUID {
	if p.BasePolicyID.Set {
		return p.BasePolicyID.Value
	}
	return p.ID()
}

// SinglePolicy reports whether the policy is in the single-policy format.
func (p *Policy) SinglePolicy() bool {
	return !p.PolicyID.Set && p.TypeID.Set
}

// FileName returns the name that Windows expects of the compiled policy:
// {PolicyID}.cip, or SiPolicy.p7b for the single-policy format.
func (p *Policy) FileName() string {
	if p.SinglePolicy() {
		return "SiPolicy.p7b"
	}
	return p.ID().String() + ".cip"
}

// Info returns a value of the PolicyInfo settings, Name or Id.
func (p *Policy) Info(valueName string) string {
	for _, s := range p.Settings {
		if s.Provider == "PolicyInfo" && s.Key == "Information" && s.ValueName == valueName {
			return s.Value.Text
		}
	}
	return ""
}

// SetInfo sets a value of the PolicyInfo settings, Name or Id, as
// Set-CIPolicyIdInfo does.
func (p *Policy) SetInfo(valueName, text string) {
	v := SettingValue{Kind: SettingString, Text: text}
	for i, s := range p.Settings {
		if s.Provider == "PolicyInfo" && s.Key == "Information" && s.ValueName == valueName {
			p.Settings[i].Value = v
			return
		}
	}
	p.Settings = append(p.Settings, Setting{Provider: "PolicyInfo", Key: "Information", ValueName: valueName, Value: v})
}
