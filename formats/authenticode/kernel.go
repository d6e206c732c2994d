package authenticode

import (
	"context"
	"crypto/x509"
	"embed"
	"encoding/asn1"
	"fmt"
	"time"
)

// KernelPolicy is the part of Windows' kernel-mode code signing policy that a file alone decides, as signtool verify
// /kp judges it: the certificate must lead to one of these roots over certificates that the signature carries
// (Microsoft, "Driver Signing Policy"). The kernel has no certificate stores and no network.
//
// The first signature decides, as for signtool without /all; what the others lead to is noted.
type KernelPolicy struct {
	// Roots are Microsoft's own: under them are Windows itself and drivers that Microsoft has signed after certification or attestation.
	Roots *Pool
	// CrossRoots certify the roots of other CAs. What leads to one of them is cross-signed: older Windows loads it.
	CrossRoots *Pool
}

//go:embed roots/kernel/*.pem
var kernelRoots embed.FS

// The thumbprints (SHA-1) of the roots that "Driver Signing Policy" names, by their names there. All are among the built-in roots.
var kernelProductRoots = map[string]string{
	"3b1efd3a66ea28b16697394703a72ca340a05bd5": "Microsoft Root Authority 2010",
	"cdd4eeae6000ac7f40c3802c171e30148030c072": "Microsoft Root Certificate Authority",
	"a43489159a520f0d93d032ccaf37e7fe20a8b419": "Microsoft Root Authority",
}

// BuiltinKernelPolicy returns the policy with Microsoft's roots; roots/kernel/README.md lists them.
func BuiltinKernelPolicy() (*KernelPolicy, error) {
	builtin, err := BuiltinRoots()
	if err != nil {
		return nil, err
	}
	k := &KernelPolicy{Roots: NewPool()}
	for _, c := range builtin.CodeSigning.Certificates() {
		if _, ok := kernelProductRoots[certificateReport(c).SHA1]; ok {
			k.Roots.Add(c)
		}
	}
	if k.Roots.Len() != len(kernelProductRoots) {
		return nil, fmt.Errorf("reading built-in roots: %d of the kernel's %d are there", k.Roots.Len(), len(kernelProductRoots))
	}
	cross, err := readRoots(kernelRoots, "roots/kernel/*.pem")
	if err != nil {
		return nil, err
	}
	k.CrossRoots = NewPool(cross...)
	return k, nil
}

// KernelReport says what the kernel's policy makes of a signature.
type KernelReport struct {
	Trusted     bool                `json:"trusted"`      // it leads to one of the policy's roots
	CrossSigned bool                `json:"cross_signed"` // … by way of a cross-certificate
	Chain       []CertificateReport `json:"chain,omitempty"`
	Usages      []string            `json:"usages,omitempty"` // what the signer's certificate is for, as far as it concerns drivers
}

// driverUsages are the extended key usages that say what a certificate may sign for the kernel (wincrypt.h), with the names
// under which Windows shows them.
var driverUsages = []struct {
	oid  asn1.ObjectIdentifier
	name string
}{
	{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 5}, "WHQL (Windows Hardware Driver Verification)"},
	{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 5, 1}, "attestation (Windows Hardware Driver Attested Verification)"},
	{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 39}, "WHQL (Windows Hardware Driver Extended Verification)"},
	{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 6}, "Windows component"},
	{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 25}, "Windows third-party component"},
	{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 61, 1, 1}, "kernel-mode code signing"},
	{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 61, 4, 1}, "early launch anti-malware (ELAM)"},
	{asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 61, 5, 1}, "HAL extension"},
}

func namedDriverUsages(c *x509.Certificate) []string {
	var out []string
	for _, u := range driverUsages {
		if hasEKU(c, u.oid) {
			out = append(out, u.oid.String()+" "+u.name)
		}
	}
	return out
}

// kernel applies the policy.
func (j *judging) kernel(context.Context) bool {
	p := j.v.opts.Kernel
	if p == nil {
		return true
	}
	anchors := NewPool()
	anchors.addAll(p.Roots)
	anchors.addAll(p.CrossRoots)
	best := BuildChains(j.cert, ChainOptions{Time: j.m.report.JudgedAt, Usage: UsageCodeSigning, Anchors: anchors,
		Intermediates: j.embedded, Disallowed: j.v.opts.Disallowed, budget: &j.v.checks})[0]
	j.mark(best)
	root := best.Certificates[len(best.Certificates)-1]
	r := &KernelReport{Trusted: best.Anchored && len(best.Problems) == 0, Chain: certificateReports(best.Certificates), Usages: namedDriverUsages(j.cert)}
	r.CrossSigned = r.Trusted && p.CrossRoots.Contains(root)
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

// notForKernel: CERT_CHAIN_POLICY_MICROSOFT_ROOT answers CERT_E_UNTRUSTEDROOT, signtool says "Signing Cert does not chain to a
// Microsoft Root Cert", the kernel STATUS_INVALID_IMAGE_HASH.
func (j *judging) notForKernel(best Chain) {
	if j.m.report.Index > 0 {
		j.find(note(CheckKernel, "this signature does not lead to one of Microsoft's roots for kernel code; the first one decides"))
		return
	}
	why := "ends at " + name(best.Certificates[len(best.Certificates)-1])
	if best.Anchored {
		why = best.Problems[0].Message
	}
	j.find(problem(CheckKernel, VerdictUntrustedRoot, "the certificates in the signature do not lead to one of Microsoft's roots for kernel code: %s", why).
		hint("a driver has to be signed by Microsoft: submit it to the hardware dashboard for certification (WHCP) or attestation"))
}

// crossSigningEnd is the date up to which Windows 10 1607 and later take the certificates of cross-signed drivers while
// Secure Boot is on (Microsoft, "Driver Signing Policy", Exceptions).
var crossSigningEnd = time.Date(2015, 7, 29, 0, 0, 0, 0, time.UTC)

// crossSigned: signtool is content, Windows of today is not.
func (j *judging) crossSigned() {
	if j.m.report.Index > 0 {
		return
	}
	j.find(strict(CheckKernel, "cross-signed: with the update of April 2026 Windows 11 24H2 and later and Server 2025 stop to trust such drivers "+
		"(after an evaluation period, but for an allow list)").hint("have the driver signed by Microsoft, or allow this finding for older Windows"))
	if !j.cert.NotBefore.Before(crossSigningEnd) {
		j.find(strict(CheckKernel, "cross-signed with a certificate of %s: Windows 10 1607 and later take those from before 2015-07-29 only, while Secure Boot is on",
			j.cert.NotBefore.UTC().Format("2006-01-02")))
	}
}

// signedForKernel: what is under Microsoft's roots is Microsoft's own, which need not mean that it is meant for the kernel.
func (j *judging) signedForKernel() {
	if j.m.report.Index == 0 && len(j.m.report.Kernel.Usages) == 0 {
		j.find(warning(CheckKernel, "%s names no usage for drivers or Windows components", name(j.cert)))
	}
	if c := j.m.signed; c != nil && weakHash(c.hash) {
		j.find(note(CheckKernel, "the file is hashed with %v; the policy asks for SHA-2", c.hash))
	}
}
