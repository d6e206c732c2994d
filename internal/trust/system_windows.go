package trust

import (
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
)

// System returns the roots of the current user's and the machine's store, each for the purposes that the store
// allows it (its property CERT_ENHKEY_USAGE_PROP_ID; without it all).
func System() (*certchain.Roots, error) {
	name, err := windows.UTF16PtrFromString("ROOT")
	if err != nil {
		return nil, err
	}
	store, err := windows.CertOpenSystemStore(0, name)
	if err != nil {
		return nil, fmt.Errorf("opening the system's roots: %v", err)
	}
	defer windows.CertCloseStore(store, 0)
	roots := certchain.NewRoots()
	var c *windows.CertContext
	for {
		// The call frees the context that it is given; at the end it fails with CRYPT_E_NOT_FOUND.
		if c, err = windows.CertEnumCertificatesInStore(store, c); c == nil {
			return roots, nil
		}
		cert, err := cms.ParseCertificate(slices.Clone(unsafe.Slice(c.EncodedCert, c.Length)))
		if err != nil {
			continue // one that cannot be read vouches for nobody
		}
		usages, all := allowedUsages(c)
		if all || slices.Contains(usages, cms.OIDEKUCodeSigning.String()) {
			roots.CodeSigning.Add(cert)
		}
		if all || slices.Contains(usages, cms.OIDEKUTimeStamping.String()) {
			roots.TimeStamping.Add(cert)
		}
	}
}

// Flag and answers of CertGetEnhancedKeyUsage (wincrypt.h).
const (
	findPropOnlyUsage = 0x4        // CERT_FIND_PROP_ONLY_ENHKEY_USAGE_FLAG
	cryptENotFound    = 0x80092004 // CRYPT_E_NOT_FOUND: no property, so all usages
)

// allowedUsages asks for the property of the store, not the extension of the certificate. What cannot be found out allows nothing.
func allowedUsages(c *windows.CertContext) (usages []string, all bool) {
	call := windows.NewLazySystemDLL("crypt32.dll").NewProc("CertGetEnhancedKeyUsage")
	var size uint32
	ok, _, errno := call.Call(uintptr(unsafe.Pointer(c)), findPropOnlyUsage, 0, uintptr(unsafe.Pointer(&size)))
	if ok == 0 {
		return nil, uint32(errno.(windows.Errno)) == cryptENotFound
	}
	usage := struct { // CTL_USAGE, with room for what it points to
		count uint32
		ids   **byte
	}{}
	if size < uint32(unsafe.Sizeof(usage)) || size > 1<<16 {
		return nil, false
	}
	buf := make([]uint64, (size+7)/8) // aligned for pointers
	if ok, _, errno = call.Call(uintptr(unsafe.Pointer(c)), findPropOnlyUsage, uintptr(unsafe.Pointer(&buf[0])), uintptr(unsafe.Pointer(&size))); ok == 0 {
		return nil, false
	}
	head := (*struct {
		count uint32
		ids   **byte
	})(unsafe.Pointer(&buf[0]))
	if head.count == 0 {
		return nil, uint32(errno.(windows.Errno)) == cryptENotFound
	}
	for _, id := range unsafe.Slice(head.ids, head.count) {
		usages = append(usages, windows.BytePtrToString(id))
	}
	return usages, false
}
