package spec

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
)

// signerLevels make rules about certificates, and so need signed files.
var signerLevels = []string{"SignedVersion", "Publisher", "FilePublisher", "LeafCertificate", "PcaCertificate"}

// versionLevels make rules that tell versions of one file apart.
var versionLevels = []string{"FileName", "SignedVersion", "FilePublisher"}

// supplementalOptions may stand in a supplemental policy: options 5, 6, 13, 14
// and 18 of
// https://learn.microsoft.com/windows/security/application-security/application-control/app-control-for-business/design/select-types-of-rules-to-create.
var supplementalOptions = []string{
	"Enabled:Inherit Default Policy", "Enabled:Unsigned System Integrity Policy", "Enabled:Managed Installer",
	"Enabled:Intelligent Security Graph Authorization", "Disabled:Runtime FilePath Rule Protection",
}

func (j *judgement) wdac() {
	w := j.spec.WDAC
	if w == nil {
		return
	}
	j.file("wdac.merge", w.Merge)
	j.file("wdac.template_file", w.TemplateFile)
	if w.TemplateFile != "" {
		j.exclusive("wdac", "template_file", "keep one of the two", "template")
	}
	j.history(w)
	j.levels(w)
	j.policyKind(w)
	j.policyOptions(w)
	if !w.Sign {
		return
	}
	j.refuse(j.spec.Sign == nil, "wdac.sign", "needs the section sign: the policy is signed by the release's identity", "add sign, or delete the line")
	j.refuse(j.spec.Sign != nil && j.spec.Sign.AllowECDSA, "wdac.sign",
		"cannot be combined with sign.allow_ecdsa: App Control takes RSA signatures only", "sign with an RSA key and delete allow_ecdsa, or delete wdac.sign")
}

// history may not exist before the first release. In dist/ it would not outlive
// hallmark clean.
func (j *judgement) history(w *WDAC) {
	if w.History == "" {
		return
	}
	top, _, _ := strings.Cut(path.Clean(w.History), "/")
	j.refuse(top == "dist", "wdac.history", "is in dist/, where the target clean removes files", "write a path outside of dist/, such as release/history.json")
	if _, err := os.Lstat(j.resolve(w.History)); err == nil {
		j.file("wdac.history", w.History)
	}
}

func (j *judgement) levels(w *WDAC) {
	unsigned := func(path, level string) {
		j.refuse(j.spec.Sign == nil && slices.Contains(signerLevels, level), path,
			level+" needs the section sign: it makes rules from signatures", "write level: Hash, or add sign")
	}
	unsigned("wdac.level", w.Level)
	for i, level := range w.Fallback {
		at := fmt.Sprintf("wdac.fallback[%d]", i)
		unsigned(at, level)
		j.refuse(level == w.Level, at, level+" is wdac.level already", "delete the entry")
	}
	if v := j.spec.Verify; v != nil && v.Class == "artifact-signing" {
		j.refuse(w.Level == "LeafCertificate", "wdac.level",
			"LeafCertificate cannot be combined with verify.class: artifact-signing, whose certificates live three days", "write level: FilePublisher or Publisher")
	}
	j.refuse(w.Template == "deny-old" && w.Level != "" && !slices.Contains(versionLevels, w.Level), "wdac.level",
		w.Level+" cannot be combined with wdac.template: deny-old, as it does not tell versions apart", "write level: FilePublisher, SignedVersion or FileName")
}

// policyKind judges what goes with base and with supplemental policies.
func (j *judgement) policyKind(w *WDAC) {
	supplemental := w.Template == "supplemental"
	j.refuse(w.Template == "deny-old" && w.KeepReleases != nil && *w.KeepReleases > 0, "wdac.keep_releases",
		"cannot be combined with wdac.template: deny-old, which denies earlier releases", "write keep_releases: 0, or delete the line")
	j.refuse(w.BasePolicyID != "" && !supplemental && w.TemplateFile == "", "wdac.base_policy_id",
		fmt.Sprintf("has no effect with wdac.template: %s, which is a base policy itself", w.Template), "write template: supplemental, or delete the line")
	j.refuse(w.SinglePolicy && supplemental, "wdac.single_policy",
		"cannot be combined with wdac.template: supplemental: the single format (SiPolicy.p7b) does not support supplemental policies", "write template: audit or enforced, or delete the line")
}

func (j *judgement) policyOptions(w *WDAC) {
	for i, option := range w.Options {
		at := fmt.Sprintf("wdac.options[%d]", i)
		j.refuse(w.Template == "supplemental" && !slices.Contains(supplementalOptions, option), at,
			option+" is not allowed in a supplemental policy (wdac.template)", "set it in the base policy")
		j.refuse(w.Template == "enforced" && option == "Enabled:Audit Mode", at,
			option+" cannot be combined with wdac.template: enforced", "write template: audit, or delete the option")
		j.refuse(w.Sign && option == "Enabled:Unsigned System Integrity Policy", at,
			option+" cannot be combined with wdac.sign", "delete one of the two")
	}
}
