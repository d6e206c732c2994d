package cipolicy

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
)

// Validate checks references and what a policy means: identities that fit the
// type, options that exclude each other, rules without condition, hashes of
// impossible length. Problems that are not warnings keep the policy from being
// compiled; ConfigCI refuses most of them as well.
func (p *Policy) Validate() Problems {
	problems := append(p.references(), p.semantics()...)
	p.warnUnused(&problems)
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.Line - b.Line })
	return problems
}

// semantics judges everything but references and what is unused.
func (p *Policy) semantics() Problems {
	var ps Problems
	p.checkIdentity(&ps)
	p.checkOptions(&ps)
	p.checkSigned(&ps)
	for i := range p.EKUs {
		p.EKUs[i].check(&ps)
	}
	for i := range p.FileRules {
		p.FileRules[i].check(&ps)
	}
	for i := range p.Artifacts {
		p.Artifacts[i].check(&ps)
	}
	for i := range p.Signers {
		p.Signers[i].check(&ps)
	}
	p.checkScenarios(&ps)
	p.checkTagging(&ps)
	return ps
}

// checkIdentity wants PolicyID and BasePolicyID equal unless the policy is a
// supplement, or a PolicyTypeID alone.
func (p *Policy) checkIdentity(ps *Problems) {
	if p.PlatformID != PlatformWindows {
		ps.warn(p.Line, "PlatformID is %s; policies for Windows have %s", p.PlatformID, PlatformWindows)
	}
	if p.PolicyID.Set != p.BasePolicyID.Set {
		ps.add(p.Line, "PolicyID and BasePolicyID belong together, but only one is there")
		return
	}
	if !p.PolicyID.Set {
		if !p.TypeID.Set {
			ps.add(p.Line, "the policy has no identity: add PolicyID and BasePolicyID, or PolicyTypeID for the single-policy format")
		}
		if p.Type == SupplementalPolicy || p.Type == AppIDTaggingPolicy {
			ps.add(p.Line, "a %s needs PolicyID and BasePolicyID", p.Type)
		}
		return
	}
	same := p.PolicyID.Value == p.BasePolicyID.Value
	switch {
	case p.IsSupplemental() && same:
		ps.add(p.Line, "a supplemental policy has the identity of its base policy as BasePolicyID, not its own %s", p.PolicyID.Value)
	case !p.IsSupplemental() && !same:
		ps.add(p.Line, "PolicyID and BasePolicyID differ, but the PolicyType is not %q", SupplementalPolicy)
	}
}

func (p *Policy) checkOptions(ps *Problems) {
	seen := map[string]bool{}
	for _, o := range p.Options {
		found, ok := findOption(o.Name)
		switch {
		case !ok:
			ps.add(o.Line, "option %q is not in the schema", o.Name)
		case seen[o.Name]:
			ps.warn(o.Line, "option %q appears twice", o.Name)
		case p.IsSupplemental() && o.Name == OptionAllowSupplemental:
			ps.add(o.Line, "a supplemental policy may not have the option %q", o.Name)
		case p.IsSupplemental() && !found.supplemental:
			ps.warn(o.Line, "option %q has no effect in a supplemental policy", o.Name)
		}
		seen[o.Name] = true
	}
}

// checkSigned covers policies that must be signed because they do not have the
// option Enabled:Unsigned System Integrity Policy.
func (p *Policy) checkSigned(ps *Problems) {
	if p.IsSupplemental() && len(p.SupplementalSigners) > 0 {
		ps.add(p.SupplementalSigners[0].Line, "a supplemental policy may not have SupplementalPolicySigners")
	}
	if p.HasOption(OptionUnsigned) {
		return
	}
	if len(p.UpdateSigners) == 0 {
		ps.add(p.Line, "without the option %q the policy must be signed and needs an UpdatePolicySigner", OptionUnsigned)
	}
	if p.HasOption(OptionAllowSupplemental) && !p.IsSupplemental() && len(p.SupplementalSigners) == 0 && p.ID() != LockdownPolicy {
		ps.add(p.Line, "a signed policy with the option %q needs a SupplementalPolicySigner", OptionAllowSupplemental)
	}
}

func (e *EKU) check(ps *Problems) {
	value, err := e.bytes()
	switch {
	case err != nil:
		ps.add(e.Line, "EKU %s: %v", e.ID, err)
	case len(value) < 3 || value[0] != 1 || int(value[1]) != len(value)-2:
		ps.add(e.Line, "EKU %s: the value is not the DER of an object identifier with the first byte 01", e.ID)
	}
}

// bytes returns the value as the binary holds it, made from the OID if the XML
// has no Value.
func (e *EKU) bytes() ([]byte, error) {
	if !e.OID.Set {
		if e.Value == nil {
			return nil, fmt.Errorf("neither Value nor OID is there")
		}
		return e.Value, nil
	}
	value, err := EKUValue(e.OID.Value)
	if err != nil {
		return nil, err
	}
	if e.Value != nil && !bytes.Equal(e.Value, value) {
		return nil, fmt.Errorf("the attribute Value and OID %s are different object identifiers", e.OID.Value)
	}
	return value, nil
}

