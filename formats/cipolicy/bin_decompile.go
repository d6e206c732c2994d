package cipolicy

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Decompiled is a policy made from a binary.
type Decompiled struct {
	Policy *Policy
	// Format is the version of the binary.
	Format int
	// Order is the sort routine with which compiling gives the same bytes.
	Order Order
	// Signature is the PKCS#7 message that the binary lay in, nil if unsigned.
	Signature []byte
	// Exact is true if compiling the policy with Format and Order gives the
	// binary again, byte for byte. Decompile tries.
	Exact bool
	// Notes say what is odd about the policy: what ConfigCI would not compile.
	Notes Problems
}

// Decompile makes the policy of a binary: a .cip, a SiPolicy.p7b, signed or not.
// IDs and names are not part of a binary, so it numbers rules and signers in the
// order of the result. Rules that compare equal are placed so that compiling
// with the sort routine order restores their order; if the binary is not sorted
// that way at all, the result is for KeepOrder. Damaged input gives a
// *FormatError.
func Decompile(b []byte, order Order) (*Decompiled, error) {
	content, signature, err := Unwrap(b)
	if err != nil {
		return nil, err
	}
	c, err := decode(content)
	if err != nil {
		return nil, fmt.Errorf("reading compiled policy: %w", err)
	}
	out := &Decompiled{Format: int(c.format), Signature: signature}
	for _, o := range []Order{order, KeepOrder} {
		p, err := c.policy(o)
		if err != nil {
			return nil, fmt.Errorf("decompiling policy: %w", err)
		}
		again, err := Compile(p, CompileOptions{Format: out.Format, Order: o, Unchecked: true})
		if err == nil && bytes.Equal(again, content) {
			out.Exact = true
		}
		out.Policy, out.Order = p, o
		if out.Exact {
			break
		}
	}
	out.Notes = out.Policy.Validate()
	return out, nil
}

// decompiler collects the names that it gives to the parts of a policy.
type decompiler struct {
	c       *compiled
	p       *Policy
	ruleIDs []string // by position in the binary
}

// policy makes the XML model. It fails on values that the XML cannot express.
func (c *compiled) policy(order Order) (*Policy, error) {
	d := decompiler{c: c, p: &Policy{
		Version: c.version, PlatformID: c.platform, HVCI: Some(c.hvci), Settings: c.settings,
		EKUs: []EKU{}, Signers: []Signer{}, Scenarios: []Scenario{}, UpdateSigners: []SignerRef{}, CISigners: []SignerRef{},
	}}
	if len(c.settings) == 0 {
		d.p.Settings = nil
	}
	d.identity()
	if err := d.options(); err != nil {
		return nil, err
	}
	for i, v := range c.ekus {
		d.p.EKUs = append(d.p.EKUs, EKU{ID: "ID_EKU_E_" + strconv.Itoa(i+1), Value: notNil(v)})
	}
	d.rules(order)
	if err := d.signers(); err != nil {
		return nil, err
	}
	d.p.UpdateSigners = append(d.p.UpdateSigners, d.signerRefs(c.update)...)
	d.p.CISigners = append(d.p.CISigners, d.signerRefs(c.ci)...)
	d.p.SupplementalSigners = d.signerRefs(c.supplemental)
	if err := d.scenarios(); err != nil {
		return nil, err
	}
	if err := d.newest(); err != nil {
		return nil, err
	}
	return d.p, d.hotpatches()
}

func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// identity chooses between the single-policy format and the other one, which
// look the same in a binary, by the GUIDs that Windows reserves for the former.
func (d *decompiler) identity() {
	c := d.c
	single := c.format < firstMultiplePolicy ||
		c.policyID == c.typeID && slices.Contains([]GUID{SinglePolicyType, revokePolicy, driverPolicy}, c.typeID)
	if single && c.flags&flagSupplemental == 0 {
		d.p.TypeID = Some(c.typeID)
		return
	}
	d.p.Type = BasePolicy
	if c.flags&flagSupplemental != 0 {
		d.p.Type = SupplementalPolicy
	}
	d.p.PolicyID, d.p.BasePolicyID = Some(c.policyID), Some(c.baseID)
}

func (d *decompiler) options() error {
	left := d.c.flags &^ (flagAlways | flagSupplemental)
	d.p.Options = []Option{}
	for _, o := range options {
		if o.bit != 0 && left&o.bit != 0 {
			d.p.Options = append(d.p.Options, Option{Name: o.name})
			left &^= o.bit
		}
	}
	if left != 0 {
		return fmt.Errorf("option flags 0x%08X: no option is known for the bits 0x%08X", d.c.flags, left)
	}
	return nil
}

