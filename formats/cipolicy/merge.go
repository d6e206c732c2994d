package cipolicy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Merge puts the rules of several policies into one, as Merge-CIPolicy does: type,
// identity, version, name, options and HVCI options are those of the first
// policy, rules and signers those of all, each once. To keep IDs apart, those of
// policy n get the suffix _n, the first being 0. Settings and macros of later
// policies are added where the first ones have none of that name; what is left
// out is said in notes. The arguments are not changed.
func Merge(first *Policy, others ...*Policy) (merged *Policy, notes []string) {
	m := newMerger(first)
	for i, p := range append([]*Policy{first}, others...) {
		m.add(p, "_"+strconv.Itoa(i), i > 0)
	}
	return m.out, m.notes
}

type merger struct {
	out   *Policy
	notes []string
	// What is in out already, by content, with its ID.
	ekus, rules, artifacts, signers map[string]string
}

// source is one policy on its way into the result: the IDs that its parts get.
type source struct {
	suffix                                  string
	ekus, rules, artifacts, signers, macros map[string]string
}

func newMerger(first *Policy) *merger {
	out := *first
	out.Options = slices.Clone(first.Options)
	out.EKUs, out.FileRules, out.Signers, out.Scenarios = []EKU{}, []FileRule{}, []Signer{}, []Scenario{}
	out.UpdateSigners, out.CISigners = []SignerRef{}, []SignerRef{}
	out.Artifacts, out.SupplementalSigners, out.Settings, out.Macros = nil, nil, nil, nil
	out.Apps = slices.Clone(first.Apps)
	return &merger{out: &out, ekus: map[string]string{}, rules: map[string]string{}, artifacts: map[string]string{}, signers: map[string]string{}}
}

func (m *merger) note(format string, args ...any) {
	m.notes = append(m.notes, fmt.Sprintf(format, args...))
}

func (m *merger) add(p *Policy, suffix string, later bool) {
	s := &source{suffix: suffix, ekus: map[string]string{}, rules: map[string]string{}, artifacts: map[string]string{}, signers: map[string]string{}, macros: map[string]string{}}
	if later {
		m.noteDropped(p)
	}
	m.addMacros(p, s)
	for i := range p.EKUs {
		m.addEKU(&p.EKUs[i], s)
	}
	m.addRules(p, s)
	for i := range p.Artifacts {
		m.addArtifact(p.Artifacts[i], s)
	}
	for i := range p.Signers {
		m.addSigner(&p.Signers[i], s)
	}
	for i := range p.Scenarios {
		m.addScenario(&p.Scenarios[i], s, p)
	}
	m.out.UpdateSigners = unionRefs(m.out.UpdateSigners, p.UpdateSigners, s.signers)
	m.out.CISigners = unionRefs(m.out.CISigners, p.CISigners, s.signers)
	if !m.out.IsSupplemental() {
		m.out.SupplementalSigners = unionRefs(m.out.SupplementalSigners, p.SupplementalSigners, s.signers)
	} else if len(p.SupplementalSigners) > 0 {
		m.note("SupplementalPolicySigners of the policy %s are not taken over: the first policy is a supplement itself", p.ID())
	}
	m.addSettings(p)
}

// once adds a part under a new ID unless one of the same content is there, and
// returns the ID under which the result has it.
func once(have map[string]string, key, id string, add func(id string)) string {
	if old, ok := have[key]; ok {
		return old
	}
	have[key] = id
	add(id)
	return id
}

func (m *merger) noteDropped(p *Policy) {
	for _, o := range p.Options {
		if !m.out.HasOption(o.Name) {
			m.note("option %q of the policy %s is not taken over: the options are those of the first policy", o.Name, p.ID())
		}
	}
	if len(p.Apps) > 0 {
		m.note("application settings of the policy %s are not taken over", p.ID())
	}
}

func (m *merger) addEKU(e *EKU, s *source) {
	c := *e
	value, _ := c.bytes()
	s.ekus[e.ID] = once(m.ekus, hexText(value), e.ID+s.suffix, func(id string) {
		c.ID = id
		m.out.EKUs = append(m.out.EKUs, c)
	})
}

