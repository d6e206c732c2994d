package cipolicy

import (
	"bytes"
	"encoding/hex"
	"io"
	"strconv"
	"strings"
	"time"
)

// Write writes the policy as ConfigCI does: UTF-8 with a byte order mark, two
// spaces of indentation, its order of elements and attributes, hexadecimal in
// upper case, versions with four parts, no line end after the last element. The
// same policy always gives the same bytes, with line feeds on every system.
// Comments of XML that was read are not kept.
func (p *Policy) Write(w io.Writer) error {
	_, err := w.Write(p.XML())
	return err
}

// XML returns what Write writes.
func (p *Policy) XML() []byte {
	w := &xmlWriter{}
	w.WriteString("\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?>")
	w.policy(p)
	return w.Bytes()
}

// xmlWriter writes elements with the indentation of their depth.
type xmlWriter struct {
	bytes.Buffer
	depth int
}

var (
	attrEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\t", "&#x9;", "\n", "&#xA;", "\r", "&#xD;")
	textEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")
)

// legal replaces the characters that an XML document cannot hold in any form
// (XML 1.0 section 2.2).
func legal(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return '\uFFFD'
		}
		return r
	}, s)
}

func (w *xmlWriter) line() {
	w.WriteByte('\n')
	for range w.depth {
		w.WriteString("  ")
	}
}

// attrs are names and values in turn; w.optional appends to them.
type attrs []string

func (a attrs) with(name string, v Optional[string]) attrs {
	if !v.Set {
		return a
	}
	return append(a, name, v.Value)
}

func (a attrs) withVersion(name string, v Optional[Version]) attrs {
	if !v.Set {
		return a
	}
	return append(a, name, v.Value.String())
}

func (a attrs) withHex(name string, b []byte) attrs {
	if b == nil {
		return a
	}
	return append(a, name, hexText(b))
}

func withNumber[T uint16 | uint32](a attrs, name string, v Optional[T]) attrs {
	if !v.Set {
		return a
	}
	return append(a, name, strconv.FormatUint(uint64(v.Value), 10))
}

func hexText(b []byte) string {
	return strings.ToUpper(hex.EncodeToString(b))
}

func (w *xmlWriter) start(name string, a attrs) {
	w.line()
	w.WriteByte('<')
	w.WriteString(name)
	for i := 0; i+1 < len(a); i += 2 {
		w.WriteByte(' ')
		w.WriteString(a[i])
		w.WriteString(`="`)
		attrEscaper.WriteString(w, legal(a[i+1]))
		w.WriteByte('"')
	}
}

// leaf writes an element without content.
func (w *xmlWriter) leaf(name string, a attrs) {
	w.start(name, a)
	w.WriteString(" />")
}

func (w *xmlWriter) text(name, value string) {
	w.start(name, nil)
	w.WriteByte('>')
	textEscaper.WriteString(w, legal(value))
	w.WriteString("</" + name + ">")
}

// element writes an element and, between its tags, what body writes.
func (w *xmlWriter) element(name string, a attrs, body func()) {
	w.start(name, a)
	mark := w.Len()
	w.WriteByte('>')
	w.depth++
	body()
	w.depth--
	if w.Len() == mark+1 {
		w.Truncate(mark)
		w.WriteString(" />")
		return
	}
	w.line()
	w.WriteString("</" + name + ">")
}

func (w *xmlWriter) comment(s string) {
	w.line()
	w.WriteString("<!--" + s + "-->")
}

// writeList writes a list element, nothing if the list is absent.
func writeList[T any](w *xmlWriter, name string, list []T, item func(*T)) {
	if list == nil {
		return
	}
	w.element(name, nil, func() {
		for i := range list {
			item(&list[i])
		}
	})
}

func (w *xmlWriter) guid(name string, g Optional[GUID]) {
	if g.Set {
		w.text(name, g.Value.String())
	}
}

func (w *xmlWriter) policy(p *Policy) {
	a := attrs{"xmlns", Namespace}.with("FriendlyName", p.FriendlyName)
	if p.Type != "" {
		a = append(a, "PolicyType", string(p.Type))
	}
	w.element("SiPolicy", a, func() {
		w.text("VersionEx", p.Version.String())
		w.guid("PolicyTypeID", p.TypeID)
		w.text("PlatformID", p.PlatformID.String())
		w.rules(p)
		w.scenarios(p)
		w.guid("BasePolicyID", p.BasePolicyID)
		w.guid("PolicyID", p.PolicyID)
		w.tail(p)
	})
}

// rules writes the options and the lists that scenarios refer to, each after
// the comment that ConfigCI puts there.
func (w *xmlWriter) rules(p *Policy) {
	w.element("Rules", nil, func() {
		for _, o := range p.Options {
			w.element("Rule", nil, func() { w.text("Option", o.Name) })
		}
	})
	if p.EKUs != nil {
		w.comment("EKUS")
	}
	writeList(w, "EKUs", p.EKUs, func(e *EKU) {
		w.leaf("EKU", attrs{"ID", e.ID}.with("FriendlyName", e.FriendlyName).withHex("Value", e.Value).with("OID", e.OID))
	})
	if p.FileRules != nil {
		w.comment("File Rules")
	}
	writeList(w, "FileRules", p.FileRules, w.fileRule)
	writeList(w, "ArtifactRules", p.Artifacts, w.artifactRule)
	if p.Signers != nil {
		w.comment("Signers")
	}
	writeList(w, "Signers", p.Signers, w.signer)
}

