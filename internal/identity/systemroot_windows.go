package identity

import (
	"crypto/x509"
	"time"

	"golang.org/x/sys/windows"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/winstore"
)

// systemRoot looks among the roots of the user and the machine for the one that
// signed c itself.
func systemRoot(c *x509.Certificate, now time.Time) *x509.Certificate {
	var found *x509.Certificate
	_ = winstore.Each(winstore.Root, func(_ *windows.CertContext, der []byte) { // a store that cannot be read has none
		root, err := x509.ParseCertificate(der)
		if found == nil && err == nil && !now.Before(root.NotBefore) && !now.After(root.NotAfter) && cms.IssuedBy(c, root) {
			found = root
		}
	})
	return found
}
