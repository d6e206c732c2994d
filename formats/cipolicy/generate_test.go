package cipolicy

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// generate makes a valid policy of n file rules with every feature that a format
// version up to 9 can hold. Few distinct names make ties in the order of rules
// likely.
func generate(r *rand.Rand, n int, format int) *Policy {
	p := &Policy{
		Type: BasePolicy, Version: Version(r.Uint64()), PlatformID: PlatformWindows, HVCI: Some(r.Uint32N(16)),
		EKUs: []EKU{}, FileRules: []FileRule{}, Signers: []Signer{}, Scenarios: []Scenario{},
	}
	p.PolicyID = Some(randomGUID(r))
	p.BasePolicyID = p.PolicyID
	if r.IntN(3) == 0 {
		p.Type, p.BasePolicyID = SupplementalPolicy, Some(randomGUID(r))
	}
	p.SetOption(OptionUnsigned)
	for _, o := range options {
		if (o.supplemental || p.Type == BasePolicy) && r.IntN(3) == 0 {
			p.SetOption(o.name)
		}
	}
	for i := range r.IntN(4) {
		p.EKUs = append(p.EKUs, EKU{ID: fmt.Sprintf("ID_EKU_E_%d", i), Value: []byte{1, 2, 0x2A, byte(i)}})
	}
	p.Macros = []Macro{{ID: "One", Value: "first"}, {ID: "Two", Value: "$second"}}
	for i := range n {
		p.FileRules = append(p.FileRules, generateRule(r, i))
	}
	if format >= 9 {
		requireHotpatch(r, p)
	}
	for i := range r.IntN(6) + 1 {
		p.Signers = append(p.Signers, generateSigner(r, p, i))
	}
	if format >= 10 {
		for i := range r.IntN(4) {
			p.Artifacts = append(p.Artifacts, generateArtifact(r, i))
		}
	}
	for i := range p.Signers {
		s := &p.Signers[i]
		s.ArtifactRefs = randomArtifacts(r, p)
		if len(s.EKUs) > 0 && format >= 11 && r.IntN(2) == 0 {
			s.EKUs[len(s.EKUs)-1].Except = true
		}
	}
	for i := range r.IntN(3) {
		p.Scenarios = append(p.Scenarios, generateScenario(r, p, i))
	}
	p.UpdateSigners, p.CISigners = randomSigners(r, p), randomSigners(r, p)
	if p.Type == BasePolicy {
		p.SupplementalSigners = randomSigners(r, p)
	}
	p.SetInfo("Name", randomText(r))
	p.Settings = append(p.Settings,
		Setting{Provider: "P", Key: "k", ValueName: "B", Value: SettingValue{Kind: SettingBinary, Binary: []byte{1, 2, 3}}},
		Setting{Provider: "p", Key: "K", ValueName: "d", Value: SettingValue{Kind: SettingDWord, DWord: r.Uint32()}})
	return p
}

func randomGUID(r *rand.Rand) GUID {
	var g GUID
	for i := range g {
		g[i] = byte(r.Uint32())
	}
	return g
}

var sampleTexts = []string{"*", "a.exe", "A.EXE", "b_c.dll", "Ünïcode \U0001F512 name", "<&\"'> ", "Zeta", "ı", "%OSDRIVE%\\x\\*"}

func randomText(r *rand.Rand) string {
	return sampleTexts[r.IntN(len(sampleTexts))]
}

func maybe(r *rand.Rand, v string) Optional[string] {
	return Optional[string]{Value: v, Set: r.IntN(3) == 0}.normal()
}

// normal clears the value of an absent Optional.
func (o Optional[T]) normal() Optional[T] {
	if !o.Set {
		return Optional[T]{}
	}
	return o
}

func generateRule(r *rand.Rand, i int) FileRule {
	kind := RuleKind(r.IntN(3))
	stem := map[RuleKind]string{Deny: "ID_DENY_D_", Allow: "ID_ALLOW_A_", FileAttrib: "ID_FILEATTRIB_F_"}[kind]
	rule := FileRule{Kind: kind, ID: fmt.Sprintf("%s%d", stem, i), FriendlyName: maybe(r, randomText(r))}
	if r.IntN(2) == 0 {
		rule.Hash = make([]byte, []int{20, 32}[r.IntN(2)])
		rule.Hash[0] = byte(r.IntN(4))
		return rule
	}
	rule.FileName = Some(randomText(r))
	rule.InternalName, rule.FileDescription, rule.ProductName = maybe(r, randomText(r)), maybe(r, randomText(r)), maybe(r, randomText(r))
	rule.PackageFamilyName, rule.FilePath = maybe(r, randomText(r)), maybe(r, randomText(r))
	switch r.IntN(4) {
	case 0:
		rule.MinVersion = Some(Version(r.Uint64()))
	case 1:
		rule.MaxVersion = Some(Version(r.Uint64() | 1))
	case 2:
		rule.MinVersion, rule.MaxVersion = Some(Version(r.Uint32())), Some(MaxVersion)
	}
	rule.AppIDs = maybe(r, []string{"one app", "$(One)$(Two)", "$(Two)"}[r.IntN(3)])
	return rule
}

