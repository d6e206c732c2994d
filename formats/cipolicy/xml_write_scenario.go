package cipolicy

import (
	"strconv"
	"strings"
)

func (w *xmlWriter) scenario(s *Scenario) {
	a := attrs{"Value", strconv.Itoa(int(s.Value)), "ID", s.ID}.with("FriendlyName", s.FriendlyName)
	if s.Inherited.Set {
		a = append(a, "InheritedScenarios", strings.Join(s.Inherited.Value, ","))
	}
	a = withNumber(a, "MinimumHashAlgorithm", s.MinimumHashAlgorithm)
	w.element("SigningScenario", a, func() {
		w.group("ProductSigners", &s.Product)
		w.group("ArtifactSigners", s.ArtifactSigners)
		w.group("TestSigners", s.Test)
		w.group("TestSigningSigners", s.TestSigning)
		w.tags(s.Tags)
	})
}

func (w *xmlWriter) group(name string, g *SignerGroup) {
	if g == nil {
		return
	}
	w.element(name, nil, func() {
		w.groupSigners("Allow", "ExceptDenyRule", "DenyRuleID", g.Allowed, g.AllowedWorkaround)
		w.groupSigners("Deni", "ExceptAllowRule", "AllowRuleID", g.Denied, g.DeniedWorkaround)
		w.ruleRefs("FileRulesRef", "FileRuleRef", g.FileRules, g.RulesWorkaround)
		w.ruleRefs("ArtifactRulesRef", "ArtifactRuleRef", g.Artifacts, g.RulesWorkaround)
	})
}

// groupSigners writes AllowedSigners or DeniedSigners; stem is the part before "edSigner".
func (w *xmlWriter) groupSigners(stem, except, exceptAttr string, list []GroupSigner, workaround Optional[string]) {
	if len(list) == 0 {
		return
	}
	w.element(stem+"edSigners", attrs(nil).with("Workaround", workaround), func() {
		for _, s := range list {
			w.element(stem+"edSigner", attrs{"SignerId", s.SignerID}, func() {
				w.refs(except, exceptAttr, s.Except)
			})
		}
	})
}

func (w *xmlWriter) ruleRefs(name, item string, refs []Ref, workaround Optional[string]) {
	if len(refs) == 0 {
		return
	}
	w.element(name, attrs(nil).with("Workaround", workaround), func() {
		w.refs(item, "RuleID", refs)
	})
}

func (w *xmlWriter) tags(t *AppIDTags) {
	if t == nil {
		return
	}
	var a attrs
	if t.EnforceDLL.Set {
		a = attrs{"EnforceDLL", strconv.FormatBool(t.EnforceDLL.Value)}
	}
	w.element("AppIDTags", a, func() {
		for _, tag := range t.Tags {
			w.leaf("AppIDTag", attrs{"Key", tag.Key, "Value", tag.Value})
		}
	})
}

func (w *xmlWriter) setting(s *Setting) {
	w.element("Setting", attrs{"Provider", s.Provider, "Key", s.Key, "ValueName", s.ValueName}, func() {
		w.element("Value", nil, func() {
			switch v := s.Value; v.Kind {
			case SettingBoolean:
				w.text("Boolean", strconv.FormatBool(v.Bool))
			case SettingDWord:
				w.text("DWord", strconv.FormatUint(uint64(v.DWord), 10))
			case SettingBinary:
				w.text("Binary", hexText(v.Binary))
			case SettingString:
				w.text("String", v.Text)
			}
		})
	})
}
