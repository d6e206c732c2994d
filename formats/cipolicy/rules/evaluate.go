package rules

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
)

// Verdict is what a policy says about a file in one scenario.
type Verdict struct {
	// Allowed is true if a rule allows the file and none denies it.
	Allowed bool
	// AllowedBy and DeniedBy name the rules that match, in words.
	AllowedBy, DeniedBy []string
}

// Evaluate judges a file by the rules of a policy as App Control does: an
// explicit deny counts first, then an explicit allow; without either the file is
// not allowed. A supplemental policy's deny rules have no effect on Windows, so
// they are reported only.
//
// What only Windows knows is left out: reputation, managed installers, whether a
// path is writable, and well-known roots, which are not part of a signature; a
// rule for such a root is taken as not matching. Signers with exceptions match
// unless one of the exceptions does.
func Evaluate(p *cipolicy.Policy, f *File, scenario uint8, windowsPath string) Verdict {
	e := evaluator{p: p, f: f, path: windowsPath}
	for i := range p.Scenarios {
		if s := &p.Scenarios[i]; s.Value == scenario {
			e.group(&s.Product)
		}
	}
	e.verdict.Allowed = len(e.verdict.AllowedBy) > 0 && len(e.verdict.DeniedBy) == 0
	return e.verdict
}

type evaluator struct {
	p       *cipolicy.Policy
	f       *File
	path    string
	verdict Verdict
}

func (e *evaluator) group(g *cipolicy.SignerGroup) {
	rules := map[string]*cipolicy.FileRule{}
	for i := range e.p.FileRules {
		rules[e.p.FileRules[i].ID] = &e.p.FileRules[i]
	}
	for _, ref := range g.FileRules {
		r := rules[ref.ID]
		if r == nil || !e.matches(r) {
			continue
		}
		if r.Kind == cipolicy.Deny {
			e.verdict.DeniedBy = append(e.verdict.DeniedBy, "deny "+r.Words())
		} else {
			e.verdict.AllowedBy = append(e.verdict.AllowedBy, "allow "+r.Words())
		}
	}
	for _, m := range g.Denied {
		if s := e.member(m, rules); s != nil {
			e.verdict.DeniedBy = append(e.verdict.DeniedBy, "deny signer "+s.Name.Value+" ("+s.ID+")")
		}
	}
	for _, m := range g.Allowed {
		if s := e.member(m, rules); s != nil {
			e.verdict.AllowedBy = append(e.verdict.AllowedBy, signerWords(s))
		}
	}
}

func signerWords(s *cipolicy.Signer) string {
	if s.Publisher.Set {
		return fmt.Sprintf("allow signer %q under %q (%s)", s.Publisher.Value, s.Name.Value, s.ID)
	}
	return fmt.Sprintf("allow signer %q (%s)", s.Name.Value, s.ID)
}

// member returns the signer if it matches and none of its exceptions does.
func (e *evaluator) member(m cipolicy.GroupSigner, rules map[string]*cipolicy.FileRule) *cipolicy.Signer {
	for i := range e.p.Signers {
		s := &e.p.Signers[i]
		if s.ID != m.SignerID || !e.signer(s, rules) {
			continue
		}
		for _, x := range m.Except {
			if r := rules[x.ID]; r != nil && e.matches(r) {
				return nil
			}
		}
		return s
	}
	return nil
}

func (e *evaluator) signer(s *cipolicy.Signer, rules map[string]*cipolicy.FileRule) bool {
	signed := false
	for i := range e.f.Signatures {
		if e.signature(s, &e.f.Signatures[i]) {
			signed = true
		}
	}
	if !signed || len(s.FileAttribs) == 0 {
		return signed
	}
	for _, ref := range s.FileAttribs {
		if r := rules[ref.ID]; r != nil && e.matches(r) {
			return true
		}
	}
	return false
}

func (e *evaluator) signature(s *cipolicy.Signer, sig *Signature) bool {
	if sig.Unusable != "" || s.Root.Type != cipolicy.RootTBS || s.OemID.Set || s.SignTimeAfter.Set {
		return false
	}
	if s.Publisher.Set && s.Publisher.Value != sig.Leaf().Name || s.Issuer.Set && s.Issuer.Value != sig.Issuer {
		return false
	}
	for _, ref := range s.EKUs {
		if !e.hasEKU(ref.ID, sig) {
			return false
		}
	}
	for _, c := range sig.Chain {
		if bytes.Equal(c.TBS, s.Root.Value) {
			return true
		}
	}
	return false
}

func (e *evaluator) hasEKU(id string, sig *Signature) bool {
	for i := range e.p.EKUs {
		if e.p.EKUs[i].ID != id {
			continue
		}
		for _, dotted := range sig.EKUs {
			if value, err := cipolicy.EKUValue(dotted); err == nil && bytes.Equal(value, e.p.EKUs[i].Value) {
				return true
			}
		}
	}
	return false
}

// matches compares a file rule with the file.
func (e *evaluator) matches(r *cipolicy.FileRule) bool {
	if r.Hash != nil {
		for _, h := range []Hex{e.f.SHA1, e.f.SHA256, e.f.PageSHA1, e.f.PageSHA256} {
			if bytes.Equal(h, r.Hash) {
				return true
			}
		}
		return false
	}
	if r.PackageFamilyName.Value != "" || r.AppIDs.Set {
		return false
	}
	for _, c := range []struct{ want, have string }{
		{r.FileName.Value, e.f.OriginalFilename}, {r.InternalName.Value, e.f.InternalName},
		{r.FileDescription.Value, e.f.FileDescription}, {r.ProductName.Value, e.f.ProductName},
	} {
		if c.want != "" && c.want != "*" && !strings.EqualFold(c.want, c.have) {
			return false
		}
	}
	if r.FilePath.Value != "" && !matchPath(r.FilePath.Value, e.path) {
		return false
	}
	return e.versionMatches(r)
}

// matchPath knows one * at the beginning or the end, as all Windows versions do.
func matchPath(pattern, path string) bool {
	pattern, path = strings.ToUpper(pattern), strings.ToUpper(path)
	switch {
	case pattern == "*":
		return true
	case strings.HasPrefix(pattern, "*"):
		return strings.HasSuffix(path, pattern[1:])
	case strings.HasSuffix(pattern, "*"):
		return strings.HasPrefix(path, pattern[:len(pattern)-1])
	}
	return pattern == path
}

// versionMatches follows Microsoft Learn, "Understand App Control policy rules
// and file rules": a Deny rule with one bound counts the other way round than an
// Allow rule, and without bounds it denies every version.
func (e *evaluator) versionMatches(r *cipolicy.FileRule) bool {
	lo, hi := r.MinVersion, r.MaxVersion
	v, err := cipolicy.ParseVersion(e.f.FileVersion)
	if err != nil {
		v = 0
	}
	switch {
	case lo.Set && hi.Set:
		return lo.Value <= v && v <= hi.Value
	case r.Kind == cipolicy.Deny && lo.Set:
		return v <= lo.Value
	case r.Kind == cipolicy.Deny && hi.Set:
		return v >= hi.Value
	case lo.Set:
		return v >= lo.Value
	case hi.Set:
		return v <= hi.Value
	}
	return true
}
