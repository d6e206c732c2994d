package cipolicy

// warnUnused names what no scenario refers to: it has no effect, which in a
// policy that someone believes in is worth a line.
func (p *Policy) warnUnused(ps *Problems) {
	used := p.usedIDs()
	for i := range p.FileRules {
		if r := &p.FileRules[i]; !used[r.ID] {
			ps.warn(r.Line, "%s %s is referred to by nothing and has no effect", r.Kind, r.ID)
		}
	}
	for i := range p.Signers {
		if s := &p.Signers[i]; !used[s.ID] {
			ps.warn(s.Line, "signer %s is referred to by nothing and has no effect", s.ID)
		}
	}
}

// usedIDs collects every ID that something refers to.
func (p *Policy) usedIDs() map[string]bool {
	used := map[string]bool{}
	for _, list := range [][]SignerRef{p.UpdateSigners, p.CISigners, p.SupplementalSigners} {
		for _, r := range list {
			used[r.ID] = true
		}
	}
	for i := range p.Signers {
		markRefs(used, p.Signers[i].FileAttribs)
	}
	for i := range p.FileRules {
		used[p.FileRules[i].RequireHotpatchID] = true
	}
	for i := range p.Scenarios {
		for _, g := range p.Scenarios[i].groups() {
			g.mark(used)
		}
	}
	return used
}

// groups returns the signer groups that the scenario has.
func (s *Scenario) groups() []*SignerGroup {
	list := []*SignerGroup{&s.Product}
	for _, g := range []*SignerGroup{s.ArtifactSigners, s.Test, s.TestSigning} {
		if g != nil {
			list = append(list, g)
		}
	}
	return list
}

func (g *SignerGroup) mark(used map[string]bool) {
	for _, list := range [][]GroupSigner{g.Allowed, g.Denied} {
		for _, s := range list {
			used[s.SignerID] = true
			markRefs(used, s.Except)
		}
	}
	markRefs(used, g.FileRules)
}

func markRefs(used map[string]bool, refs []Ref) {
	for _, r := range refs {
		used[r.ID] = true
	}
}
