package cipolicy

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cipolicy/schema"
)

// binder turns a checked document into a Policy. The schema check has reported
// malformed values already, so the binder skips them; it reports what the
// schema is too weak to see, such as version parts above 65535.
type binder struct {
	problems Problems
}

func text(n *schema.Node, name string) Optional[string] {
	v, ok := n.Attr(name)
	return Optional[string]{Value: v, Set: ok}
}

func attr(n *schema.Node, name string) string {
	v, _ := n.Attr(name)
	return v
}

// hexBytes returns nil for an absent attribute and an empty slice for an empty one.
func hexBytes(n *schema.Node, name string) []byte {
	v, ok := n.Attr(name)
	if !ok {
		return nil
	}
	b, err := hex.DecodeString(schema.Collapse(v))
	if err != nil || b == nil {
		return []byte{}
	}
	return b
}

func number[T uint8 | uint16 | uint32](s string, bits int) T {
	v, _ := strconv.ParseUint(strings.TrimPrefix(schema.Collapse(s), "+"), 10, bits)
	return T(v)
}

func optNumber[T uint8 | uint16 | uint32](n *schema.Node, name string, bits int) Optional[T] {
	v, ok := n.Attr(name)
	return Optional[T]{Value: number[T](v, bits), Set: ok}
}

func boolean(s string) bool {
	s = schema.Collapse(s)
	return s == "true" || s == "1"
}

func (b *binder) version(line int, name, s string) Version {
	v, err := ParseVersion(s)
	if err != nil {
		b.problems.add(line, "%s: %v", name, err)
	}
	return v
}

func (b *binder) optVersion(n *schema.Node, name string) Optional[Version] {
	s, ok := n.Attr(name)
	if !ok {
		return Optional[Version]{}
	}
	return Some(b.version(n.Line, n.Name+" "+name, s))
}

func (b *binder) policy(n *schema.Node) *Policy {
	p := &Policy{FriendlyName: text(n, "FriendlyName"), Type: PolicyType(attr(n, "PolicyType")), Line: n.Line}
	for _, c := range n.Children {
		switch c.Name {
		case "VersionEx":
			p.Version = b.version(c.Line, c.Name, c.Text)
		case "PolicyTypeID":
			p.TypeID = guidElement(c)
		case "PlatformID":
			p.PlatformID = guidElement(c).Value
		case "PolicyID":
			p.PolicyID = guidElement(c)
		case "BasePolicyID":
			p.BasePolicyID = guidElement(c)
		case "HvciOptions":
			p.HVCI = Some(number[uint32](c.Text, 32))
		default:
			b.list(p, c)
		}
	}
	return p
}

func guidElement(n *schema.Node) Optional[GUID] {
	g, err := ParseGUID(n.Text)
	return Optional[GUID]{Value: g, Set: err == nil}
}

// list binds the elements of SiPolicy that hold lists.
func (b *binder) list(p *Policy, n *schema.Node) {
	switch n.Name {
	case "Rules":
		p.Options = each(n, bindOption)
	case "EKUs":
		p.EKUs = each(n, bindEKU)
	case "FileRules":
		p.FileRules = each(n, b.fileRule)
	case "ArtifactRules":
		p.Artifacts = each(n, b.artifactRule)
	case "Signers":
		p.Signers = each(n, b.signer)
	case "SigningScenarios":
		p.Scenarios = each(n, bindScenario)
	case "UpdatePolicySigners":
		p.UpdateSigners = each(n, bindSignerRef)
	case "CiSigners":
		p.CISigners = each(n, bindSignerRef)
	case "SupplementalPolicySigners":
		p.SupplementalSigners = each(n, bindSignerRef)
	case "Settings":
		p.Settings = each(n, bindSetting)
	case "Macros":
		p.Macros = each(n, func(c *schema.Node) Macro {
			return Macro{ID: attr(c, "Id"), Value: attr(c, "Value"), Line: c.Line}
		})
	case "AppSettings":
		p.Apps = each(n, bindApp)
	}
}

// each converts all children; the result is empty but not nil without children.
func each[T any](n *schema.Node, f func(*schema.Node) T) []T {
	out := make([]T, 0, len(n.Children))
	for _, c := range n.Children {
		out = append(out, f(c))
	}
	return out
}

func bindOption(n *schema.Node) Option {
	o := Option{Line: n.Line}
	if c := n.Child("Option"); c != nil {
		o.Name, o.Line = c.Text, c.Line
	}
	return o
}

func bindEKU(n *schema.Node) EKU {
	return EKU{ID: attr(n, "ID"), FriendlyName: text(n, "FriendlyName"), Value: hexBytes(n, "Value"), OID: text(n, "OID"), Line: n.Line}
}

