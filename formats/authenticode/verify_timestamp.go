package authenticode

import (
	"context"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/rfc3161"
)

const (
	kindToken = "RFC 3161" // TimestampReport.Kind

	maxTimestamps = 8               // of one signature; real ones have one
	stampSkew     = 5 * time.Minute // how far a stamp may be ahead of our clock
)

// timestamps judges the stamps in the unsigned attributes. The publisher's chain is
// then judged at the time of the first that is intact. Whether anybody trusts its
// authority comes after that, as in Windows: it is what stampChain finds, and it
// refuses the signature just the same.
func (j *judging) timestamps(ctx context.Context) bool {
	n, counted := 0, 0
	for _, kind := range []struct {
		attr  asn1.ObjectIdentifier
		judge func(*judging, context.Context, *TimestampReport, []byte) []Finding
	}{
		{cms.OIDRFC3161Token, (*judging).token},
		{cms.OIDCountersignature, (*judging).countersignature},
	} {
		for _, value := range unsignedValues(j.signer, kind.attr) {
			if n++; n > maxTimestamps {
				j.find(strict(CheckTimestamp, "more than %d timestamps: the rest is not judged", maxTimestamps))
				return true
			}
			rep := TimestampReport{counts: true}
			intact := kind.judge(j, ctx, &rep, value)
			trusted := rep.counts && firstVerdict(intact) == VerdictTrusted
			if trusted && j.stamped.IsZero() && !j.sealed() {
				j.stamped = rep.Time
			}
			rep.Trusted = trusted && firstVerdict(j.authority[n]) == VerdictTrusted
			j.find(intact...)
			j.m.report.Timestamps = append(j.m.report.Timestamps, rep)
			if rep.counts {
				counted++
			}
		}
	}
	j.stampInSeal()
	if counted == 0 {
		how := "timestamp the signature, or allow no-timestamp"
		if j.sealed() {
			how = "allow no-timestamp: a sealed signature cannot be stamped any more"
		}
		j.find(strict(CheckNoTimestamp, "no timestamp: the signature ends with the certificate on %s", j.cert.NotAfter.UTC().Format("2006-01-02")).WithHint(how))
	}
	return true
}

// token judges an RFC 3161 token; it returns what keeps it from being intact.
func (j *judging) token(ctx context.Context, rep *TimestampReport, der []byte) []Finding {
	rep.Kind = kindToken
	t, err := rfc3161.ParseToken(der)
	if err != nil {
		return []Finding{problem(CheckTimestamp, VerdictCorruptASN1, "%v", err)}
	}
	rep.Time, rep.Algorithm, rep.Policy, rep.Serial = t.GenTime.UTC(), t.Hash.String(), t.Policy.String(), t.Serial.Text(16)
	own, _ := t.SignedData.X509Certificates() // one that cannot be read is missed only if the chain needs it
	certs := append(append(own, j.embedded...), j.more...)
	if len(t.SignedData.Signers) > 0 {
		if cert, err := findAmong(certs, &t.SignedData.Signers[0]); err == nil {
			j.stampChain(ctx, rep, cert, certs)
		}
	}
	return tokenFindings(t.Problems(j.signer.Signature, rfc3161.CheckOptions{Certificates: certs, Trust: rfc3161.TrustAny}))
}

// laxRules are the rules of RFC 3161 that Windows does not insist on. A stamp that
// breaks RulePurpose does not count for it, see stampChain.
var laxRules = map[rfc3161.Rule]Check{
	rfc3161.RulePurpose:   CheckTSAUsage,
	rfc3161.RuleUsage:     CheckTSAUsage, // Windows wants the usage, but neither alone nor critical
	rfc3161.RuleCritical:  CheckTSACritical,
	rfc3161.RuleKeyUsage:  CheckTSAUsage,
	rfc3161.RuleESS:       CheckTSABinding,
	rfc3161.RuleAlgorithm: CheckAlgorithms,
	rfc3161.RuleKeySize:   CheckKeySize,
}

// StampRules lists the rules that a time server need not keep where checks are allowed:
// what Verify does not mind, the client need not refuse.
func StampRules(allowed []Check) []rfc3161.Rule {
	var out []rfc3161.Rule
	for rule, check := range laxRules {
		if slices.Contains(allowed, check) {
			out = append(out, rule)
		}
	}
	return out
}

// ruleVerdicts are the codes of CryptVerifyTimeStampSignature, which WinVerifyTrust
// passes on; for other rules it is TRUST_E_TIME_STAMP.
var ruleVerdicts = map[rfc3161.Rule]Verdict{
	rfc3161.RuleImprint:   VerdictHashValue,
	rfc3161.RuleContent:   VerdictHashValue,
	rfc3161.RuleSignature: VerdictBadSignature,
}

func tokenFindings(ps []rfc3161.Problem) []Finding {
	var out []Finding
	for _, p := range ps {
		if check, lax := laxRules[p.Rule]; lax {
			out = append(out, strict(check, "timestamp: %v", p))
		} else {
			v, ok := ruleVerdicts[p.Rule]
			if !ok {
				v = VerdictTimeStamp
			}
			out = append(out, problem(CheckTimestamp, v, "timestamp: %v", p))
		}
	}
	return out
}

