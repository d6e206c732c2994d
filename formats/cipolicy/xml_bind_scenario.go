package cipolicy

import (
	"encoding/hex"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/cipolicy/schema"
)

func bindScenario(n *schema.Node) Scenario {
	s := Scenario{
		ID: attr(n, "ID"), FriendlyName: text(n, "FriendlyName"), Value: number[uint8](attr(n, "Value"), 8),
		MinimumHashAlgorithm: optNumber[uint16](n, "MinimumHashAlgorithm", 16), Line: n.Line,
	}
	if list, ok := n.Attr("InheritedScenarios"); ok {
		s.Inherited = Some(strings.Split(strings.TrimSuffix(list, ","), ","))
	}
	for _, c := range n.Children {
		switch c.Name {
		case "ProductSigners":
			s.Product = bindGroup(c)
		case "ArtifactSigners":
			s.ArtifactSigners = pointer(bindGroup(c))
		case "TestSigners":
			s.Test = pointer(bindGroup(c))
		case "TestSigningSigners":
			s.TestSigning = pointer(bindGroup(c))
		case "AppIDTags":
			s.Tags = bindTags(c)
		}
	}
	return s
}

func pointer[T any](v T) *T { return &v }

func bindGroup(n *schema.Node) SignerGroup {
	var g SignerGroup
	for _, c := range n.Children {
		switch c.Name {
		case "AllowedSigners":
			g.Allowed, g.AllowedWorkaround = each(c, groupSigner("DenyRuleID")), text(c, "Workaround")
		case "DeniedSigners":
			g.Denied, g.DeniedWorkaround = each(c, groupSigner("AllowRuleID")), text(c, "Workaround")
		case "FileRulesRef":
			g.FileRules, g.RulesWorkaround = each(c, bindRuleRef), text(c, "Workaround")
		case "ArtifactRulesRef":
			g.Artifacts, g.RulesWorkaround = each(c, bindRuleRef), text(c, "Workaround")
		}
	}
	return g
}

func bindRuleRef(n *schema.Node) Ref {
	return Ref{ID: attr(n, "RuleID"), Line: n.Line}
}

func groupSigner(exceptAttr string) func(*schema.Node) GroupSigner {
	return func(n *schema.Node) GroupSigner {
		s := GroupSigner{SignerID: attr(n, "SignerId"), Line: n.Line}
		for _, c := range n.Children {
			s.Except = append(s.Except, Ref{ID: attr(c, exceptAttr), Line: c.Line})
		}
		return s
	}
}

func bindTags(n *schema.Node) *AppIDTags {
	t := &AppIDTags{}
	if v, ok := n.Attr("EnforceDLL"); ok {
		t.EnforceDLL = Some(boolean(v))
	}
	for _, c := range n.Children {
		t.Tags = append(t.Tags, AppIDTag{Key: attr(c, "Key"), Value: attr(c, "Value")})
	}
	return t
}

func bindSetting(n *schema.Node) Setting {
	s := Setting{Provider: attr(n, "Provider"), Key: attr(n, "Key"), ValueName: attr(n, "ValueName"), Line: n.Line}
	v := n.Child("Value")
	if v == nil || len(v.Children) == 0 {
		return s
	}
	switch c := v.Children[0]; c.Name {
	case "Boolean":
		s.Value = SettingValue{Kind: SettingBoolean, Bool: boolean(c.Text)}
	case "DWord":
		s.Value = SettingValue{Kind: SettingDWord, DWord: number[uint32](c.Text, 32)}
	case "Binary":
		b, _ := hex.DecodeString(schema.Collapse(c.Text))
		s.Value = SettingValue{Kind: SettingBinary, Binary: b}
	case "String":
		s.Value = SettingValue{Kind: SettingString, Text: c.Text}
	}
	return s
}

func bindApp(n *schema.Node) App {
	a := App{Manifest: attr(n, "Manifest"), Line: n.Line}
	for _, c := range n.Children {
		s := AppSetting{Name: text(c, "Name")}
		for _, v := range c.Children {
			s.Values = append(s.Values, v.Text)
		}
		a.Settings = append(a.Settings, s)
	}
	return a
}
