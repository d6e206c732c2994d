package trust

import (
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/internal/winstore"
)

// System returns the roots of the current user's and the machine's store, each for the purposes that the store
// allows it (its property CERT_ENHKEY_USAGE_PROP_ID; without it all).
func System() (*certchain.Roots, error) {
	roots := certchain.NewRoots()
	err := winstore.Each(winstore.Root, func(c *windows.CertContext, der []byte) {
		cert, err := cms.ParseCertificate(der)
		if err != nil {
			return // what cannot be read is not trusted
		}
		usages, all := allowedUsages(c)
		if all || slices.Contains(usages, cms.OIDEKUCodeSigning.String()) {
			roots.CodeSigning.Add(cert)
		}
		if all || slices.Contains(usages, cms.OIDEKUTimeStamping.String()) {
			roots.TimeStamping.Add(cert)
		}
	})
	if err != nil {
		return nil, err
	}
	return roots, nil
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
