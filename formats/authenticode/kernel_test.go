package authenticode_test

import (
	"crypto/x509"
	"encoding/asn1"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// asDriver gives a template a usage of drivers and a beginning.
func asDriver(from time.Time, arcs ...int) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.NotBefore, c.UnknownExtKeyUsage = from, []asn1.ObjectIdentifier{arcs}
	}
}

// TestKernelPolicy puts the test PKI's roots in the place of Microsoft's: PKI.Root in
// that of the product roots, or, for cross-signing, UntrustedRoot in that of Microsoft
// Code Verification Root, which certifies PKI.Root by PKI.CrossRoot.
func TestKernelPolicy(t *testing.T) {
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	whql := p.Issue(t, "Hallmark Test WHQL", asDriver(time.Now().Add(-time.Hour), 1, 3, 6, 1, 4, 1, 311, 10, 3, 5))
	attested := p.Issue(t, "Hallmark Test Attested", asDriver(time.Now().Add(-time.Hour), 1, 3, 6, 1, 4, 1, 311, 10, 3, 5, 1))
	elam := p.Issue(t, "Hallmark Test ELAM", asDriver(time.Now().Add(-time.Hour), 1, 3, 6, 1, 4, 1, 311, 61, 4, 1))
	old := p.Issue(t, "Hallmark Test Old Driver", asDriver(crossSigned2015.Add(-time.Second), 1, 3, 6, 1, 4, 1, 311, 61, 1, 1))
	young := p.Issue(t, "Hallmark Test Young Driver", asDriver(crossSigned2015, 1, 3, 6, 1, 4, 1, 311, 61, 1, 1))
	crossed := func(id *formatstest.Identity) *formatstest.Identity {
		c := *id
		c.Chain = append(slices.Clone(id.Chain), p.CrossRoot)
		return &c
	}
	none := []authenticode.Check(nil)
	microsoft := &certchain.KernelRoots{Roots: certchain.NewPool(p.Root)}
	cross := &certchain.KernelRoots{Roots: certchain.NewPool(), CrossRoots: certchain.NewPool(p.UntrustedRoot)}
	for name, c := range map[string]struct {
		id      *formatstest.Identity
		policy  *certchain.KernelRoots
		allow   []authenticode.Check
		windows authenticode.Verdict
		trusted bool
		report  authenticode.KernelReport
		says    string
	}{
		"no policy":             {p.Leaf, nil, none, 0, true, authenticode.KernelReport{}, ""},
		"WHQL":                  {whql, microsoft, none, 0, true, authenticode.KernelReport{Trusted: true}, "for:       1.3.6.1.4.1.311.10.3.5 WHQL"},
		"attestation":           {attested, microsoft, none, 0, true, authenticode.KernelReport{Trusted: true}, "for:       1.3.6.1.4.1.311.10.3.5.1 attestation"},
		"ELAM":                  {elam, microsoft, none, 0, true, authenticode.KernelReport{Trusted: true}, "early launch anti-malware"},
		"of Microsoft, no use":  {p.Leaf, microsoft, none, 0, true, authenticode.KernelReport{Trusted: true}, "names no usage for drivers"},
		"of somebody else":      {p.Leaf, cross, none, authenticode.VerdictUntrustedRoot, false, authenticode.KernelReport{}, "do not lead to one of Microsoft's roots"},
		"cannot be allowed":     {p.Leaf, cross, authenticode.WindowsOnly(), authenticode.VerdictUntrustedRoot, false, authenticode.KernelReport{}, "submit it to the hardware dashboard"},
		"empty policy":          {whql, &certchain.KernelRoots{}, none, authenticode.VerdictUntrustedRoot, false, authenticode.KernelReport{}, "do not lead"},
		"cross-signed":          {crossed(old), cross, none, 0, false, authenticode.KernelReport{Trusted: true, CrossSigned: true}, "update of April 2026"},
		"cross-signed, allowed": {crossed(old), cross, []authenticode.Check{authenticode.CheckKernel}, 0, true, authenticode.KernelReport{Trusted: true, CrossSigned: true}, "kernel:      cross-signed"},
		"cross-signed since":    {crossed(young), cross, none, 0, false, authenticode.KernelReport{Trusted: true, CrossSigned: true}, "with a certificate of 2015-07-29"},
		"cross-certificate elsewhere": {old, cross, none, authenticode.VerdictUntrustedRoot, false, authenticode.KernelReport{},
			"do not lead to one of Microsoft's roots"},
	} {
		t.Run(name, func(t *testing.T) {
			b := signed(t, program, authenticode.SignOptions{Signer: signer(c.id)})
			o := authenticode.VerifyOptions{Roots: certchain.NewRoots(p.Root), Kernel: c.policy, Allow: append(slices.Clone(c.allow), authenticode.CheckNoTimestamp),
				Intermediates: []*x509.Certificate{p.CrossRoot}} // which a machine may know and the kernel does not
			r := verifyBytes(t, b, o)
			if r.Windows != c.windows || r.Trusted != c.trusted || !strings.Contains(r.String(), c.says) {
				t.Errorf("want %v, trusted %v, %q:\n%s", c.windows, c.trusted, c.says, r)
			}
			k := r.Signatures[0].Kernel
			if (k == nil) != (c.policy == nil) {
				t.Fatalf("report is %v", k)
			}
			if k != nil && (k.Trusted != c.report.Trusted || k.CrossSigned != c.report.CrossSigned) {
				t.Errorf("report is %+v, want %+v", k, c.report)
			}
		})
	}
}