// rules puts the file rules where sorting brings them back to their places.
func (d *decompiler) rules(order Order) {
	sortedRules := make([]FileRule, len(d.c.rules))
	keys := make([]string, len(sortedRules))
	for i := range d.c.rules {
		sortedRules[i] = d.rule(&d.c.rules[i])
		keys[i] = sortedRules[i].sortKey()
	}
	list := make([]FileRule, len(sortedRules))
	ids := make([]string, len(sortedRules))
	for place, from := range order.sorted(keys) {
		list[from] = sortedRules[place]
		ids[place] = "" // named below, in the order of the XML
	}
	numbers := map[RuleKind]int{}
	stems := map[RuleKind]string{Deny: "ID_DENY_D_", Allow: "ID_ALLOW_A_", FileAttrib: "ID_FILEATTRIB_F_"}
	for i := range list {
		k := list[i].Kind
		numbers[k]++
		list[i].ID = stems[k] + strings.ToUpper(strconv.FormatInt(int64(numbers[k]), 16))
	}
	for place, from := range order.sorted(keys) {
		ids[place] = list[from].ID
	}
	d.p.FileRules, d.ruleIDs = list, ids
}

func (d *decompiler) rule(r *binRule) FileRule {
	out := FileRule{
		Kind: r.kind, FileName: nonZero(r.fileName), InternalName: nonZero(r.internalName),
		FileDescription: nonZero(r.fileDescription), ProductName: nonZero(r.productName),
		PackageFamilyName: nonZero(r.packageFamilyName), PackageVersion: nonZero(r.packageVersion),
		MinVersion: nonZero(r.min), MaxVersion: nonZero(r.max), Hash: r.hash, FilePath: nonZero(r.filePath),
		AppIDs: d.appIDs(r.appIDs),
	}
	if r.kind == Deny && r.max == 0 {
		// Absent versions stand for the highest minimum in a Deny rule.
		out.MinVersion = Optional[Version]{Value: r.min, Set: r.min != MaxVersion}
		if r.min == MaxVersion {
			out.MinVersion.Value = 0
		}
	}
	return out
}

// appIDs puts texts that an attribute cannot hold directly into macros.
func (d *decompiler) appIDs(list []string) Optional[string] {
	if len(list) == 0 {
		return Optional[string]{}
	}
	if len(list) == 1 && list[0] != "" && !strings.HasPrefix(list[0], "$") {
		return Some(list[0])
	}
	var refs strings.Builder
	for _, v := range list {
		refs.WriteString("$(" + d.macro(v) + ")")
	}
	return Some(refs.String())
}

func (d *decompiler) macro(value string) string {
	for _, m := range d.p.Macros {
		if m.Value == value {
			return m.ID
		}
	}
	id := "AppID" + strconv.Itoa(len(d.p.Macros)+1)
	d.p.Macros = append(d.p.Macros, Macro{ID: id, Value: value})
	return id
}

// wellknownRoots names the roots by the numbers that CertRoot uses, as
// Microsoft's example policies do.
var wellknownRoots = map[uint32]string{
	4: "Microsoft Product Root 1997", 5: "Microsoft Product Root 2001", 6: "Microsoft Product Root 2010",
	7: "Microsoft Standard Root 2011", 8: "Microsoft Code Verification Root 2006", 10: "Microsoft Test Root 2010",
	12: "Microsoft DMD Root 2005", 14: "Microsoft Flight Root 2014",
}

func signerID(i uint32) string {
	return "ID_SIGNER_S_" + strings.ToUpper(strconv.FormatUint(uint64(i)+1, 16))
}

// lastFiletime is the last step of the year 9999, where xs:dateTime of .NET ends.
var lastFiletime = toFiletime(time.Date(9999, 12, 31, 23, 59, 59, 999_999_900, time.UTC))

