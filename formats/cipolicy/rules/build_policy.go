package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
)

// builder collects the rules of many files by scenario, each once.
type builder struct {
	opts         Options
	kernel, user *collection
}

// collection are the rules of one scenario, in the order in which they came.
type collection struct {
	rules   []*cipolicy.FileRule
	signers []*heldSigner
	byRule  map[string]bool
	byKey   map[string]*heldSigner
}

// heldSigner is a signer with the attributes of all files that need it, one for
// each name: the lowest version that was seen, or the highest when denying.
type heldSigner struct {
	signerRule
	attribs map[string]*cipolicy.FileRule
	order   []string
}

func newBuilder(o Options) *builder {
	return &builder{opts: o, kernel: newCollection(), user: newCollection()}
}

func newCollection() *collection {
	return &collection{byRule: map[string]bool{}, byKey: map[string]*heldSigner{}}
}

func (b *builder) add(f *File, c content) {
	if b.opts.Mode.kernel(f) {
		b.kernel.add(c)
	}
	if b.opts.Mode.user(f) {
		b.user.add(c)
	}
}

func (c *collection) add(more content) {
	for i := range more.rules {
		r := more.rules[i]
		key := ruleKey(&r)
		if !c.byRule[key] {
			c.byRule[key] = true
			c.rules = append(c.rules, &r)
		}
	}
	for _, s := range more.signers {
		c.addSigner(s)
	}
}

func ruleKey(r *cipolicy.FileRule) string {
	return fmt.Sprintf("%d %X %q %q %q %q %q", r.Kind, r.Hash, r.FileName.Value, r.InternalName.Value, r.FileDescription.Value, r.ProductName.Value, strings.ToUpper(r.FilePath.Value))
}

// addSigner keeps signers with and without attributes apart: one without stands
// for every file of the publisher.
func (c *collection) addSigner(s signerRule) {
	key := fmt.Sprintf("%X %q %q %v", s.signer.Root.Value, s.signer.Publisher.Value, s.eku, s.attrib != nil)
	held, ok := c.byKey[key]
	if !ok {
		held = &heldSigner{signerRule: s, attribs: map[string]*cipolicy.FileRule{}}
		c.byKey[key] = held
		c.signers = append(c.signers, held)
	}
	if s.attrib != nil {
		held.addAttrib(*s.attrib)
	}
}

func (h *heldSigner) addAttrib(a cipolicy.FileRule) {
	name := strings.ToUpper(a.FileName.Value)
	old, ok := h.attribs[name]
	switch {
	case !ok:
		h.order = append(h.order, name)
		h.attribs[name] = &a
	case a.MaxVersion.Set && a.MaxVersion.Value > old.MaxVersion.Value:
		old.MaxVersion = a.MaxVersion
	case !a.MaxVersion.Set && a.MinVersion.Value < old.MinVersion.Value:
		old.MinVersion = a.MinVersion
	}
}

// addTo writes what was collected into the policy: first the kernel rules, then
// those for user mode, as ConfigCI does.
func (b *builder) addTo(p *cipolicy.Policy) error {
	n := newNames(p)
	for _, part := range []struct {
		c     *collection
		value uint8
		id    string
	}{{b.kernel, cipolicy.ScenarioKernel, "ID_SIGNINGSCENARIO_DRIVERS_1"}, {b.user, cipolicy.ScenarioUser, "ID_SIGNINGSCENARIO_WINDOWS"}} {
		if len(part.c.rules)+len(part.c.signers) > 0 {
			group := &scenario(p, part.value, part.id).Product
			if err := b.addCollection(p, group, part.c, n, part.value); err != nil {
				return err
			}
		}
	}
	return nil
}

// scenario returns the scenario of a value, adding it if the policy has none.
func scenario(p *cipolicy.Policy, value uint8, id string) *cipolicy.Scenario {
	for i := range p.Scenarios {
		if p.Scenarios[i].Value == value {
			return &p.Scenarios[i]
		}
	}
	p.Scenarios = append(p.Scenarios, cipolicy.Scenario{ID: id, Value: value})
	return &p.Scenarios[len(p.Scenarios)-1]
}

func (b *builder) addCollection(p *cipolicy.Policy, g *cipolicy.SignerGroup, c *collection, n *names, value uint8) error {
	for _, r := range c.rules {
		r := *r
		r.ID = n.next(map[bool]string{true: "ID_DENY_D_", false: "ID_ALLOW_A_"}[b.opts.Deny])
		p.FileRules = append(p.FileRules, r)
		g.FileRules = append(g.FileRules, cipolicy.Ref{ID: r.ID})
	}
	for _, h := range c.signers {
		id, err := addSigner(p, h, n)
		if err != nil {
			return err
		}
		if b.opts.Deny {
			g.Denied = append(g.Denied, cipolicy.GroupSigner{SignerID: id})
			continue
		}
		g.Allowed = append(g.Allowed, cipolicy.GroupSigner{SignerID: id})
		if value == cipolicy.ScenarioUser {
			p.CISigners = append(p.CISigners, cipolicy.SignerRef{ID: id})
		}
	}
	return nil
}

