package cipolicy

import (
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// DefaultFormat is the version that ConvertFrom-CIPolicy writes up to Windows
// 11 23H2. Every Windows from 10 1903 on reads it.
const DefaultFormat = 7

// CompileOptions say how to compile. The zero value gives what Windows
// PowerShell's ConvertFrom-CIPolicy gives.
type CompileOptions struct {
	// Format is the version of the binary, 3 to 11. 0 means DefaultFormat; 8 is
	// what Windows 11 24H2 tools write, 9 what Windows itself had in 2026, 10 and
	// 11 are reported to come.
	Format int
	// Order is the sort routine.
	Order Order
	// Unchecked skips Validate, to compile what another compiler let through.
	// References must resolve all the same.
	Unchecked bool
}

// Compile returns the binary of a policy. A policy that Validate objects to, or
// that the format version cannot hold, gives Problems. The result depends on
// nothing but the arguments.
func Compile(p *Policy, o CompileOptions) ([]byte, error) {
	if o.Format == 0 {
		o.Format = DefaultFormat
	}
	if o.Format < minFormat || o.Format > maxFormat {
		return nil, cms.WrongOption("Format", "format version %d: must be %d to %d", o.Format, minFormat, maxFormat)
	}
	problems := p.references()
	if !o.Unchecked {
		problems = append(problems, p.semantics().Errors()...)
	}
	problems = append(problems, p.unsupported(o.Format)...)
	if err := problems.err(); err != nil {
		return nil, err
	}
	c := compiler{p: p, opts: o, index: newIndex(p)}
	return c.compile().encode(), nil
}

// Unproved lists what Compile writes by report of others only: no pair of a
// policy and its binary is known that shows it.
func Unproved() []string {
	return []string{
		"format version 8",
		"hotpatch attributes in format version 9",
		"format versions 10 (artifact rules) and 11 (CertEKU with a condition)",
		"AppID tagging policies and EnforceDLL",
		"SignTimeAfter, PackageVersion, several AppIDs macros in one rule",
		"HvciOptions other than strict",
		"secure settings of the types DWord and Binary",
		"InheritedScenarios",
		"the option Disabled:Default Windows Certificate Remapping",
		"FileRule elements",
	}
}

// unsupported names what a format version cannot hold.
func (p *Policy) unsupported(format int) Problems {
	var ps Problems
	need := func(line, version int, what string) {
		if format < version {
			ps.add(line, "%s: format version %d is too old, it needs %d", what, format, version)
		}
	}
	for i := range p.FileRules {
		r := &p.FileRules[i]
		if r.RequireHotpatchID != "" || r.MinHotpatchSequence.Set || r.MaxHotpatchSequence.Set {
			need(r.Line, 9, r.ID+" with hotpatch attributes")
		}
		if r.FilePath.Value != "" {
			need(r.Line, 7, r.ID+" with FilePath")
		}
		if r.PackageFamilyName.Value != "" || r.PackageVersion.Value != 0 {
			need(r.Line, 5, r.ID+" with a package")
		}
		if r.InternalName.Value+r.FileDescription.Value+r.ProductName.Value != "" {
			need(r.Line, 4, r.ID+" with version information")
		}
	}
	if p.IsSupplemental() || len(p.SupplementalSigners) > 0 {
		need(p.Line, firstMultiplePolicy, "supplemental policies")
	}
	p.needNewest(need)
	if len(p.Apps) > 0 {
		ps.add(p.Apps[0].Line, "AppSettings cannot be compiled from the policy alone: their types are in the manifest of the application")
	}
	return ps
}

// needNewest names what only the formats 10 and 11 hold.
func (p *Policy) needNewest(need func(line, version int, what string)) {
	if len(p.Artifacts) > 0 {
		need(p.Artifacts[0].Line, 10, "artifact rules")
	}
	for i := range p.Signers {
		for _, e := range p.Signers[i].EKUs {
			if e.Except {
				need(e.Line, 11, "CertEKU with Condition")
			}
		}
	}
	for i := range p.Scenarios {
		if g := p.Scenarios[i].ArtifactSigners; g != nil && len(g.Allowed)+len(g.Denied)+len(g.Artifacts) > 0 {
			need(p.Scenarios[i].Line, 10, "ArtifactSigners")
		}
	}
}

type compiler struct {
	p    *Policy
	opts CompileOptions
	index
	ruleAt []uint32 // place of each XML rule in the binary
}

func (c *compiler) compile() *compiled {
	p := c.p
	b := &compiled{
		format: uint32(c.opts.Format), platform: p.PlatformID, version: p.Version, hvci: p.HVCI.Value,
		typeID: p.BaseID(), policyID: p.ID(), baseID: p.BaseID(), flags: p.flags(),
	}
	for i := range p.EKUs {
		value, _ := p.EKUs[i].bytes() // judged by Validate
		b.ekus = append(b.ekus, value)
	}
	b.rules = c.rules()
	for i := range p.Signers {
		b.signers = append(b.signers, c.signer(&p.Signers[i]))
	}
	b.update, b.ci, b.supplemental = c.signerRefs(p.UpdateSigners), c.signerRefs(p.CISigners), c.signerRefs(p.SupplementalSigners)
	if p.Type == AppIDTaggingPolicy && len(b.ci) == 0 {
		for i := range p.Signers {
			b.ci = append(b.ci, uint32(i))
		}
	}
	for i := range p.Scenarios {
		b.scenarios = append(b.scenarios, c.scenario(&p.Scenarios[i]))
	}
	b.settings = c.settings()
	b.hotpatches = c.hotpatches()
	c.newest(b)
	return b
}

// flags are the option bits. An AppID tagging policy carries a fixed set.
func (p *Policy) flags() uint32 {
	f := flagAlways
	for _, o := range p.Options {
		found, _ := findOption(o.Name)
		f |= found.bit
	}
	if p.IsSupplemental() {
		f |= flagSupplemental
	}
	if p.Type == AppIDTaggingPolicy {
		for _, name := range []string{OptionAudit, OptionUMCI, OptionStoreApps, OptionAdvancedBootMenu, OptionNoScripts} {
			found, _ := findOption(name)
			f |= found.bit
		}
	}
	return f
}

func (c *compiler) rules() []binRule {
	list := c.p.FileRules
	keys := make([]string, len(list))
	if c.opts.Order != KeepOrder {
		for i := range list {
			keys[i] = list[i].sortKey()
		}
	}
	c.ruleAt = make([]uint32, len(list))
	out := make([]binRule, len(list))
	for place, i := range c.opts.Order.sorted(keys) {
		c.ruleAt[i] = uint32(place)
		out[place] = c.rule(&list[i])
	}
	return out
}

func (c *compiler) rule(r *FileRule) binRule {
	return binRule{
		kind: r.Kind, fileName: r.FileName.Value, min: r.storedMin(), max: r.MaxVersion.Value, hash: r.Hash,
		appIDs: c.appIDs(r), internalName: r.InternalName.Value, fileDescription: r.FileDescription.Value,
		productName: r.ProductName.Value, packageFamilyName: r.PackageFamilyName.Value,
		packageVersion: r.PackageVersion.Value, filePath: r.FilePath.Value,
	}
}

// storedMin is the minimum that the binary holds. Windows denies files at or
// below the minimum of a Deny rule, so a Deny rule without versions gets the
// highest one.
func (r *FileRule) storedMin() Version {
	if r.Kind == Deny && !r.MinVersion.Set && !r.MaxVersion.Set {
		return MaxVersion
	}
	return r.MinVersion.Value
}

func (c *compiler) appIDs(r *FileRule) []string {
	switch {
	case !r.AppIDs.Set:
		return nil
	case !strings.HasPrefix(r.AppIDs.Value, "$"):
		return []string{r.AppIDs.Value}
	}
	var values []string
	for _, id := range macroRefs(r.AppIDs.Value) {
		values = append(values, c.p.Macros[c.macros[id]].Value)
	}
	return values
}

func (c *compiler) signer(s *Signer) binSigner {
	out := binSigner{issuer: s.Issuer.Value, publisher: s.Publisher.Value, oemID: s.OemID.Value, fileAttribs: c.ruleRefs(s.FileAttribs)}
	if s.Root.Type == RootWellknown && len(s.Root.Value) > 0 {
		out.wellknown, out.root = true, uint32(s.Root.Value[0])
	} else {
		out.tbs = s.Root.Value
	}
	for _, e := range s.EKUs {
		if !e.Except {
			out.ekus = append(out.ekus, uint32(c.ekus[e.ID]))
		}
	}
	if s.SignTimeAfter.Set {
		out.signTimeAfter = toFiletime(s.SignTimeAfter.Value)
	}
	return out
}

func (c *compiler) ruleRefs(refs []Ref) []uint32 {
	var out []uint32
	for _, r := range refs {
		out = append(out, c.ruleAt[c.index.rules[r.ID]])
	}
	return out
}

func (c *compiler) signerRefs(refs []SignerRef) []uint32 {
	var out []uint32
	for _, r := range refs {
		out = append(out, uint32(c.signers[r.ID]))
	}
	return out
}

func (c *compiler) scenario(s *Scenario) binScenario {
	out := binScenario{value: uint32(s.Value), hashAlgorithm: uint32(s.MinimumHashAlgorithm.Value), product: c.group(&s.Product), test: c.group(s.Test), testSigning: c.group(s.TestSigning)}
	if out.hashAlgorithm == 0 {
		out.hashAlgorithm = calgSHA256
	}
	if g := s.ArtifactSigners; g != nil {
		out.artifacts = c.group(g)
		out.artifacts.rules = c.artifactAt(g.Artifacts)
	}
	for _, id := range s.Inherited.Value {
		out.inherited = append(out.inherited, uint32(c.scenarios[id]))
	}
	return out
}

func (c *compiler) group(g *SignerGroup) binGroup {
	if g == nil {
		return binGroup{}
	}
	out := binGroup{allowed: c.members(g.Allowed), denied: c.members(g.Denied), rules: c.ruleRefs(g.FileRules)}
	if c.opts.Order != KeepOrder {
		slices.Sort(out.rules)
	}
	return out
}

func (c *compiler) members(list []GroupSigner) []binMember {
	var out []binMember
	for _, s := range list {
		out = append(out, binMember{signer: uint32(c.signers[s.SignerID]), except: c.ruleRefs(s.Except)})
	}
	return out
}

// settings are those of AppID tags, those of the XML and those that options
// stand for, sorted together.
func (c *compiler) settings() []Setting {
	list := append(c.p.tagSettings(), c.p.Settings...)
	if c.p.HasOption(optionNoCertRemapping) {
		list = append(list, Setting{Provider: "Microsoft", Key: "PolicySettings", ValueName: "DisabledDefaultWindowsCertificateRemappingValueName", Value: SettingValue{Kind: SettingBoolean, Bool: true}})
	}
	keys := make([]string, len(list))
	if c.opts.Order != KeepOrder {
		for i := range list {
			keys[i] = list[i].sortKey()
		}
	}
	out := make([]Setting, len(list))
	for place, i := range c.opts.Order.sorted(keys) {
		out[place] = list[i]
	}
	return out
}

// tagSettings turns the tags of an AppID tagging policy into secure settings.
func (p *Policy) tagSettings() []Setting {
	if p.Type != AppIDTaggingPolicy {
		return nil
	}
	yes := SettingValue{Kind: SettingBoolean, Bool: true}
	list := []Setting{{Provider: "WDACAppId", Key: "TaggingSettings", ValueName: "DefaultPolicy", Value: yes}}
	for i := range p.Scenarios {
		t := p.Scenarios[i].Tags
		if t == nil {
			continue
		}
		if t.EnforceDLL.Value {
			list = append(list, Setting{Provider: "WDACAppId", Key: "TaggingSettings", ValueName: "EnforceDLL", Value: yes})
		}
		for _, tag := range t.Tags {
			list = append(list, Setting{Provider: "WDACAppId", Key: "Tagging", ValueName: tag.Key, Value: SettingValue{Kind: SettingString, Text: tag.Value}})
		}
	}
	return list
}

func (c *compiler) hotpatches() []binHotpatch {
	var out []binHotpatch
	for i := range c.p.FileRules {
		r := &c.p.FileRules[i]
		if r.RequireHotpatchID == "" {
			continue
		}
		at := c.index.rules[r.RequireHotpatchID]
		required := &c.p.FileRules[at]
		h := binHotpatch{rule: c.ruleAt[i], required: c.ruleAt[at], min: required.MinHotpatchSequence.Value, max: noSequence}
		if required.MaxHotpatchSequence.Set {
			h.max = required.MaxHotpatchSequence.Value
		}
		out = append(out, h)
	}
	return out
}
