package cipolicy

// Smallest sizes in bytes, from which the reader bounds counts.
const (
	minEKU      = 4
	minRule     = 4 + 8 + 8 + 4
	minSigner   = 4 + 4 + 4 + 8 + 8 + 8 + 4
	minScenario = 4 + 4 + 4 + 3*12
	minSetting  = 8 + 8 + 8 + 4 + 4
	minArtifact = 4 + 4 + 8 + 8 + 8 + 8 + 4
)

// decode reads a compiled policy. Whatever it accepts, encode writes again with
// the same bytes.
func decode(buf []byte) (*compiled, error) {
	d := &decoder{buf: buf}
	b := &compiled{}
	counts := d.header(b)
	b.ekus = repeat(d, counts[0], func() []byte { return d.blob("EKU") })
	b.rules = repeat(d, counts[1], d.rule)
	b.signers = repeat(d, counts[2], func() binSigner { return d.signer(b) })
	b.update = d.list("UpdatePolicySigners", len(b.signers))
	b.ci = d.list("CiSigners", len(b.signers))
	b.scenarios = repeat(d, counts[3], func() binScenario { return d.scenario(b, counts[3]) })
	b.hvci = d.u32("HvciOptions")
	b.settings = repeat(d, d.count("Settings", minSetting), d.setting)
	d.blocks(b)
	d.tag(b.format + 1)
	if d.err == nil && d.at != len(buf) {
		d.fail("end of policy", "%d bytes follow", len(buf)-d.at)
	}
	if d.err != nil {
		return nil, d.err
	}
	return b, nil
}

// repeat calls f n times, or until an error.
func repeat[T any](d *decoder, n int, f func() T) []T {
	if n == 0 {
		return nil
	}
	out := make([]T, 0, n)
	for i := 0; i < n && d.err == nil; i++ {
		out = append(out, f())
	}
	return out
}

// header returns the numbers of EKUs, file rules, signers and scenarios.
func (d *decoder) header(b *compiled) [4]int {
	b.format = d.u32("format version")
	if d.err == nil && (b.format < minFormat || b.format > maxFormat) {
		d.at = 0
		d.fail("format version", "%d, known are %d to %d", b.format, minFormat, maxFormat)
	}
	b.typeID, b.platform = d.guid("policy GUID"), d.guid("PlatformID")
	b.flags = d.u32("option flags")
	var n [4]int
	for i, c := range []struct {
		field string
		size  int
	}{{"number of EKUs", minEKU}, {"number of file rules", minRule}, {"number of signers", minSigner}, {"number of signing scenarios", minScenario}} {
		n[i] = d.count(c.field, c.size)
	}
	b.version = d.version("VersionEx")
	if v := d.u32("body offset"); d.err == nil && v != bodyOffset {
		d.at -= 4
		d.fail("body offset", "0x%X, must be 0x%X", v, bodyOffset)
	}
	return n
}

func (d *decoder) rule() binRule {
	kind := RuleKind(d.u32("file rule kind"))
	if kind > FileAttrib {
		d.at -= 4
		d.fail("file rule kind", "%d, known are 0 to 2", uint32(kind))
	}
	return binRule{kind: kind, fileName: d.text("FileName"), min: d.version("MinimumFileVersion"), hash: d.blob("Hash")}
}

func (d *decoder) signer(b *compiled) binSigner {
	var s binSigner
	switch kind := d.u32("CertRoot kind"); kind {
	case 0:
		s.tbs = d.blob("CertRoot")
	case 1:
		s.wellknown, s.root = true, d.u32("CertRoot")
	default:
		d.at -= 4
		d.fail("CertRoot kind", "%d, known are 0 and 1", kind)
	}
	s.ekus = d.list("CertEKU", len(b.ekus))
	s.issuer, s.publisher, s.oemID = d.text("CertIssuer"), d.text("CertPublisher"), d.text("CertOemID")
	s.fileAttribs = d.list("FileAttribRef", len(b.rules))
	return s
}

func (d *decoder) scenario(b *compiled, count int) binScenario {
	s := binScenario{value: d.u32("scenario value"), inherited: d.list("InheritedScenarios", count), hashAlgorithm: d.u32("MinimumHashAlgorithm")}
	for _, g := range []*binGroup{&s.product, &s.test, &s.testSigning} {
		*g = d.group("FileRulesRef", b, len(b.rules))
	}
	return s
}

