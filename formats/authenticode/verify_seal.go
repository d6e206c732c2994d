package authenticode

import (
	"bytes"
	"context"
	"io"
	"slices"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// SealReport says what is known of a signature's seal.
type SealReport struct {
	Intended bool `json:"intended"` // the signature says that the file will be sealed
	Present  bool `json:"present"`
	Holds    bool `json:"holds"` // the certificate table is as it was sealed
}

// String says it in words.
func (r SealReport) String() string {
	switch {
	case r.Holds:
		return "holds"
	case r.Present:
		return "there is one, which was not found to hold"
	}
	return "intended, and missing"
}

// keepPlace remembers where the first entry of the table stands, for its seal.
func (v *verifier) keepPlace(im *peimage.Image, r io.ReaderAt) {
	c := im.Certificates[0]
	end := c.Offset + int64(c.Length)
	v.place = &sealPlace{offset: c.Offset, rest: io.NewSectionReader(r, end, max(im.CertTable.End()-end, 0))}
}

// sealing judges intent and seal. Windows looks at the first signature only, and
// refuses it where the intent is there and no seal that holds. Without the intent it
// tries again without the seal. Asked about this signature alone (WSS_VERIFY_SPECIFIC)
// it does not look.
func (j *judging) sealing(context.Context) bool {
	intended, err := readIntent(j.signer)
	present := carriesSeal(j.signer)
	if !intended && err == nil && !present && !hasSealStamp(j.signer) {
		return true
	}
	rep := &SealReport{Intended: intended, Present: present}
	j.m.report.Seal = rep
	switch {
	case err != nil:
		j.find(strict(CheckSeal, "%v", err))
	case j.m.report.Entry > 0 || j.m.report.Depth > 0:
		j.find(strict(CheckSeal, "this signature is to be sealed, but Windows looks for seals in the first signature only"))
	case j.v.place == nil:
		j.find(strict(CheckSeal, "there is no file to check the seal with"))
	case !present && intended:
		f := unsealed(true, "the signature says that the file will be sealed, and there is no seal").WithHint("seal it, or sign it again without the intent")
		j.missing = &f
	case !present:
		j.find(strict(CheckSeal, "there is a timestamp of a seal, and no seal"))
	default:
		j.checkSeal(rep)
	}
	return true
}

// sealMissing reports a missing seal. Windows answers it after expired and unsuitable
// certificates and before an unknown root.
func (j *judging) sealMissing(context.Context) bool {
	if j.missing == nil {
		return true
	}
	fs := j.m.report.Findings
	at := slices.IndexFunc(fs, func(f Finding) bool { return f.Verdict == VerdictUntrustedRoot || f.Verdict == VerdictChaining })
	if at < 0 {
		at = len(fs)
	}
	j.m.report.Findings = slices.Insert(fs, at, *j.missing)
	return true
}

// checkSeal compares the seal with the certificate table.
func (j *judging) checkSeal(rep *SealReport) {
	s, err := readSeal(j.signer)
	switch {
	case err != nil:
		j.find(unsealed(rep.Intended, err.Error()))
		return
	case s.SignerIndex != 0:
		j.find(strict(CheckSeal, "sealed by nested signature %d; such seals are not judged here", s.SignerIndex))
		return
	case j.m.data.Trailing > 7 || !allZero(j.m.raw[len(j.m.raw)-j.m.data.Trailing:]):
		j.find(unsealed(rep.Intended, "data follows the PKCS#7 in its entry, which a seal does not allow"))
		return
	}
	if err := s.check(j.cert, j.m.raw[:len(j.m.raw)-j.m.data.Trailing], j.signer, *j.v.place); err != nil {
		j.find(unsealed(rep.Intended, "the seal is broken: "+err.Error()).WithHint("timestamps, certificates, tags and further signatures have to be in place before a file is sealed"))
		return
	}
	rep.Holds = true
	j.sealVouches()
	if h, err := cms.HashOf(s.Algorithm.Algorithm); err != nil || weakHash(h) {
		j.find(strict(CheckAlgorithms, "the seal is made with %v", h))
	}
	if hasSealStamp(j.signer) {
		j.find(strict(CheckSeal, "the seal has a timestamp of its own, which is not judged here: Windows has further rules for it"))
	}
	if der, err := j.m.data.Marshal(); err != nil || !bytes.Equal(der, j.m.raw[:len(j.m.raw)-j.m.data.Trailing]) {
		j.find(strict(CheckSeal, "the seal holds, but the signature is not in DER, so that Windows may read it in another order"))
	}
}

// sealVouches: where a seal holds, Windows does not check the signature under it, since
// the same key has signed all of it.
func (j *judging) sealVouches() {
	for i, f := range j.m.report.Findings {
		if f.Check == CheckSignature && f.Verdict == VerdictNoSignature {
			j.m.report.Findings[i].Severity, j.m.report.Findings[i].Verdict = SeverityStrict, VerdictTrusted
		}
	}
}

// unsealed is the finding for a seal that is missing or does not hold.
func unsealed(intended bool, message string) Finding {
	if intended {
		return problem(CheckSeal, VerdictNoSignature, "%s", message)
	}
	return strict(CheckSeal, "%s; the signature does not demand a seal, so Windows does not mind", message)
}

// sealed reports whether there is a seal that holds: then Windows counts its timestamp,
// and no other.
func (j *judging) sealed() bool { return j.m.report.Seal != nil && j.m.report.Seal.Holds }

// stampInSeal notes that the usual timestamps of a sealed signature have no effect.
func (j *judging) stampInSeal() {
	if j.sealed() && len(unsignedValues(j.signer, cms.OIDRFC3161Token))+len(unsignedValues(j.signer, cms.OIDCountersignature)) > 0 {
		j.find(warning(CheckSeal, "the file is sealed, so Windows does not count the timestamp: the signature ends with the certificate"))
	}
}
