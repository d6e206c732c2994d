package cipolicy

import "strings"

// index maps the IDs of a policy to positions in its lists. IDs of all file
// rules share one name space.
type index struct {
	ekus, rules, artifacts, signers, scenarios, macros map[string]int
}

func newIndex(p *Policy) index {
	return index{
		ekus:      positions(p.EKUs, func(e *EKU) string { return e.ID }),
		rules:     positions(p.FileRules, func(r *FileRule) string { return r.ID }),
		artifacts: positions(p.Artifacts, func(r *ArtifactRule) string { return r.ID }),
		signers:   positions(p.Signers, func(s *Signer) string { return s.ID }),
		scenarios: positions(p.Scenarios, func(s *Scenario) string { return s.ID }),
		macros:    positions(p.Macros, func(m *Macro) string { return m.ID }),
	}
}

func positions[T any](list []T, id func(*T) string) map[string]int {
	m := make(map[string]int, len(list))
	for i := range list {
		if _, dup := m[id(&list[i])]; !dup {
			m[id(&list[i])] = i
		}
	}
	return m
}

// references checks that IDs are unique and that every reference resolves to
// something of the right kind.
func (p *Policy) references() Problems {
	c := refChecker{p: p, index: newIndex(p)}
	c.duplicates()
	for i := range p.FileRules {
		c.fileRule(&p.FileRules[i])
	}
	for i := range p.Signers {
		c.signer(&p.Signers[i])
	}
	for i := range p.Scenarios {
		c.scenario(&p.Scenarios[i])
	}
	c.signerRefs("UpdatePolicySigner", p.UpdateSigners)
	c.signerRefs("CiSigner", p.CISigners)
	c.signerRefs("SupplementalPolicySigner", p.SupplementalSigners)
	return c.problems
}

type refChecker struct {
	p *Policy
	index
	problems Problems
}

func (c *refChecker) duplicates() {
	unique(&c.problems, "EKU", c.p.EKUs, func(e *EKU) (string, int) { return e.ID, e.Line })
	unique(&c.problems, "file rule", c.p.FileRules, func(r *FileRule) (string, int) { return r.ID, r.Line })
	unique(&c.problems, "artifact rule", c.p.Artifacts, func(r *ArtifactRule) (string, int) { return r.ID, r.Line })
	unique(&c.problems, "signer", c.p.Signers, func(s *Signer) (string, int) { return s.ID, s.Line })
	unique(&c.problems, "signing scenario", c.p.Scenarios, func(s *Scenario) (string, int) { return s.ID, s.Line })
	unique(&c.problems, "macro", c.p.Macros, func(m *Macro) (string, int) { return m.ID, m.Line })
}

func unique[T any](ps *Problems, what string, list []T, id func(*T) (string, int)) {
	seen := make(map[string]int, len(list))
	for i := range list {
		name, line := id(&list[i])
		if first, dup := seen[name]; dup {
			ps.add(line, "second %s with the ID %s, the first is in line %d", what, name, first)
			continue
		}
		seen[name] = line
	}
}

func (c *refChecker) fileRule(r *FileRule) {
	if r.RequireHotpatchID != "" {
		c.rule(r.Line, "RequireHotpatchID", r.RequireHotpatchID, Allow)
	}
	if !r.AppIDs.Set || !strings.HasPrefix(r.AppIDs.Value, "$") {
		return
	}
	for _, m := range macroRefs(r.AppIDs.Value) {
		if _, ok := c.macros[m]; !ok {
			c.problems.add(r.Line, "AppIDs of %s refers to the macro %s, which does not exist", r.ID, m)
		}
	}
}

// macroRefs splits $(A)$(B) into A and B.
func macroRefs(s string) []string {
	var ids []string
	for _, part := range strings.Split(s, "$(") {
		if id, _, ok := strings.Cut(part, ")"); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

func (c *refChecker) signer(s *Signer) {
	for _, e := range s.EKUs {
		if _, ok := c.ekus[e.ID]; !ok {
			c.problems.add(e.Line, "CertEKU of %s refers to %s, which does not exist", s.ID, e.ID)
		}
	}
	for _, r := range s.FileAttribs {
		c.rule(r.Line, "FileAttribRef", r.ID, FileAttrib)
	}
	c.artifactRefs(s.ArtifactRefs)
}

func (c *refChecker) artifactRefs(refs []Ref) {
	for _, r := range refs {
		if _, ok := c.artifacts[r.ID]; !ok {
			c.problems.add(r.Line, "ArtifactRuleRef refers to %s, which does not exist", r.ID)
		}
	}
}

func (c *refChecker) scenario(s *Scenario) {
	for _, id := range s.Inherited.Value {
		if _, ok := c.scenarios[id]; !ok {
			c.problems.add(s.Line, "InheritedScenarios of %s refers to %s, which does not exist", s.ID, id)
		}
	}
	c.group(&s.Product)
	for _, g := range []*SignerGroup{s.ArtifactSigners, s.Test, s.TestSigning} {
		if g != nil {
			c.group(g)
		}
	}
}

func (c *refChecker) group(g *SignerGroup) {
	for _, s := range g.Allowed {
		c.signerRef(s.Line, "AllowedSigner", s.SignerID)
		for _, e := range s.Except {
			c.rule(e.Line, "ExceptDenyRule", e.ID, Deny)
		}
	}
	for _, s := range g.Denied {
		c.signerRef(s.Line, "DeniedSigner", s.SignerID)
		for _, e := range s.Except {
			c.rule(e.Line, "ExceptAllowRule", e.ID, Allow)
		}
	}
	for _, r := range g.FileRules {
		c.rule(r.Line, "FileRuleRef", r.ID, Allow, Deny)
	}
	c.artifactRefs(g.Artifacts)
}

func (c *refChecker) signerRefs(element string, refs []SignerRef) {
	for _, r := range refs {
		c.signerRef(r.Line, element, r.ID)
	}
}

func (c *refChecker) signerRef(line int, element, id string) {
	if _, ok := c.signers[id]; !ok {
		c.problems.add(line, "%s refers to %s, which does not exist", element, id)
	}
}

// rule checks a reference to a file rule of one of the kinds.
func (c *refChecker) rule(line int, element, id string, kinds ...RuleKind) {
	if id == "" {
		c.problems.add(line, "%s names no rule", element)
		return
	}
	i, ok := c.rules[id]
	if !ok {
		c.problems.add(line, "%s refers to %s, which does not exist", element, id)
		return
	}
	for _, k := range kinds {
		if c.p.FileRules[i].Kind == k {
			return
		}
	}
	c.problems.add(line, "%s refers to %s, which is %s rule, must be %s", element, id, article(c.p.FileRules[i].Kind), joinKinds(kinds))
}

func article(k RuleKind) string {
	if k == Allow {
		return "an Allow"
	}
	return "a " + k.String()
}

func joinKinds(kinds []RuleKind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.String()
	}
	return strings.Join(names, " or ")
}
