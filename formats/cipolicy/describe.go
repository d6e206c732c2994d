package cipolicy

import (
	"fmt"
	"slices"
	"strings"
)

// Describe says in English sentences what a policy is and what it allows and
// denies, one line for each option, rule and signer that has an effect.
func Describe(p *Policy) []string {
	return describe(p, true)
}

// describe leaves out the names that a policy gives to hashes and certificates
// unless names is set: they are remarks and mean nothing to Windows.
func describe(p *Policy, names bool) []string {
	d := describer{p: p, index: newIndex(p), names: names}
	d.header()
	for i := range p.Scenarios {
		d.scenario(&p.Scenarios[i])
	}
	d.signerLists()
	for i := range p.Settings {
		s := &p.Settings[i]
		d.say("setting %s/%s/%s is %s", s.Provider, s.Key, s.ValueName, s.Value.words())
	}
	if p.HVCI.Value != 0 {
		d.say("memory integrity (HVCI) options 0x%X", p.HVCI.Value)
	}
	return d.lines
}

type describer struct {
	p *Policy
	index
	names bool
	lines []string
}

func (d *describer) say(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

func (d *describer) header() {
	kinds := map[PolicyType]string{SupplementalPolicy: "supplemental policy", AppIDTaggingPolicy: "AppID tagging policy"}
	kind, ok := kinds[d.p.Type]
	if !ok {
		kind = "base policy"
	}
	d.say("%s %s", kind, d.p.ID())
	if d.p.IsSupplemental() {
		d.say("extends the base policy %s", d.p.BaseID())
	}
	d.say("version %s", d.p.Version)
	for _, o := range d.p.Options {
		if why := optionMeanings[o.Name]; why != "" {
			d.say("option %s: %s", o.Name, why)
		} else {
			d.say("option %s", o.Name)
		}
	}
	if !d.p.HasOption(OptionAudit) && !d.p.IsSupplemental() {
		d.say("enforced: what it does not allow is blocked")
	}
}

// optionMeanings explains the options that decide most about a machine.
var optionMeanings = map[string]string{
	OptionUMCI:               "programs and scripts are checked, not only drivers",
	OptionAudit:              "nothing is blocked, only logged",
	OptionUnsigned:           "the policy need not be signed",
	OptionAllowSupplemental:  "other policies may extend it",
	OptionNoScripts:          "scripts are not checked",
	OptionUpdateNoReboot:     "updates take effect without a restart",
	OptionNoRuntimePathCheck: "file path rules count for paths that users can write to",
	"Required:WHQL":          "drivers must be WHQL signed",
	"Enabled:Intelligent Security Graph Authorization": "programs with a good reputation at Microsoft are allowed",
	"Enabled:Managed Installer":                        "what a managed installer installs is allowed",
}

func (d *describer) scenario(s *Scenario) {
	mode := scenarioName(s.Value)
	groups := []struct {
		name  string
		group *SignerGroup
	}{{mode, &s.Product}, {mode + ", test signing scenario", s.Test}, {mode + ", test-signing signers", s.TestSigning}}
	for _, g := range groups {
		if g.group != nil {
			d.group(g.name, g.group)
		}
	}
	if s.Tags != nil {
		for _, t := range s.Tags.Tags {
			d.say("%s: processes get the tag %s=%s", mode, t.Key, t.Value)
		}
	}
}

func scenarioName(value uint8) string {
	switch value {
	case ScenarioKernel:
		return "kernel mode"
	case ScenarioUser:
		return "user mode"
	}
	return fmt.Sprintf("scenario %d", value)
}

func (d *describer) group(mode string, g *SignerGroup) {
	for _, r := range g.FileRules {
		if rule, ok := d.rule(r.ID); ok {
			d.say("%s: %s %s", mode, verb(rule.Kind), d.words(rule))
		}
	}
	for _, m := range g.Denied {
		d.say("%s: deny %s", mode, d.member(m))
	}
	for _, m := range g.Allowed {
		d.say("%s: allow %s", mode, d.member(m))
	}
}

// words are the rule's words with the name that the policy gives to a hash.
func (d *describer) words(r *FileRule) string {
	if d.names && r.Hash != nil && r.FriendlyName.Value != "" {
		return fmt.Sprintf("%s (%s)", r.Words(), r.FriendlyName.Value)
	}
	return r.Words()
}

func verb(k RuleKind) string {
	return strings.ToLower(k.String())
}

func (d *describer) rule(id string) (*FileRule, bool) {
	i, ok := d.rules[id]
	if !ok {
		return nil, false
	}
	return &d.p.FileRules[i], true
}

func (d *describer) member(m GroupSigner) string {
	words := d.signer(m.SignerID)
	for _, e := range m.Except {
		if r, ok := d.rule(e.ID); ok {
			words += ", except " + d.words(r)
		}
	}
	return words
}

// signer describes the files that a signer rule is about.
func (d *describer) signer(id string) string {
	i, ok := d.signers[id]
	if !ok {
		return "files of the unknown signer " + id
	}
	s := &d.p.Signers[i]
	words := "files " + d.chain(s)
	for _, e := range s.EKUs {
		if k, ok := d.ekus[e.ID]; ok {
			words += ", the certificate having the usage " + d.p.EKUs[k].words()
		}
	}
	var attribs []string
	for _, r := range s.FileAttribs {
		if rule, ok := d.rule(r.ID); ok {
			attribs = append(attribs, strings.TrimPrefix(d.words(rule), "files "))
		}
	}
	slices.Sort(attribs)
	if len(attribs) > 0 {
		words += ", " + strings.Join(attribs, " or ")
	}
	return words
}

// chain says whose signature a signer rule wants.
func (d *describer) chain(s *Signer) string {
	words := "signed"
	if s.Publisher.Set {
		words += fmt.Sprintf(" by %q", s.Publisher.Value)
	}
	if s.Root.Type == RootWellknown {
		name := "unknown root"
		if len(s.Root.Value) > 0 {
			name = wellknownRoots[uint32(s.Root.Value[0])]
		}
		words += fmt.Sprintf(" under the well-known root %s (%s)", hexText(s.Root.Value), name)
	} else {
		words += " under the certificate"
		if d.names {
			words += fmt.Sprintf(" %q", s.Name.Value)
		}
		words += " with the TBS hash " + hexText(s.Root.Value)
	}
	if s.Issuer.Set {
		words += fmt.Sprintf(", issued by %q", s.Issuer.Value)
	}
	if s.OemID.Set {
		words += fmt.Sprintf(", vendor %q", s.OemID.Value)
	}
	if s.SignTimeAfter.Set {
		words += ", signed after " + s.SignTimeAfter.Value.Format("2006-01-02 15:04:05 MST")
	}
	return words
}

func (e *EKU) words() string {
	if e.FriendlyName.Value != "" {
		return e.FriendlyName.Value
	}
	value, _ := e.bytes()
	return hexText(value)
}

// Words says which files the rule is about: "files named x.exe (original file
// name), version 1.0.0.0 or later".
func (r *FileRule) Words() string {
	if r.Hash != nil {
		return "files with the hash " + hexText(r.Hash)
	}
	if r.matchesAll() {
		return "all files" + r.versionWords()
	}
	var parts []string
	for i, t := range r.texts() {
		if t.Value != "" {
			parts = append(parts, fmt.Sprintf("%s %q", textNames[i], t.Value))
		}
	}
	if r.AppIDs.Set {
		parts = append(parts, fmt.Sprintf("loaded by the application %q", r.AppIDs.Value))
	}
	return "files with " + strings.Join(parts, ", ") + r.versionWords()
}

// textNames name the entries of FileRule.texts.
var textNames = [6]string{"the original file name", "the internal name", "the description", "the product name", "the package family", "the path"}

// matchesAll reports a rule for every file, which is written as a name of *.
func (r *FileRule) matchesAll() bool {
	set := 0
	for _, t := range r.texts() {
		if t.Value != "" && t.Value != "*" {
			return false
		}
		if t.Value == "*" {
			set++
		}
	}
	return set > 0 && !r.AppIDs.Set
}

// versionWords follows the meaning that Microsoft Learn, "Understand App Control
// policy rules and file rules", gives to the versions: a Deny rule with one
// bound works the other way round than an Allow rule.
func (r *FileRule) versionWords() string {
	lo, hi := r.MinVersion, r.MaxVersion
	deny := r.Kind == Deny
	switch {
	case lo.Set && hi.Set:
		return fmt.Sprintf(", version %s to %s", lo.Value, hi.Value)
	case lo.Set && deny:
		if lo.Value == MaxVersion {
			return ""
		}
		return fmt.Sprintf(", version %s or earlier", lo.Value)
	case lo.Set && lo.Value != 0:
		return fmt.Sprintf(", version %s or later", lo.Value)
	case hi.Set && deny:
		return fmt.Sprintf(", version %s or later", hi.Value)
	case hi.Set:
		return fmt.Sprintf(", version %s or earlier", hi.Value)
	}
	return ""
}

func (d *describer) signerLists() {
	for _, l := range []struct {
		words string
		refs  []SignerRef
	}{
		{"updates of this policy may be signed by what is", d.p.UpdateSigners},
		{"supplements of this policy may be signed by what is", d.p.SupplementalSigners},
		{"code integrity trusts what is", d.p.CISigners},
	} {
		for _, r := range l.refs {
			if i, ok := d.signers[r.ID]; ok {
				d.say("%s %s", l.words, d.chain(&d.p.Signers[i]))
			}
		}
	}
}

func (v SettingValue) words() string {
	switch v.Kind {
	case SettingBoolean:
		return fmt.Sprint(v.Bool)
	case SettingDWord:
		return fmt.Sprint(v.DWord)
	case SettingBinary:
		return "the bytes " + hexText(v.Binary)
	}
	return fmt.Sprintf("%q", v.Text)
}