// requireHotpatch makes the first Allow rule require the last one.
func requireHotpatch(r *rand.Rand, p *Policy) {
	var allow []*FileRule
	for i := range p.FileRules {
		if p.FileRules[i].Kind == Allow {
			allow = append(allow, &p.FileRules[i])
		}
	}
	if len(allow) < 2 {
		return
	}
	last := allow[len(allow)-1]
	allow[0].RequireHotpatchID = last.ID
	last.MinHotpatchSequence = Some(r.Uint32())
	last.MaxHotpatchSequence = Optional[uint32]{Value: 9, Set: r.IntN(2) == 0}.normal()
}

func generateSigner(r *rand.Rand, p *Policy, i int) Signer {
	s := Signer{ID: fmt.Sprintf("ID_SIGNER_S_%d", i), Name: Some(randomText(r)), Issuer: maybe(r, randomText(r)), Publisher: maybe(r, randomText(r)), OemID: maybe(r, randomText(r))}
	s.Root = CertRoot{Type: RootTBS, Value: make([]byte, []int{20, 32, 48}[r.IntN(3)])}
	if r.IntN(3) == 0 {
		s.Root = CertRoot{Type: RootWellknown, Value: []byte{byte(r.IntN(16))}}
	}
	for _, e := range p.EKUs {
		if r.IntN(2) == 0 {
			s.EKUs = append(s.EKUs, EKURef{ID: e.ID})
		}
	}
	if r.IntN(3) == 0 {
		s.SignTimeAfter = Some(time.Date(2024, 2, 29, 23, 59, 59, r.IntN(1e7)*100, time.UTC))
	}
	s.FileAttribs = randomRules(r, p, FileAttrib)
	return s
}

func randomRules(r *rand.Rand, p *Policy, kinds ...RuleKind) []Ref {
	var refs []Ref
	for i := range p.FileRules {
		for _, k := range kinds {
			if p.FileRules[i].Kind == k && r.IntN(3) == 0 {
				refs = append(refs, Ref{ID: p.FileRules[i].ID})
			}
		}
	}
	r.Shuffle(len(refs), func(i, j int) { refs[i], refs[j] = refs[j], refs[i] })
	return refs
}

func generateArtifact(r *rand.Rand, i int) ArtifactRule {
	a := ArtifactRule{ID: fmt.Sprintf("ID_ARTIFACT_A_%d", i), ArtifactType: artifactTypes[r.IntN(2)], Action: artifactActions[r.IntN(2)], Name: maybe(r, randomText(r))}
	if r.IntN(2) == 0 {
		a.MaxVersion = Some(NewVersion(9, 0, 0, 0))
	}
	if size := []int{0, 32, 48, 64}[r.IntN(4)]; size > 0 {
		a.HashName, a.Hash = hashNames[size], make([]byte, size)
	}
	return a
}

func randomArtifacts(r *rand.Rand, p *Policy) []Ref {
	var refs []Ref
	for i := range p.Artifacts {
		if r.IntN(2) == 0 {
			refs = append(refs, Ref{ID: p.Artifacts[i].ID})
		}
	}
	return refs
}

func randomSigners(r *rand.Rand, p *Policy) []SignerRef {
	refs := []SignerRef{}
	for i := range p.Signers {
		if r.IntN(2) == 0 {
			refs = append(refs, SignerRef{ID: p.Signers[i].ID})
		}
	}
	return refs
}

func generateScenario(r *rand.Rand, p *Policy, i int) Scenario {
	s := Scenario{ID: fmt.Sprintf("ID_SIGNINGSCENARIO_S_%d", i), Value: []uint8{ScenarioUser, ScenarioKernel}[i], Product: generateGroup(r, p)}
	if r.IntN(3) == 0 {
		s.Test = pointer(generateGroup(r, p))
	}
	if i > 0 && r.IntN(2) == 0 {
		s.Inherited = Some([]string{"ID_SIGNINGSCENARIO_S_0"})
	}
	if len(p.Artifacts) > 0 {
		s.ArtifactSigners = &SignerGroup{Artifacts: randomArtifacts(r, p)}
	}
	if r.IntN(3) == 0 {
		s.MinimumHashAlgorithm = Some(uint16(0x8004))
	}
	return s
}

func generateGroup(r *rand.Rand, p *Policy) SignerGroup {
	g := SignerGroup{FileRules: randomRules(r, p, Allow, Deny)}
	for _, ref := range randomSigners(r, p) {
		g.Allowed = append(g.Allowed, GroupSigner{SignerID: ref.ID, Except: randomRules(r, p, Deny)})
	}
	for _, ref := range randomSigners(r, p) {
		g.Denied = append(g.Denied, GroupSigner{SignerID: ref.ID, Except: randomRules(r, p, Allow)})
	}
	return g
}
