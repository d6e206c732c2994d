package certchain

import (
	"crypto/sha1"
	"crypto/x509"
	"embed"
	"encoding/asn1"
	"fmt"
)

// KernelRoots is the part of Windows' kernel-mode code signing policy that a file alone
// decides, as signtool verify /kp judges it: the certificate must lead to one of these
// roots over certificates that the signature carries (Microsoft, "Driver Signing
// Policy"). The kernel has no certificate stores and no network.
//
// The first signature decides, as for signtool without /all; what the others lead to is
// noted.
type KernelRoots struct {
	// Roots are Microsoft's own: under them are Windows itself and drivers that
	// Microsoft has signed after certification or attestation.
	Roots *Pool
	// CrossRoots certify the roots of other CAs. What leads to one of them is
	// cross-signed: older Windows loads it.
	CrossRoots *Pool
}

//go:embed roots/kernel/*.pem
var kernelPEM embed.FS

// The thumbprints (SHA-1) of the roots that "Driver Signing Policy" names, by their
// names there. All are among the built-in roots.
var kernelProductRoots = map[string]string{
	"3b1efd3a66ea28b16697394703a72ca340a05bd5": "Microsoft Root Authority 2010",
	"cdd4eeae6000ac7f40c3802c171e30148030c072": "Microsoft Root Certificate Authority",
	"a43489159a520f0d93d032ccaf37e7fe20a8b419": "Microsoft Root Authority",
}

// BuiltinKernelRoots returns the policy with Microsoft's roots; roots/kernel/README.md lists them.
func BuiltinKernelRoots() (*KernelRoots, error) {
	builtin, err := BuiltinRoots()
	if err != nil {
		return nil, err
	}
	k := &KernelRoots{Roots: NewPool()}
	for _, c := range builtin.CodeSigning.Certificates() {
		if _, ok := kernelProductRoots[fmt.Sprintf("%x", sha1.Sum(c.Raw))]; ok {
			k.Roots.Add(c)
		}
	}
	if k.Roots.Len() != len(kernelProductRoots) {
		return nil, fmt.Errorf("reading built-in roots: %d of the kernel's %d are there", k.Roots.Len(), len(kernelProductRoots))
	}
	cross, err := readRoots(kernelPEM, "roots/kernel/*.pem")
	if err != nil {
		return nil, err
	}
	k.CrossRoots = NewPool(cross...)
	return k, nil
}

// driverUsages are the extended key usages that say what a certificate may sign for the
// kernel (wincrypt.h), with the names under which Windows shows them.
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

// DriverUsages lists those usages of c that concern drivers, each as its dotted
// number and its name.
func DriverUsages(c *x509.Certificate) []string {
	var out []string
	for _, u := range driverUsages {
		if HasEKU(c, u.oid) {
			out = append(out, u.oid.String()+" "+u.name)
		}
	}
	return out
}
