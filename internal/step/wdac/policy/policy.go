package policy

import (
	"crypto/sha1" // RFC 9562 section 5.5: name-based identifiers; nothing depends on its strength
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/cipolicy"
	"github.com/hallmark-dev/hallmark/formats/cipolicy/rules"
)

// Input is everything that decides a policy.
type Input struct {
	Company, Product string
	// Version of the release, a semantic version.
	Version string
	// Name that people see.
	Name string
	// Kind of template, part of the identity: two kinds for one product are two
	// policies.
	Kind string
	// Template is the XML to fill.
	Template []byte
	// BasePolicyID is set for a supplemental policy.
	BasePolicyID string
	Level        string
	Fallback     []string
	Options      []string
	// Files that the release ships.
	Files []rules.File
	// Deny makes rules against the versions before those of Files, instead of
	// rules that allow Files.
	Deny bool
	// Earlier releases that stay allowed by hash.
	Earlier []Release
	// History to compare versions with.
	History *History
	// Merge is a further policy whose rules are taken over.
	Merge *cipolicy.Policy
	// Signer is the certificate that will sign the policy, nil for an unsigned one.
	Signer *x509.Certificate
}

// Result is a policy with an account of how it came about.
type Result struct {
	Policy   *cipolicy.Policy
	Coverage []Coverage
	Notes    []string
}

// Make fills the template. The result depends on the input alone. A file that is
// not allowed in the end, or both allowed and denied, is an error.
func Make(in Input) (*Result, error) {
	p, err := cipolicy.ReadBytes(in.Template)
	if err != nil {
		return nil, fmt.Errorf("the policy template is wrong:\n%w", err)
	}
	res := &Result{Policy: p}
	if err := identify(p, in); err != nil {
		return nil, err
	}
	for _, o := range in.Options {
		p.SetOption(o)
	}
	outcomes, err := addRules(p, in)
	if err != nil {
		return nil, err
	}
	addEarlier(p, in.Earlier)
	if in.Merge != nil {
		merged, notes := cipolicy.Merge(p, in.Merge)
		res.Policy, p = merged, merged
		res.Notes = append(res.Notes, notes...)
	}
	if err := prepareSigning(p, in); err != nil {
		return nil, err
	}
	if problems := p.Validate(); len(problems.Errors()) > 0 {
		return nil, fmt.Errorf("the policy is wrong:\n%w", problems.Errors())
	}
	res.Coverage, err = cover(p, in, outcomes)
	return res, err
}

// identify sets identities, version and name.
func identify(p *cipolicy.Policy, in Input) error {
	id := ID(in.Company, in.Product, in.Kind)
	p.TypeID = cipolicy.Optional[cipolicy.GUID]{}
	p.PolicyID, p.BasePolicyID = cipolicy.Some(id), cipolicy.Some(id)
	if p.IsSupplemental() {
		base, err := cipolicy.ParseGUID(in.BasePolicyID)
		if err != nil {
			return fmt.Errorf("the supplemental policy needs the identity of its base policy: %v", err)
		}
		p.BasePolicyID = cipolicy.Some(base)
	}
	v, err := PolicyVersion(in.Version)
	if err != nil {
		return err
	}
	if in.History != nil {
		if top, release := in.History.latest(in.Version); v < top {
			return fmt.Errorf("policy version would go down: %s for release %s, but %s already shipped with %s", v, in.Version, release, top)
		}
	}
	p.Version = v
	p.SetInfo("Name", in.Name)
	p.SetInfo("Id", in.Product+" "+in.Version)
	return nil
}

// namespace makes our name-based GUIDs differ from those of others.
var namespace = [16]byte{0x6B, 0x1C, 0x0F, 0x0E, 0x57, 0xC8, 0x4C, 0x39, 0x9E, 0x9B, 0x6A, 0x1F, 0x3B, 0x7C, 0x2D, 0x54}

// ID is the identity of the policy of one kind for a product: the same for every
// release, a name-based GUID (RFC 9562 section 5.5).
func ID(company, product, kind string) cipolicy.GUID {
	h := sha1.New()
	h.Write(namespace[:])
	for _, s := range []string{company, product, kind} {
		fmt.Fprintf(h, "%d:%s", len(s), s) // lengths keep the parts apart
	}
	return cipolicy.NewGUID(h.Sum(nil), 5)
}

// PolicyVersion is the version of the policy of a release: the three numbers of
// the semantic version and 0.
func PolicyVersion(release string) (cipolicy.Version, error) {
	core, _, _ := strings.Cut(release, "+")
	core, _, _ = strings.Cut(core, "-")
	if strings.Count(core, ".") != 2 {
		return 0, fmt.Errorf("the release %q is not a version of three numbers, from which the policy's version is made", release)
	}
	v, err := cipolicy.ParseVersion(core + ".0")
	if err != nil {
		return 0, fmt.Errorf("making the policy's version of release %q: %v", release, err)
	}
	return v, nil
}