func addSigner(p *cipolicy.Policy, h *heldSigner, n *names) (string, error) {
	s := h.signer
	stem := "ID_SIGNER_S_"
	if len(h.order) > 0 {
		stem = "ID_SIGNER_F_"
	}
	s.ID = n.next(stem)
	if h.eku != "" {
		id, err := ekuID(p, h.eku, n)
		if err != nil {
			return "", err
		}
		s.EKUs = []cipolicy.EKURef{{ID: id}}
	}
	for _, name := range h.order {
		s.FileAttribs = append(s.FileAttribs, cipolicy.Ref{ID: attribID(p, *h.attribs[name], n)})
	}
	p.Signers = append(p.Signers, s)
	return s.ID, nil
}

// attribID shares a file attribute between signers.
func attribID(p *cipolicy.Policy, a cipolicy.FileRule, n *names) string {
	for i := range p.FileRules {
		r := &p.FileRules[i]
		if r.Kind == cipolicy.FileAttrib && r.FileName == a.FileName && r.MinVersion == a.MinVersion && r.MaxVersion == a.MaxVersion &&
			!r.InternalName.Set && !r.FileDescription.Set && !r.ProductName.Set && !r.PackageFamilyName.Set && !r.FilePath.Set && !r.AppIDs.Set {
			return r.ID
		}
	}
	a.ID = n.next("ID_FILEATTRIB_F_")
	p.FileRules = append(p.FileRules, a)
	return a.ID
}

func ekuID(p *cipolicy.Policy, dotted string, n *names) (string, error) {
	value, err := cipolicy.EKUValue(dotted)
	if err != nil {
		return "", err
	}
	for i := range p.EKUs {
		if slices.Equal(p.EKUs[i].Value, value) {
			return p.EKUs[i].ID, nil
		}
	}
	id := n.next("ID_EKU_E_")
	p.EKUs = append(p.EKUs, cipolicy.EKU{ID: id, FriendlyName: cipolicy.Some("Artifact Signing subscriber - " + dotted), Value: value})
	return id, nil
}

// names hands out IDs that the policy does not have yet: one counter for each
// stem, in hexadecimal, as ConfigCI counts.
type names struct {
	used map[string]bool
	last map[string]int
}

func newNames(p *cipolicy.Policy) *names {
	n := &names{used: map[string]bool{}, last: map[string]int{}}
	for i := range p.FileRules {
		n.used[p.FileRules[i].ID] = true
	}
	for i := range p.Signers {
		n.used[p.Signers[i].ID] = true
	}
	for i := range p.EKUs {
		n.used[p.EKUs[i].ID] = true
	}
	return n
}

func (n *names) next(stem string) string {
	for {
		n.last[stem]++
		if id := fmt.Sprintf("%s%X", stem, n.last[stem]); !n.used[id] {
			n.used[id] = true
			return id
		}
	}
}

// NewPolicy returns an empty base policy as New-CIPolicy begins: unsigned, in
// audit mode, with version 10.0.0.0 and both scenarios.
func NewPolicy(id cipolicy.GUID) *cipolicy.Policy {
	p := &cipolicy.Policy{
		Type: cipolicy.BasePolicy, Version: cipolicy.NewVersion(10, 0, 0, 0), PlatformID: cipolicy.PlatformWindows,
		PolicyID: cipolicy.Some(id), BasePolicyID: cipolicy.Some(id),
		EKUs: []cipolicy.EKU{}, FileRules: []cipolicy.FileRule{}, Signers: []cipolicy.Signer{},
		UpdateSigners: []cipolicy.SignerRef{}, CISigners: []cipolicy.SignerRef{}, HVCI: cipolicy.Some(uint32(0)),
		Scenarios: []cipolicy.Scenario{
			{ID: "ID_SIGNINGSCENARIO_DRIVERS_1", FriendlyName: cipolicy.Some("Kernel mode"), Value: cipolicy.ScenarioKernel},
			{ID: "ID_SIGNINGSCENARIO_WINDOWS", FriendlyName: cipolicy.Some("User mode"), Value: cipolicy.ScenarioUser},
		},
	}
	for _, o := range []string{cipolicy.OptionUnsigned, cipolicy.OptionAudit, cipolicy.OptionAdvancedBootMenu, cipolicy.OptionUMCI} {
		p.SetOption(o)
	}
	return p
}
