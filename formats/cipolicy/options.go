package cipolicy

// Option names that other code asks for. The full list is in [OptionNames].
const (
	OptionUMCI               = "Enabled:UMCI"
	OptionAudit              = "Enabled:Audit Mode"
	OptionUnsigned           = "Enabled:Unsigned System Integrity Policy"
	OptionAllowSupplemental  = "Enabled:Allow Supplemental Policies"
	OptionInheritDefault     = "Enabled:Inherit Default Policy"
	OptionAdvancedBootMenu   = "Enabled:Advanced Boot Options Menu"
	OptionNoScripts          = "Disabled:Script Enforcement"
	OptionStoreApps          = "Required:Enforce Store Applications"
	OptionUpdateNoReboot     = "Enabled:Update Policy No Reboot"
	OptionNoRuntimePathCheck = "Disabled:Runtime FilePath Rule Protection"
	optionNoCertRemapping    = "Disabled:Default Windows Certificate Remapping"
)

const (
	// flagAlways is set in every compiled policy.
	flagAlways uint32 = 1 << 31
	// flagSupplemental marks a supplemental policy.
	flagSupplemental uint32 = 1 << 30
)

// option is one policy rule option: the text in the XML and its bit in the
// header of the binary. A zero bit means that the option is not a bit.
type option struct {
	name         string
	bit          uint32
	supplemental bool // has an effect in a supplemental policy
}

// options holds the options in the order of the Set-RuleOption numbers
// (Microsoft Learn, "Understand App Control policy rules and file rules"),
// then those without a number. Which ones a supplemental policy may set is in
// the same article.
var options = []option{
	{OptionUMCI, 0x00000004, false},
	{"Enabled:Boot Menu Protection", 0x00000008, false},
	{"Required:WHQL", 0x00000080, false},
	{OptionAudit, 0x00010000, false},
	{"Disabled:Flight Signing", 0x00020000, false},
	{OptionInheritDefault, 0x00040000, true},
	{OptionUnsigned, 0x00080000, true},
	{"Required:EV Signers", 0x00200000, false},
	{OptionAdvancedBootMenu, 0x00800000, false},
	{"Enabled:Boot Audit On Failure", 0x00400000, false},
	{OptionNoScripts, 0x01000000, false},
	{OptionStoreApps, 0x02000000, false},
	{"Enabled:Managed Installer", 0x08000000, true},
	{"Enabled:Intelligent Security Graph Authorization", 0x00000010, true},
	{"Enabled:Invalidate EAs on Reboot", 0x00000020, false},
	{OptionUpdateNoReboot, 0x10000000, false},
	{OptionAllowSupplemental, 0x00000400, false},
	{OptionNoRuntimePathCheck, 0x00000800, true},
	{"Enabled:Dynamic Code Security", 0x00100000, false},
	{"Enabled:Revoked Expired As Unsigned", 0x00002000, false},
	{"Enabled:Developer Mode Dynamic Code Trust", 0x00000100, false},
	{"Enabled:Secure Setting Policy", 0x04000000, false},
	{"Enabled:Conditional Windows Lockdown Policy", 0x20000000, false},
	{"Enabled:Windows Lockdown Trial Mode", 0x00000040, false},
	{optionNoCertRemapping, 0, false},
}

// OptionNames returns every option name a policy may hold. Names are
// case-sensitive.
func OptionNames() []string {
	names := make([]string, len(options))
	for i, o := range options {
		names[i] = o.name
	}
	return names
}

func findOption(name string) (option, bool) {
	for _, o := range options {
		if o.name == name {
			return o, true
		}
	}
	return option{}, false
}

// HasOption reports whether the policy sets an option.
func (p *Policy) HasOption(name string) bool {
	for _, o := range p.Options {
		if o.Name == name {
			return true
		}
	}
	return false
}

// SetOption adds an option unless the policy has it already.
func (p *Policy) SetOption(name string) {
	if !p.HasOption(name) {
		p.Options = append(p.Options, Option{Name: name})
	}
}

// ClearOption removes an option.
func (p *Policy) ClearOption(name string) {
	kept := p.Options[:0:0]
	for _, o := range p.Options {
		if o.Name != name {
			kept = append(kept, o)
		}
	}
	p.Options = kept
}