func (d *decompiler) signers() error {
	for i := range d.c.signers {
		b := &d.c.signers[i]
		s := Signer{ID: signerID(uint32(i)), Root: CertRoot{Type: RootTBS, Value: notNil(b.tbs)}, Issuer: nonZero(b.issuer),
			Publisher: nonZero(b.publisher), OemID: nonZero(b.oemID), FileAttribs: d.ruleRefs(b.fileAttribs)}
		name := "Signer " + strconv.Itoa(i+1)
		if b.wellknown {
			if b.root > math.MaxUint8 {
				return fmt.Errorf("signer %d: well-known root %d, the XML holds numbers up to 255", i, b.root)
			}
			s.Root = CertRoot{Type: RootWellknown, Value: []byte{byte(b.root)}}
			if known, ok := wellknownRoots[b.root]; ok {
				name = known
			}
		}
		s.Name = Some(name)
		for _, e := range b.ekus {
			s.EKUs = append(s.EKUs, EKURef{ID: d.p.EKUs[e].ID})
		}
		if b.signTimeAfter > lastFiletime {
			return fmt.Errorf("signer %d: SignTimeAfter 0x%X is after the year 9999", i, b.signTimeAfter)
		}
		if b.signTimeAfter != 0 {
			s.SignTimeAfter = Some(fromFiletime(b.signTimeAfter))
		}
		d.p.Signers = append(d.p.Signers, s)
	}
	return nil
}

func (d *decompiler) ruleRefs(positions []uint32) []Ref {
	var out []Ref
	for _, at := range positions {
		out = append(out, Ref{ID: d.ruleIDs[at]})
	}
	return out
}

func (d *decompiler) signerRefs(positions []uint32) []SignerRef {
	var out []SignerRef
	for _, at := range positions {
		out = append(out, SignerRef{ID: signerID(at)})
	}
	return out
}

func (d *decompiler) scenarios() error {
	ids := make([]string, len(d.c.scenarios))
	for i := range d.c.scenarios {
		ids[i] = scenarioID(d.c.scenarios, i)
	}
	for i := range d.c.scenarios {
		b := &d.c.scenarios[i]
		if b.value > math.MaxUint8 || b.hashAlgorithm > math.MaxUint16 {
			return fmt.Errorf("scenario %d: value %d or MinimumHashAlgorithm 0x%X is larger than the XML can hold", i, b.value, b.hashAlgorithm)
		}
		s := Scenario{ID: ids[i], Value: uint8(b.value), Product: d.group(&b.product), Test: d.optionalGroup(&b.test), TestSigning: d.optionalGroup(&b.testSigning)}
		if b.hashAlgorithm != calgSHA256 {
			s.MinimumHashAlgorithm = Some(uint16(b.hashAlgorithm))
		}
		if len(b.inherited) > 0 {
			s.Inherited.Set = true
			for _, at := range b.inherited {
				s.Inherited.Value = append(s.Inherited.Value, ids[at])
			}
		}
		d.p.Scenarios = append(d.p.Scenarios, s)
	}
	return nil
}

// scenarioID gives the names of ConfigCI to the first kernel and user scenario.
func scenarioID(list []binScenario, i int) string {
	first := !slices.ContainsFunc(list[:i], func(s binScenario) bool { return s.value == list[i].value })
	switch {
	case first && list[i].value == uint32(ScenarioKernel):
		return "ID_SIGNINGSCENARIO_DRIVERS_1"
	case first && list[i].value == uint32(ScenarioUser):
		return "ID_SIGNINGSCENARIO_WINDOWS"
	}
	return "ID_SIGNINGSCENARIO_S_" + strconv.Itoa(i+1)
}

func (d *decompiler) group(g *binGroup) SignerGroup {
	return SignerGroup{Allowed: d.members(g.allowed), Denied: d.members(g.denied), FileRules: d.ruleRefs(g.rules)}
}

func (d *decompiler) optionalGroup(g *binGroup) *SignerGroup {
	if len(g.allowed)+len(g.denied)+len(g.rules) == 0 {
		return nil
	}
	return pointer(d.group(g))
}

func (d *decompiler) members(list []binMember) []GroupSigner {
	var out []GroupSigner
	for _, m := range list {
		out = append(out, GroupSigner{SignerID: signerID(m.signer), Except: d.ruleRefs(m.except)})
	}
	return out
}

func (d *decompiler) hotpatches() error {
	positions := newIndex(d.p).rules
	for _, h := range d.c.hotpatches {
		rule := &d.p.FileRules[positions[d.ruleIDs[h.rule]]]
		required := &d.p.FileRules[positions[d.ruleIDs[h.required]]]
		if rule.RequireHotpatchID != "" {
			return fmt.Errorf("file rule %d has two hotpatch entries, the XML holds one", h.rule)
		}
		rule.RequireHotpatchID = required.ID
		required.MinHotpatchSequence = nonZero(h.min)
		required.MaxHotpatchSequence = Optional[uint32]{Value: h.max, Set: h.max != noSequence}
	}
	return nil
}