func addRules(p *cipolicy.Policy, in Input) ([]rules.Outcome, error) {
	o := rules.Options{Deny: in.Deny, Mode: rules.ModeUser}
	var err error
	if o.Level, err = rules.ParseLevel(in.Level); err != nil {
		return nil, err
	}
	for _, f := range in.Fallback {
		level, err := rules.ParseLevel(f)
		if err != nil {
			return nil, err
		}
		if in.Deny && level == rules.Hash {
			continue // would deny this very release
		}
		o.Fallback = append(o.Fallback, level)
	}
	files := in.Files
	if in.Deny {
		if files, err = before(files); err != nil {
			return nil, err
		}
	}
	known := len(p.FileRules)
	outcomes, err := rules.Build(p, files, o)
	if err != nil {
		return nil, err
	}
	if in.Deny {
		return outcomes, denyUpTo(p, known, files)
	}
	return outcomes, nil
}

// before lowers the version of each file by one step, so that a rule against it
// and all before spares the file itself. Files without version, which rules
// cannot tell from older ones, are left out of the policy.
func before(files []rules.File) ([]rules.File, error) {
	var out []rules.File
	for _, f := range files {
		v, err := cipolicy.ParseVersion(f.FileVersion)
		if err != nil || v == 0 {
			continue
		}
		f.FileVersion = (v - 1).String()
		out = append(out, f)
	}
	if len(out) == 0 {
		return nil, errors.New("the programs carry no version, so older ones cannot be denied: add a resources section")
	}
	return out, nil
}

// denyUpTo bounds Deny rules by file name, which have no versions from Build, by
// the versions of the files they were made of.
func denyUpTo(p *cipolicy.Policy, known int, files []rules.File) error {
	top := map[string]cipolicy.Version{}
	for _, f := range files {
		v, err := cipolicy.ParseVersion(f.FileVersion)
		if err != nil {
			return err
		}
		name := strings.ToUpper(f.OriginalFilename)
		if old, ok := top[name]; !ok || v < old {
			top[name] = v
		}
	}
	for i := known; i < len(p.FileRules); i++ {
		r := &p.FileRules[i]
		if r.Kind != cipolicy.Deny {
			continue
		}
		r.MinVersion, r.MaxVersion = cipolicy.Some(cipolicy.Version(0)), cipolicy.Some(top[strings.ToUpper(r.FileName.Value)])
	}
	return nil
}

// addEarlier allows the files of earlier releases by hash, in user mode.
func addEarlier(p *cipolicy.Policy, earlier []Release) {
	have := map[string]bool{}
	for i := range p.FileRules {
		have[string(p.FileRules[i].Hash)] = true
	}
	for _, release := range earlier {
		for i := range release.Files {
			addHashes(p, release.Version, &release.Files[i], have)
		}
	}
}

func addHashes(p *cipolicy.Policy, version string, f *rules.File, have map[string]bool) {
	for _, h := range []struct {
		name string
		hash rules.Hex
	}{{"Hash Sha1", f.SHA1}, {"Hash Sha256", f.SHA256}, {"Hash Page Sha1", f.PageSHA1}, {"Hash Page Sha256", f.PageSHA256}} {
		if h.hash == nil || have[string(h.hash)] {
			continue
		}
		have[string(h.hash)] = true
		id := "ID_ALLOW_R_" + h.hash.String()[:20]
		p.FileRules = append(p.FileRules, cipolicy.FileRule{Kind: cipolicy.Allow, ID: id, Hash: h.hash,
			FriendlyName: cipolicy.Some(strings.ReplaceAll(f.Path, "/", `\`) + " of " + version + " " + h.name)})
		for i := range p.Scenarios {
			if s := &p.Scenarios[i]; s.Value == cipolicy.ScenarioUser {
				s.Product.FileRules = append(s.Product.FileRules, cipolicy.Ref{ID: id})
			}
		}
	}
}

// prepareSigning removes the option for unsigned policies and names the signer.
func prepareSigning(p *cipolicy.Policy, in Input) error {
	if in.Signer == nil {
		p.SetOption(cipolicy.OptionUnsigned)
		return nil
	}
	p.ClearOption(cipolicy.OptionUnsigned)
	if err := p.AddUpdateSigner(in.Signer); err != nil {
		return err
	}
	if p.HasOption(cipolicy.OptionAllowSupplemental) {
		return p.AddSupplementalSigner(in.Signer)
	}
	return nil
}

// Single returns the policy in the single-policy format, for Windows before 10
// version 1903. A supplemental policy has none.
func Single(p *cipolicy.Policy) (*cipolicy.Policy, error) {
	if p.IsSupplemental() {
		return nil, errors.New("a supplemental policy cannot be written in the single-policy format")
	}
	out := *p
	out.TypeID = cipolicy.Some(cipolicy.SinglePolicyType)
	out.PolicyID, out.BasePolicyID = cipolicy.Optional[cipolicy.GUID]{}, cipolicy.Optional[cipolicy.GUID]{}
	out.Options = slices.Clone(p.Options)
	out.ClearOption(cipolicy.OptionAllowSupplemental)
	out.SupplementalSigners = nil
	return &out, nil
}