// stampChain judges the authority's certificate at the time of its stamp, for
// authorities to report.
//
// Windows leaves a stamp out of account, as if there were none, unless the certificate
// names time stamping among its usages; one that names none or any, and would be good
// for everything, is not enough. Without that, anyone with a certificate of any kind
// could date signatures back.
func (j *judging) stampChain(ctx context.Context, rep *TimestampReport, cert *x509.Certificate, certs []*x509.Certificate) {
	if !certchain.HasEKU(cert, cms.OIDEKUTimeStamping) {
		rep.counts = false
		j.authority[len(j.m.report.Timestamps)+1] = []Finding{strict(CheckTSAUsage, "the timestamp of %s does not count: the certificate of %s does not name time stamping as its usage (%v)",
			rep.Time.Format(time.RFC3339), certchain.Name(cert), cms.OIDEKUTimeStamping)}
		return
	}
	best := j.v.bestChain(ctx, cert, certchain.Options{Time: rep.Time, Usage: certchain.UsageTimeStamping, Anchors: j.v.roots.TimeStamping, Intermediates: certs})
	rep.Chain, rep.Anchor = certificateReports(best.Certificates), anchorOf(best, j.v.roots.TimeStamping)
	j.mark(best)
	var out []Finding
	for _, p := range best.Problems {
		p.Message = "timestamp: " + p.Message + " (" + p.Verdict.String() + ")"
		p.Check, p.Verdict = CheckTimestamp, VerdictTimeStamp
		out = append(out, p)
	}
	if rep.Time.After(j.v.opts.now().Add(stampSkew)) {
		out = append(out, strict(CheckTimestamp, "timestamp: %s is in the future, which Windows accepts", rep.Time.Format(time.RFC3339)))
	}
	if rest := best.Certificates; rep.Kind == kindToken && len(rest) > 0 { // the rules of tokens have the server's own key
		best.Certificates = rest[1:]
	}
	out = append(append(out, weakChain(best, "timestamp: ")...), weakKeys(best, "timestamp: ")...)
	for _, f := range j.v.revocation.Check(ctx, best.Certificates, rep.Time) {
		f.Message = "timestamp: " + f.Message
		out = append(out, f)
	}
	j.authority[len(j.m.report.Timestamps)+1] = out
}

// authorities reports what was found about those who made the timestamps.
func (j *judging) authorities(context.Context) bool {
	for n := range j.m.report.Timestamps {
		j.find(j.authority[n+1]...)
	}
	return true
}

// countersignature judges a PKCS#9 countersignature, the older kind of timestamp: a
// SignerInfo over the signature value whose certificates are in the outer set
// (Microsoft, "Time Stamping Authenticode Signatures"; RFC 2985 section 5.3.6).
func (j *judging) countersignature(ctx context.Context, rep *TimestampReport, der []byte) []Finding {
	rep.Kind = "PKCS#9 countersignature"
	si, err := cms.ParseSignerInfo(der)
	if err != nil {
		return []Finding{problem(CheckTimestamp, VerdictCounterSigner, "countersignature: %v", err)}
	}
	rep.Time = claimedTime(si)
	if h, err := si.Hash(); err == nil {
		rep.Algorithm = h.String()
	}
	certs := append(j.embedded[:len(j.embedded):len(j.embedded)], j.more...)
	cert, err := findAmong(certs, si)
	if err != nil {
		return []Finding{problem(CheckTimestamp, VerdictCounterSigner, "countersignature: %v", err)}
	}
	if rep.Time.IsZero() {
		return []Finding{problem(CheckTimestamp, VerdictTimeStamp, "countersignature: no signingTime in it")}
	}
	j.stampChain(ctx, rep, cert, certs)
	return checkCountersignature(si, cert, j.signer.Signature)
}

func checkCountersignature(si *cms.SignerInfo, cert *x509.Certificate, signature []byte) []Finding {
	var out []Finding
	content, err := octetString(signature)
	if err == nil {
		err = si.CheckMessageDigest(content)
	}
	if err != nil {
		out = append(out, problem(CheckTimestamp, VerdictCounterSigner, "countersignature is of another signature: %v", err))
	}
	if err := si.CheckSignature(cert); err != nil {
		out = append(out, problem(CheckTimestamp, VerdictCounterSigner, "the countersignature was not made with the key of %s: %v", certchain.Name(cert), err))
	}
	if h, err := si.Hash(); err == nil && weakHash(h) {
		out = append(out, strict(CheckAlgorithms, "countersignature is made with %v", h))
	}
	return out
}

func octetString(b []byte) ([]byte, error) {
	var out cryptobyte.Builder
	out.AddASN1OctetString(b)
	return out.Bytes()
}

// claimedTime reads the signingTime attribute (RFC 2985 section 5.3.3); zero if there
// is none that can be read.
func claimedTime(si *cms.SignerInfo) time.Time {
	a, ok := si.Attr(cms.OIDSigningTime)
	if !ok || len(a.Values) != 1 {
		return time.Time{}
	}
	t, err := parseTime(a.Values[0])
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// parseTime reads a Time: UTCTime or GeneralizedTime (RFC 5652 section 11.3).
func parseTime(der []byte) (time.Time, error) {
	in := cryptobyte.String(der)
	var t time.Time
	var ok bool
	if in.PeekASN1Tag(cbasn1.UTCTime) {
		ok = in.ReadASN1UTCTime(&t)
	} else {
		ok = in.ReadASN1GeneralizedTime(&t)
	}
	if !ok {
		return t, fmt.Errorf("not a UTCTime or GeneralizedTime")
	}
	return t, nil
}