// group reads a signer group whose last list refers to limit rules.
func (d *decoder) group(field string, b *compiled, limit int) binGroup {
	return binGroup{allowed: d.members("AllowedSigners", b), denied: d.members("DeniedSigners", b), rules: d.list(field, limit)}
}

func (d *decoder) members(field string, b *compiled) []binMember {
	return repeat(d, d.count(field, 8), func() binMember {
		return binMember{signer: d.position(field, len(b.signers)), except: d.list(field+" exceptions", len(b.rules))}
	})
}

func (d *decoder) setting() Setting {
	s := Setting{Provider: d.text("setting Provider"), Key: d.text("setting Key"), ValueName: d.text("setting ValueName")}
	s.Value.Kind = SettingKind(d.u32("setting type"))
	switch s.Value.Kind {
	case SettingBoolean:
		v := d.u32("setting value")
		if v > 1 {
			d.at -= 4
			d.fail("setting value", "%d, a Boolean is 0 or 1", v)
		}
		s.Value.Bool = v == 1
	case SettingDWord:
		s.Value.DWord = d.u32("setting value")
	case SettingBinary:
		s.Value.Binary = d.blob("setting value")
	case SettingString:
		s.Value.Text = d.text("setting value")
	default:
		d.at -= 4
		d.fail("setting type", "%d, known are 0 to 3", uint32(s.Value.Kind))
	}
	return s
}

// tag reads the number that opens a block or closes the policy.
func (d *decoder) tag(want uint32) {
	if v := d.u32("block number"); d.err == nil && v != want {
		d.at -= 4
		d.fail("block number", "%d, must be %d", v, want)
	}
}

func (d *decoder) blocks(b *compiled) {
	for n := uint32(3); n <= b.format && d.err == nil; n++ {
		d.tag(n)
		switch n {
		case 3:
			d.block3(b)
		case 6:
			b.policyID, b.baseID = d.guid("PolicyID"), d.guid("BasePolicyID")
			b.supplemental = d.list("SupplementalPolicySigners", len(b.signers))
		case 8:
			if apps := d.u32("AppSettings"); apps != 0 {
				d.fail("AppSettings", "settings of %d applications, which need the manifests of the applications to be read", apps)
			}
		case 9:
			b.hotpatches = repeat(d, d.count("hotpatches", 16), func() binHotpatch {
				return binHotpatch{d.position("hotpatch rule", len(b.rules)), d.position("hotpatch rule", len(b.rules)), d.u32("hotpatch sequence"), d.u32("hotpatch sequence")}
			})
		case 10:
			d.artifacts(b)
		case 11:
			b.exceptEKUs = d.refs("CertEKU exceptions", b, len(b.ekus))
		default:
			d.ruleBlock(b, n)
		}
	}
}

func (d *decoder) artifacts(b *compiled) {
	b.artifacts = repeat(d, d.count("artifact rules", minArtifact), func() binArtifact {
		a := binArtifact{kind: d.position("ArtifactType", 2), action: d.position("artifact Action", 2)}
		a.name, a.description = d.text("ArtifactName"), d.text("ArtifactDescription")
		a.min, a.max, a.hash = d.version("MinimumVersion"), d.version("MaximumVersion"), d.blob("ArtifactHash")
		return a
	})
	b.artifactRefs = d.refs("ArtifactRuleRef", b, len(b.artifacts))
	for i := range b.scenarios {
		b.scenarios[i].artifacts = d.group("ArtifactRulesRef", b, len(b.artifacts))
	}
}

func (d *decoder) refs(field string, b *compiled, limit int) []binRefs {
	return repeat(d, d.count(field, 8), func() binRefs {
		return binRefs{signer: d.position(field, len(b.signers)), refs: d.list(field, limit)}
	})
}

func (d *decoder) block3(b *compiled) {
	for i := range b.rules {
		b.rules[i].max = d.version("MaximumFileVersion")
		b.rules[i].appIDs = repeat(d, d.count("AppIDs", 8), func() string { return d.text("AppIDs") })
	}
	for i := range b.signers {
		b.signers[i].signTimeAfter = d.u64("SignTimeAfter")
	}
}

func (d *decoder) ruleBlock(b *compiled, n uint32) {
	for i := range b.rules {
		r := &b.rules[i]
		switch n {
		case 4:
			r.internalName, r.fileDescription, r.productName = d.text("InternalName"), d.text("FileDescription"), d.text("ProductName")
		case 5:
			r.packageFamilyName, r.packageVersion = d.text("PackageFamilyName"), d.version("PackageVersion")
		case 7:
			r.filePath = d.text("FilePath")
		}
	}
}
