package authenticode

import (
	"slices"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// finish draws the conclusions.
func (v *verifier) finish() *Report {
	v.disallowedMissing()
	v.digestsAlone()
	r := v.report
	r.Findings = v.opts.admit(r.Findings)
	for _, s := range r.allSignatures() {
		s.Findings = v.opts.admit(s.Findings)
		s.Windows = firstVerdict(s.Findings)
		s.Trusted = len(grave(s.Findings)) == 0
	}
	r.Windows, r.Signature = v.windows()
	if v.opts.AsWindows && r.Windows == VerdictTrusted {
		v.leaveOut()
	}
	r.Trusted = r.Windows == VerdictTrusted && len(r.Problems()) == 0
	if len(v.forFirmware) > 0 && r.Windows == VerdictTrusted {
		r.Firmware, r.Windows = true, layoutVerdict(v.forFirmware)
	}
	return r
}

// windows is the answer of WinVerifyTrust and the index of the signature that it comes
// from. Where the first signature is over the file and does not hold, Windows tries
// those nested in it, one level deep, and takes the first that holds; if none does it
// answers for the first of them. So it was measured with wintrust.dll 10.0.15063, with
// WINTRUST_SIGNATURE_SETTINGS and without. signtool asks for the first alone.
func (v *verifier) windows() (Verdict, int) {
	r := v.report
	all := r.allSignatures()
	switch answer := firstVerdict(r.Findings); {
	case answer != VerdictTrusted:
		return answer, 0
	case len(all) == 0:
		return VerdictNoSignature, 0
	case all[0].Windows == VerdictTrusted || !v.triesNested():
		return all[0].Windows, 0
	}
	nested := v.secondaries()
	for _, s := range nested {
		if s.Windows == VerdictTrusted {
			return VerdictTrusted, s.Index
		}
	}
	if len(nested) == 0 {
		return all[0].Windows, 0
	}
	return nested[0].Windows, nested[0].Index
}

// secondaries are the signatures that Windows knows beside the first: the values of its
// first attribute for nested ones.
func (v *verifier) secondaries() []*SignatureReport {
	a, _ := v.messages[0].data.Signers[0].UnsignedAttrs.Get(cms.OIDNestedSignature)
	var out []*SignatureReport
	for _, s := range v.report.Signatures[1:] {
		if s.Entry == 0 && s.Depth == 1 && len(out) < len(a.Values) {
			out = append(out, s)
		}
	}
	return out
}

// triesNested says whether a nested signature can stand in for the first: not where the
// file is another one than the first was made for, nor where the first was to be
// sealed, or something is asked of it.
func (v *verifier) triesNested() bool {
	if v.digests == nil || len(v.messages) == 0 || v.opts.Kernel != nil || !v.opts.Require.empty() {
		return false
	}
	first := v.messages[0].report
	unsealed := slices.ContainsFunc(first.Findings, func(f Finding) bool { return f.Check == CheckSeal && f.Severity == SeverityError })
	return first.Digest != nil && first.Digest.Match && len(v.unhashed) == 0 && !unsealed
}

// leaveOut makes a warning of what is wrong with signatures that Windows' answer does
// not come from.
func (v *verifier) leaveOut() {
	r := v.report
	for _, s := range r.Signatures {
		if s.Index == r.Signature {
			continue
		}
		for i := range s.Findings {
			if f := &s.Findings[i]; f.Severity == SeverityError && f.Check != CheckRevocation {
				f.Severity = SeverityWarning
			}
		}
	}
}

// layoutForFirmware keeps what breaks a rule of Windows' alone.
func (v *verifier) layoutForFirmware(f *peimage.FormatError) {
	v.forFirmware = append(v.forFirmware, f)
	v.find(warning(CheckFormat, "%v: Windows refuses such a program", f).WithHint(f.Advice()))
}

func layoutVerdict(fs []*peimage.FormatError) Verdict {
	if slices.ContainsFunc(fs, func(f *peimage.FormatError) bool { return f.Effect == peimage.Unseen }) {
		return VerdictNoSignature
	}
	return VerdictBadDigest
}

// disallowedMissing says that the list was not consulted: it is Windows' own knowledge,
// and a verdict without it may be milder than Windows'.
func (v *verifier) disallowedMissing() {
	if v.opts.Disallowed == nil && !v.opts.HashOnly && len(v.report.allSignatures()) > 0 {
		v.find(note(CheckDisallowed, "Microsoft's list of disallowed certificates is not at hand and was not consulted"))
	}
}