func (w *xmlWriter) scenarios(p *Policy) {
	if p.Scenarios != nil {
		w.comment("Driver Signing Scenarios")
	}
	writeList(w, "SigningScenarios", p.Scenarios, w.scenario)
	writeList(w, "UpdatePolicySigners", p.UpdateSigners, w.signerRef("UpdatePolicySigner"))
	writeList(w, "CiSigners", p.CISigners, w.signerRef("CiSigner"))
	if p.HVCI.Set {
		w.text("HvciOptions", strconv.FormatUint(uint64(p.HVCI.Value), 10))
	}
}

func (w *xmlWriter) tail(p *Policy) {
	writeList(w, "Settings", p.Settings, w.setting)
	writeList(w, "Macros", p.Macros, func(m *Macro) { w.leaf("Macro", attrs{"Id", m.ID, "Value", m.Value}) })
	writeList(w, "SupplementalPolicySigners", p.SupplementalSigners, w.signerRef("SupplementalPolicySigner"))
	writeList(w, "AppSettings", p.Apps, func(a *App) {
		w.element("App", attrs{"Manifest", a.Manifest}, func() {
			for _, s := range a.Settings {
				w.element("Setting", attrs(nil).with("Name", s.Name), func() {
					for _, v := range s.Values {
						w.text("Value", v)
					}
				})
			}
		})
	})
}

func (w *xmlWriter) signerRef(name string) func(*SignerRef) {
	return func(r *SignerRef) { w.leaf(name, attrs{"SignerId", r.ID}) }
}

func (w *xmlWriter) fileRule(r *FileRule) {
	a := attrs{"ID", r.ID}.with("FriendlyName", r.FriendlyName).with("FileName", r.FileName).
		with("InternalName", r.InternalName).with("FileDescription", r.FileDescription).
		with("ProductName", r.ProductName).with("PackageFamilyName", r.PackageFamilyName).
		withVersion("PackageVersion", r.PackageVersion).withVersion("MinimumFileVersion", r.MinVersion).
		withVersion("MaximumFileVersion", r.MaxVersion).withHex("Hash", r.Hash).
		with("AppIDs", r.AppIDs).with("FilePath", r.FilePath).with("RequireHotpatchID", nonZero(r.RequireHotpatchID))
	a = withNumber(a, "MinimumHotpatchSequence", r.MinHotpatchSequence)
	a = withNumber(a, "MaximumHotpatchSequence", r.MaxHotpatchSequence)
	if !r.Generic {
		w.leaf(r.Kind.String(), a)
		return
	}
	types := map[RuleKind]string{Allow: "Match", Deny: "Exclude", FileAttrib: "Attribute"}
	w.leaf("FileRule", append(a, "Type", types[r.Kind]))
}

func (w *xmlWriter) artifactRule(r *ArtifactRule) {
	a := attrs{"ID", r.ID, "ArtifactType", r.ArtifactType, "Action", r.Action}.with("FriendlyName", r.FriendlyName).
		with("ArtifactName", r.Name).with("ArtifactDescription", r.Description).
		withVersion("MinimumVersion", r.MinVersion).withVersion("MaximumVersion", r.MaxVersion)
	w.element("ArtifactRule", a, func() {
		if r.HashName == "" {
			return
		}
		w.element("ArtifactHash", nil, func() {
			w.element("Hash", nil, func() { w.text(r.HashName, hexText(r.Hash)) })
		})
	})
}

func (w *xmlWriter) signer(s *Signer) {
	a := attrs{"ID", s.ID}.with("Name", s.Name)
	if s.SignTimeAfter.Set {
		a = append(a, "SignTimeAfter", s.SignTimeAfter.Value.UTC().Format(time.RFC3339Nano))
	}
	w.element("Signer", a, func() {
		w.leaf("CertRoot", attrs{"Type", s.Root.Type, "Value", hexText(s.Root.Value)})
		for _, e := range s.EKUs {
			a := attrs{"ID", e.ID}
			if e.Except {
				a = append(a, "Condition", "Except")
			}
			w.leaf("CertEKU", a)
		}
		w.value("CertIssuer", s.Issuer)
		w.value("CertPublisher", s.Publisher)
		w.value("CertOemID", s.OemID)
		w.refs("FileAttribRef", "RuleID", s.FileAttribs)
		w.refs("ArtifactRuleRef", "RuleID", s.ArtifactRefs)
	})
}

func (w *xmlWriter) value(name string, v Optional[string]) {
	if v.Set {
		w.leaf(name, attrs{"Value", v.Value})
	}
}

func (w *xmlWriter) refs(name, attr string, refs []Ref) {
	for _, r := range refs {
		w.leaf(name, attrs(nil).with(attr, nonZero(r.ID)))
	}
}