func (m *merger) addArtifact(a ArtifactRule, s *source) {
	old, key := a.ID, a
	key.ID, key.FriendlyName, key.Line = "", Optional[string]{}, 0
	s.artifacts[old] = once(m.artifacts, fmt.Sprintf("%+v", key), old+s.suffix, func(id string) {
		a.ID = id
		m.out.Artifacts = append(m.out.Artifacts, a)
	})
}

// addRules adds the file rules, then makes those with RequireHotpatchID refer to
// the new names.
func (m *merger) addRules(p *Policy, s *source) {
	known := len(m.out.FileRules)
	at := newIndex(p).rules
	for i := range p.FileRules {
		c := p.FileRules[i]
		old := c.ID
		c.AppIDs.Value = renameMacros(c.AppIDs.Value, s.macros)
		key := c.content()
		if required, ok := at[c.RequireHotpatchID]; ok {
			key += p.FileRules[required].content()
		}
		s.rules[old] = once(m.rules, key, old+s.suffix, func(id string) {
			c.ID = id
			m.out.FileRules = append(m.out.FileRules, c)
		})
	}
	for i := known; i < len(m.out.FileRules); i++ {
		if r := &m.out.FileRules[i]; r.RequireHotpatchID != "" {
			r.RequireHotpatchID = s.rules[r.RequireHotpatchID]
		}
	}
}

// content is what makes a rule the same as another one, whatever it is called.
// The rule that RequireHotpatchID names is not part of it.
func (r *FileRule) content() string {
	c := *r
	c.ID, c.FriendlyName, c.Generic, c.Line, c.RequireHotpatchID = "", Optional[string]{}, false, 0, ""
	return fmt.Sprintf("%+v", c)
}

func (m *merger) addSigner(in *Signer, s *source) {
	c := *in
	c.EKUs = slices.Clone(in.EKUs)
	for i := range c.EKUs {
		c.EKUs[i].ID = s.ekus[c.EKUs[i].ID]
	}
	c.FileAttribs = renameRefs(in.FileAttribs, s.rules)
	c.ArtifactRefs = renameRefs(in.ArtifactRefs, s.artifacts)
	key := c
	key.ID, key.Line, key.Name = "", 0, Optional[string]{}
	s.signers[in.ID] = once(m.signers, withoutLines(key), in.ID+s.suffix, func(id string) {
		c.ID = id
		m.out.Signers = append(m.out.Signers, c)
	})
}

// withoutLines prints a signer for comparison.
func withoutLines(s Signer) string {
	s.EKUs, s.FileAttribs, s.ArtifactRefs = slices.Clone(s.EKUs), slices.Clone(s.FileAttribs), slices.Clone(s.ArtifactRefs)
	for i := range s.EKUs {
		s.EKUs[i].Line = 0
	}
	for _, list := range [][]Ref{s.FileAttribs, s.ArtifactRefs} {
		for i := range list {
			list[i].Line = 0
		}
	}
	return fmt.Sprintf("%+v", s)
}

func renameRefs(refs []Ref, ids map[string]string) []Ref {
	out := slices.Clone(refs)
	for i := range out {
		out[i].ID = ids[out[i].ID]
	}
	return out
}

// unionRefs appends the renamed references that are not there yet.
func unionRefs(have, more []SignerRef, ids map[string]string) []SignerRef {
	for _, r := range more {
		r.ID = ids[r.ID]
		if !slices.ContainsFunc(have, func(h SignerRef) bool { return h.ID == r.ID }) {
			have = append(have, r)
		}
	}
	return have
}

// addScenario joins scenarios of the same value.
func (m *merger) addScenario(in *Scenario, s *source, p *Policy) {
	i := slices.IndexFunc(m.out.Scenarios, func(o Scenario) bool { return o.Value == in.Value })
	if i < 0 {
		c := *in
		c.Product, c.ArtifactSigners, c.Test, c.TestSigning = SignerGroup{}, nil, nil, nil
		c.ID = m.freeScenarioID(in.ID, s.suffix)
		m.out.Scenarios = append(m.out.Scenarios, c)
		i = len(m.out.Scenarios) - 1
		m.dropInherited(i, p)
	} else if in.Tags != nil {
		m.addTags(&m.out.Scenarios[i], in.Tags)
	}
	out := &m.out.Scenarios[i]
	out.Product = joinGroups(out.Product, &in.Product, s)
	out.ArtifactSigners = joinOptional(out.ArtifactSigners, in.ArtifactSigners, s)
	out.Test = joinOptional(out.Test, in.Test, s)
	out.TestSigning = joinOptional(out.TestSigning, in.TestSigning, s)
}

