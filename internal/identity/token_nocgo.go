//go:build !cgo

package identity

import "github.com/hallmark-dev/hallmark/internal/fault"

// loadPKCS11 explains why there are no tokens in this build: a vendor's
// PKCS #11 module is a C library.
func (i *Identity) loadPKCS11(Ref) error {
	return fault.New(fault.Usage, "identity pkcs11: this program was built without cgo, so it cannot load a token's PKCS #11 module").
		Hint("install a C compiler and build with CGO_ENABLED=1").
		Hint("or let another program talk to the token: exec:PROGRAM")
}
