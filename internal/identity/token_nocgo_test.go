//go:build !cgo

package identity

import (
	"testing"

	"github.com/hallmark-dev/hallmark/internal/fault"
)

func TestTokenNeedsCgo(t *testing.T) {
	_, err := open(t, "pkcs11:token=t?module-path=/lib/x.so", "")
	wantError(t, err, fault.Usage, "built without cgo", "CGO_ENABLED=1", "exec:PROGRAM")
}