func (m *merger) freeScenarioID(id, suffix string) string {
	if slices.ContainsFunc(m.out.Scenarios, func(o Scenario) bool { return o.ID == id }) {
		return id + suffix
	}
	return id
}

// dropInherited keeps the inheritance of the first policy, whose scenarios keep
// their IDs, and says when that of a later one is lost.
func (m *merger) dropInherited(i int, p *Policy) {
	s := &m.out.Scenarios[i]
	if s.Inherited.Set && p.ID() != m.out.ID() {
		m.note("InheritedScenarios of %s in the policy %s is not taken over", s.ID, p.ID())
		s.Inherited = Optional[[]string]{}
	}
}

func (m *merger) addTags(s *Scenario, more *AppIDTags) {
	tags := AppIDTags{}
	if s.Tags != nil {
		tags = AppIDTags{EnforceDLL: s.Tags.EnforceDLL, Tags: slices.Clone(s.Tags.Tags)}
	}
	for _, t := range more.Tags {
		if !slices.Contains(tags.Tags, t) {
			tags.Tags = append(tags.Tags, t)
		}
	}
	s.Tags = &tags
}

func joinOptional(have, more *SignerGroup, s *source) *SignerGroup {
	if more == nil {
		return have
	}
	if have == nil {
		have = &SignerGroup{}
	}
	return pointer(joinGroups(*have, more, s))
}

func joinGroups(have SignerGroup, more *SignerGroup, s *source) SignerGroup {
	have.Allowed = joinMembers(have.Allowed, more.Allowed, s)
	have.Denied = joinMembers(have.Denied, more.Denied, s)
	have.FileRules = joinRefs(have.FileRules, more.FileRules, s.rules)
	have.Artifacts = joinRefs(have.Artifacts, more.Artifacts, s.artifacts)
	return have
}

func joinMembers(have, more []GroupSigner, s *source) []GroupSigner {
	for _, g := range more {
		c := GroupSigner{SignerID: s.signers[g.SignerID], Except: renameRefs(g.Except, s.rules), Line: g.Line}
		same := func(h GroupSigner) bool {
			return h.SignerID == c.SignerID && slices.EqualFunc(h.Except, c.Except, func(a, b Ref) bool { return a.ID == b.ID })
		}
		if !slices.ContainsFunc(have, same) {
			have = append(have, c)
		}
	}
	return have
}

func joinRefs(have, more []Ref, ids map[string]string) []Ref {
	seen := make(map[string]bool, len(have))
	for _, r := range have {
		seen[r.ID] = true
	}
	for _, r := range more {
		r.ID = ids[r.ID]
		if !seen[r.ID] {
			seen[r.ID] = true
			have = append(have, r)
		}
	}
	return have
}

func (m *merger) addSettings(p *Policy) {
	for i := range p.Settings {
		s := p.Settings[i]
		j := slices.IndexFunc(m.out.Settings, func(h Setting) bool { return h.sortKey() == s.sortKey() })
		switch {
		case j < 0:
			m.out.Settings = append(m.out.Settings, s)
		case s.Provider != "PolicyInfo" && m.out.Settings[j].Value.words() != s.Value.words():
			m.note("setting %s/%s/%s of the policy %s is not taken over, an earlier policy has another value", s.Provider, s.Key, s.ValueName, p.ID())
		}
	}
}

// addMacros renames a macro that an earlier policy defines differently.
func (m *merger) addMacros(p *Policy, s *source) {
	for _, macro := range p.Macros {
		i := slices.IndexFunc(m.out.Macros, func(h Macro) bool { return h.ID == macro.ID })
		if i >= 0 && m.out.Macros[i].Value == macro.Value {
			continue
		}
		if i >= 0 {
			s.macros[macro.ID] = macro.ID + s.suffix
			macro.ID += s.suffix
		}
		m.out.Macros = append(m.out.Macros, macro)
	}
}

func renameMacros(text string, names map[string]string) string {
	if !strings.HasPrefix(text, "$") || len(names) == 0 {
		return text
	}
	var out strings.Builder
	for _, id := range macroRefs(text) {
		if to, ok := names[id]; ok {
			id = to
		}
		out.WriteString("$(" + id + ")")
	}
	return out.String()
}
