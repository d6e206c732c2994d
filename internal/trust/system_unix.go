//go:build unix && !darwin

package trust

import (
	"os"

	"github.com/hallmark-dev/hallmark/formats/certchain"
)

// bundles are where systems keep their roots in one file; the first that exists is taken, as crypto/x509 does.
var bundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Arch, Gentoo
	"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL
	"/etc/ssl/ca-bundle.pem",                            // openSUSE
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL 7 and later
	"/etc/ssl/cert.pem",                                 // Alpine, the BSDs
	"/usr/local/share/certs/ca-root-nss.crt",            // FreeBSD
}

// System returns the roots of this system; none where it has no bundle.
func System() (*certchain.Roots, error) {
	for _, name := range bundles {
		if b, err := os.ReadFile(name); err == nil {
			return lenient(b), nil
		}
	}
	return certchain.NewRoots(), nil
}