// crossSigned2015 is the date of Microsoft's "Driver Signing Policy", Exceptions.
var crossSigned2015 = time.Date(2015, 7, 29, 0, 0, 0, 0, time.UTC)

// TestKernelYoungAndOld: the date of the certificate is a finding of its own.
func TestKernelYoungAndOld(t *testing.T) {
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	for name, c := range map[string]struct {
		from time.Time
		want int
	}{"before": {crossSigned2015.Add(-time.Second), 1}, "from then on": {crossSigned2015, 2}} {
		id := *p.Issue(t, name, asDriver(c.from, 1, 3, 6, 1, 4, 1, 311, 61, 1, 1))
		id.Chain = append(slices.Clone(id.Chain), p.CrossRoot)
		r := verifyBytes(t, signed(t, program, authenticode.SignOptions{Signer: signer(&id)}), authenticode.VerifyOptions{
			Roots: certchain.NewRoots(p.Root), Kernel: &certchain.KernelRoots{CrossRoots: certchain.NewPool(p.UntrustedRoot)}})
		n := 0
		for _, f := range r.Problems() {
			if f.Check == authenticode.CheckKernel {
				n++
			}
		}
		if n != c.want {
			t.Errorf("%s: %d findings, want %d\n%s", name, n, c.want, r)
		}
	}
}

// TestKernelFirstSignatureDecides, as signtool verify /kp without /all.
func TestKernelFirstSignatureDecides(t *testing.T) {
	p := formatstest.NewPKI(t)
	program := readFile(t, formatstest.GoProgram(t, "amd64"))
	ours, theirs := signer(p.NotTrusted), signer(p.Leaf)
	o := authenticode.VerifyOptions{Roots: certchain.NewRoots(p.Root, p.UntrustedRoot), Allow: []authenticode.Check{authenticode.CheckNoTimestamp},
		Kernel: &certchain.KernelRoots{Roots: certchain.NewPool(p.Root)}}
	both := signed(t, signed(t, program, authenticode.SignOptions{Signer: theirs}), authenticode.SignOptions{Signer: ours, Existing: authenticode.ExistingAppend})
	if r := verifyBytes(t, both, o); !r.Trusted || r.Signatures[1].Kernel.Trusted {
		t.Errorf("Microsoft's first:\n%s", r)
	}
	both = signed(t, signed(t, program, authenticode.SignOptions{Signer: ours}), authenticode.SignOptions{Signer: theirs, Existing: authenticode.ExistingAppend})
	if r := verifyBytes(t, both, o); r.Trusted || r.Windows != authenticode.VerdictUntrustedRoot || !r.Signatures[1].Kernel.Trusted {
		t.Errorf("Microsoft's second:\n%s", r)
	}
}

// TestKernelAsSigntool holds the policy against signtool verify /kp: our own files, and
// real ones by Microsoft and others.
func TestKernelAsSigntool(t *testing.T) {
	if testing.Short() {
		t.Skip("needs wine")
	}
	rig := formatstest.NewRig(t)
	policy, err := certchain.BuiltinKernelRoots()
	if err != nil {
		t.Fatal(err)
	}
	p := formatstest.NewPKI(t)
	good := signed(t, readFile(t, formatstest.GoProgram(t, "amd64")), authenticode.SignOptions{Signer: signer(p.Leaf), PageHashes: true})
	files := append(sampleFiles(t), writeTemp(t, good), writeTemp(t, flip(good, 0x2000)), formatstest.GoProgram(t, "arm64"))
	roots, err := certchain.BuiltinRoots()
	if err != nil {
		t.Fatal(err)
	}
	roots.Add(certchain.NewRoots(p.Root))
	accepted, refused := 0, 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := verifyBytes(t, b, authenticode.VerifyOptions{Roots: roots, Kernel: policy, Allow: authenticode.WindowsOnly()})
		out, err := rig.Signtool("verify", "/kp", file)
		if ok := err == nil && strings.Contains(out, "Successfully verified"); ok != r.Windows.Trusted() {
			t.Errorf("%s: signtool says\n%s\nwe\n%s", filepath.Base(file), out, r)
		} else if ok {
			accepted++
		}
		if strings.Contains(out, "does not chain to a Microsoft Root") {
			refused++
			if !slices.Contains(graveChecks(r), authenticode.CheckKernel) {
				t.Errorf("%s: signtool misses a Microsoft root, we do not\n%s", filepath.Base(file), r)
			}
		}
	}
	if accepted < 7 || refused < 7 {
		t.Errorf("%d files accepted, %d refused for their root: the samples are not what they were", accepted, refused)
	}
}