func bindSignerRef(n *schema.Node) SignerRef {
	return SignerRef{ID: attr(n, "SignerId"), Line: n.Line}
}

func (b *binder) fileRule(n *schema.Node) FileRule {
	r := FileRule{
		Kind: ruleKind(n), Generic: n.Name == "FileRule", ID: attr(n, "ID"), Line: n.Line,
		FriendlyName: text(n, "FriendlyName"), FileName: text(n, "FileName"), InternalName: text(n, "InternalName"),
		FileDescription: text(n, "FileDescription"), ProductName: text(n, "ProductName"),
		PackageFamilyName: text(n, "PackageFamilyName"), PackageVersion: b.optVersion(n, "PackageVersion"),
		MinVersion: b.optVersion(n, "MinimumFileVersion"), MaxVersion: b.optVersion(n, "MaximumFileVersion"),
		Hash: hexBytes(n, "Hash"), AppIDs: text(n, "AppIDs"), FilePath: text(n, "FilePath"),
		RequireHotpatchID:   attr(n, "RequireHotpatchID"),
		MinHotpatchSequence: optNumber[uint32](n, "MinimumHotpatchSequence", 32),
		MaxHotpatchSequence: optNumber[uint32](n, "MaximumHotpatchSequence", 32),
	}
	return r
}

// ruleKind maps the element, or the Type of a FileRule, to what the rule does.
func ruleKind(n *schema.Node) RuleKind {
	switch n.Name + attr(n, "Type") {
	case "Allow", "FileRuleMatch":
		return Allow
	case "FileAttrib", "FileRuleAttribute":
		return FileAttrib
	}
	return Deny
}

func (b *binder) artifactRule(n *schema.Node) ArtifactRule {
	r := ArtifactRule{
		ID: attr(n, "ID"), ArtifactType: attr(n, "ArtifactType"), Action: attr(n, "Action"), Line: n.Line,
		FriendlyName: text(n, "FriendlyName"), Name: text(n, "ArtifactName"), Description: text(n, "ArtifactDescription"),
		MinVersion: b.optVersion(n, "MinimumVersion"), MaxVersion: b.optVersion(n, "MaximumVersion"),
	}
	if h := n.Child("ArtifactHash"); h != nil && h.Child("Hash") != nil && len(h.Child("Hash").Children) > 0 {
		digest := h.Child("Hash").Children[0]
		r.HashName = digest.Name
		r.Hash, _ = hex.DecodeString(schema.Collapse(digest.Text))
	}
	return r
}

func (b *binder) signer(n *schema.Node) Signer {
	s := Signer{ID: attr(n, "ID"), Name: text(n, "Name"), Line: n.Line, SignTimeAfter: b.signTime(n)}
	for _, c := range n.Children {
		switch c.Name {
		case "CertRoot":
			s.Root = CertRoot{Type: attr(c, "Type"), Value: hexBytes(c, "Value")}
		case "CertEKU":
			s.EKUs = append(s.EKUs, EKURef{ID: attr(c, "ID"), Except: attr(c, "Condition") == "Except", Line: c.Line})
		case "CertIssuer":
			s.Issuer = text(c, "Value")
		case "CertPublisher":
			s.Publisher = text(c, "Value")
		case "CertOemID":
			s.OemID = text(c, "Value")
		case "FileAttribRef":
			s.FileAttribs = append(s.FileAttribs, Ref{attr(c, "RuleID"), c.Line})
		case "ArtifactRuleRef":
			s.ArtifactRefs = append(s.ArtifactRefs, Ref{attr(c, "RuleID"), c.Line})
		}
	}
	return s
}

// signTime reads SignTimeAfter. A time without zone would mean another instant
// on each machine that compiles the policy, so it is refused.
func (b *binder) signTime(n *schema.Node) Optional[time.Time] {
	s, ok := n.Attr("SignTimeAfter")
	if !ok {
		return Optional[time.Time]{}
	}
	t, err := time.Parse(time.RFC3339Nano, schema.Collapse(s))
	switch {
	case err != nil:
		b.problems.add(n.Line, "Signer SignTimeAfter=%q: must be a date and time with zone, such as 2026-01-31T12:00:00Z", s)
	case t.Nanosecond()%100 != 0:
		b.problems.add(n.Line, "Signer SignTimeAfter=%q: finer than 100 nanoseconds, which the binary cannot hold", s)
	case t.UTC().Before(filetimeEpoch):
		b.problems.add(n.Line, "Signer SignTimeAfter=%q: before the year 1601, where the binary begins to count", s)
	default:
		return Some(t.UTC())
	}
	return Optional[time.Time]{}
}
