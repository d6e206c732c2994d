package winstore

import (
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Root names the store of trusted roots, the user's and the machine's together.
const Root = "ROOT"

// Each calls do for every certificate in a store of the current user, with its
// context and its DER.
func Each(store string, do func(c *windows.CertContext, der []byte)) error {
	name, err := windows.UTF16PtrFromString(store)
	if err != nil {
		return err
	}
	handle, err := windows.CertOpenSystemStore(0, name)
	if err != nil {
		return fmt.Errorf("opening the system's certificate store %s: %v", store, err)
	}
	defer windows.CertCloseStore(handle, 0)
	var c *windows.CertContext
	for {
		// The call frees the context that it is given; at the end it fails with CRYPT_E_NOT_FOUND.
		if c, err = windows.CertEnumCertificatesInStore(handle, c); c == nil {
			return nil
		}
		do(c, slices.Clone(unsafe.Slice(c.EncodedCert, c.Length)))
	}
}