// EKUValue returns the Value attribute for an object identifier in dotted form:
// its DER with the tag byte replaced by 01.
func EKUValue(dotted string) ([]byte, error) {
	oid, err := x509.ParseOID(dotted)
	if err != nil {
		return nil, fmt.Errorf("%q is not an object identifier", dotted)
	}
	body, err := oid.MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("object identifier %s: %w", dotted, err)
	}
	der, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagOID, Bytes: body})
	if err != nil {
		return nil, fmt.Errorf("object identifier %s: %w", dotted, err)
	}
	der[0] = 1
	return der, nil
}

// digestSizes are the hash lengths in bytes that a certificate or a file can
// have: MD5, SHA-1, SHA-256, SHA-384, SHA-512.
var digestSizes = []int{16, 20, 32, 48, 64}

func (r *FileRule) check(ps *Problems) {
	texts := r.texts()
	describes := r.AppIDs.Set || slices.ContainsFunc(texts[:], func(t Optional[string]) bool { return t.Value != "" })
	switch {
	case r.Hash == nil && !describes:
		ps.add(r.Line, "%s: the rule has no condition: it needs a hash or a file attribute", r.ID)
	case r.Hash == nil:
	case !slices.Contains(digestSizes[1:], len(r.Hash)):
		ps.add(r.Line, "%s: a hash of %d bytes, must be 20, 32, 48 or 64", r.ID, len(r.Hash))
	case describes:
		ps.add(r.Line, "%s: a rule with a hash may not have further file attributes", r.ID)
	}
	if r.MinVersion.Set && r.MaxVersion.Set && r.MinVersion.Value > r.MaxVersion.Value {
		ps.add(r.Line, "%s: MinimumFileVersion %s is above MaximumFileVersion %s", r.ID, r.MinVersion.Value, r.MaxVersion.Value)
	}
	if r.Kind != Allow && r.hotpatches() {
		ps.add(r.Line, "%s: hotpatch attributes belong to Allow rules", r.ID)
	}
}

func (r *FileRule) hotpatches() bool {
	return r.MinHotpatchSequence.Set || r.MaxHotpatchSequence.Set || r.RequireHotpatchID != ""
}

// texts returns the attributes that compare with a file, in the order in which
// the compiler sorts by them.
func (r *FileRule) texts() [6]Optional[string] {
	return [6]Optional[string]{r.FileName, r.InternalName, r.FileDescription, r.ProductName, r.PackageFamilyName, r.FilePath}
}

func (r *ArtifactRule) check(ps *Problems) {
	if r.MinVersion.Set && r.MaxVersion.Set && r.MinVersion.Value > r.MaxVersion.Value {
		ps.add(r.Line, "%s: MinimumVersion %s is above MaximumVersion %s", r.ID, r.MinVersion.Value, r.MaxVersion.Value)
	}
}

func (s *Signer) check(ps *Problems) {
	n := len(s.Root.Value)
	switch {
	case s.Root.Type == RootTBS && !slices.Contains(digestSizes, n):
		ps.add(s.Line, "%s: CertRoot of %d bytes is not the hash of a certificate, must be 16, 20, 32, 48 or 64", s.ID, n)
	case s.Root.Type == RootWellknown && n != 1:
		ps.add(s.Line, "%s: CertRoot of type Wellknown has %d bytes, must have 1", s.ID, n)
	case s.Root.Type != RootTBS && s.Root.Type != RootWellknown:
		ps.add(s.Line, "%s: CertRoot type %q, must be TBS or Wellknown", s.ID, s.Root.Type)
	}
}

func (p *Policy) checkScenarios(ps *Problems) {
	seen := map[uint8]string{}
	for i := range p.Scenarios {
		s := &p.Scenarios[i]
		if other, dup := seen[s.Value]; dup {
			ps.add(s.Line, "%s: the value %d is that of %s already", s.ID, s.Value, other)
			continue
		}
		seen[s.Value] = s.ID
	}
}

// checkTagging wants tags in the user-mode scenario of a tagging policy and
// nowhere else: in another policy they would be lost.
func (p *Policy) checkTagging(ps *Problems) {
	tagging := p.Type == AppIDTaggingPolicy
	for i := range p.Scenarios {
		s := &p.Scenarios[i]
		switch {
		case !tagging && s.Tags != nil:
			ps.add(s.Line, "%s: AppIDTags need the PolicyType %q", s.ID, AppIDTaggingPolicy)
		case tagging && s.Value != ScenarioUser:
			ps.add(s.Line, "%s: a tagging policy may have the scenario %d only, this is %d", s.ID, ScenarioUser, s.Value)
		case tagging && (s.Tags == nil || len(s.Tags.Tags) == 0):
			ps.add(s.Line, "%s: a tagging policy needs an AppIDTag", s.ID)
		}
	}
	if tagging && len(p.Scenarios) == 0 {
		ps.add(p.Line, "a tagging policy needs a signing scenario with AppIDTags")
	}
}
