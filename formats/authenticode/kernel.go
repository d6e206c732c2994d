package authenticode

import (
	"context"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
)

// KernelReport says what the kernel's policy makes of a signature.
type KernelReport struct {
	Trusted     bool                `json:"trusted"`      // it leads to one of the policy's roots
	CrossSigned bool                `json:"cross_signed"` // … by way of a cross-certificate
	Chain       []CertificateReport `json:"chain,omitempty"`
	Usages      []string            `json:"usages,omitempty"` // what the signer's certificate is for, as far as it concerns drivers
}

// kernel applies the policy.
func (j *judging) kernel(ctx context.Context) bool {
	p := j.v.opts.Kernel
	if p == nil {
		return true
	}
	anchors := certchain.NewPool()
	anchors.AddPool(p.Roots)
	anchors.AddPool(p.CrossRoots)
	best := certchain.Build(ctx, j.cert, certchain.Options{Time: j.m.report.JudgedAt, Usage: certchain.UsageCodeSigning, Anchors: anchors,
		Intermediates: j.embedded, Disallowed: j.v.opts.Disallowed, Budget: j.v.budget})[0]
	j.mark(best)
	r := &KernelReport{Trusted: best.Trusted(), Chain: certificateReports(best.Certificates), Usages: certchain.DriverUsages(j.cert)}
	r.CrossSigned = r.Trusted && p.CrossRoots.Contains(best.Top())
	j.m.report.Kernel = r
	switch {
	case !r.Trusted:
		j.notForKernel(best)
	case r.CrossSigned:
		j.crossSigned()
	default:
		j.signedForKernel()
	}
	return true
}

// notForKernel: CERT_CHAIN_POLICY_MICROSOFT_ROOT answers CERT_E_UNTRUSTEDROOT, signtool
// says "Signing Cert does not chain to a Microsoft Root Cert", the kernel
// STATUS_INVALID_IMAGE_HASH.
func (j *judging) notForKernel(best certchain.Chain) {
	if j.m.report.Index > 0 {
		j.find(note(CheckKernel, "this signature does not lead to one of Microsoft's roots for kernel code; the first one decides"))
		return
	}
	why := "ends at " + certchain.Name(best.Top())
	if best.Anchored {
		why = best.Problems[0].Message
	}
	j.find(problem(CheckKernel, VerdictUntrustedRoot, "the certificates in the signature do not lead to one of Microsoft's roots for kernel code: %s", why).
		WithHint("a driver has to be signed by Microsoft: submit it to the hardware dashboard for certification (WHCP) or attestation"))
}

// crossSigningEnd is the date up to which Windows 10 1607 and later take the
// certificates of cross-signed drivers while Secure Boot is on (Microsoft, "Driver
// Signing Policy", Exceptions).
var crossSigningEnd = time.Date(2015, 7, 29, 0, 0, 0, 0, time.UTC)

// crossSigned: signtool is content, Windows of today is not.
func (j *judging) crossSigned() {
	if j.m.report.Index > 0 {
		return
	}
	j.find(strict(CheckKernel, "cross-signed: with the update of April 2026 Windows 11 24H2 and later and Server 2025 stop trusting such drivers "+
		"(after an evaluation period, but for an allow list)").WithHint("have the driver signed by Microsoft, or allow this finding for older Windows"))
	if !j.cert.NotBefore.Before(crossSigningEnd) {
		j.find(strict(CheckKernel, "cross-signed with a certificate of %s: Windows 10 1607 and later take those from before 2015-07-29 only, while Secure Boot is on",
			j.cert.NotBefore.UTC().Format("2006-01-02")))
	}
}

// signedForKernel: what is under Microsoft's roots is Microsoft's own, which need not
// mean that it is meant for the kernel.
func (j *judging) signedForKernel() {
	if j.m.report.Index == 0 && len(j.m.report.Kernel.Usages) == 0 {
		j.find(warning(CheckKernel, "%s names no usage for drivers or Windows components", certchain.Name(j.cert)))
	}
	if c := j.m.signed; c != nil && weakHash(c.hash) {
		j.find(note(CheckKernel, "the file is hashed with %v; the policy asks for SHA-2", c.hash))
	}
}
