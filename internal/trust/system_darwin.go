package trust

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
)

// System returns the roots that Apple ships, which the security command of macOS lists.
func System() (*certchain.Roots, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "/usr/bin/security", "find-certificate", "-a", "-p",
		"/System/Library/Keychains/SystemRootCertificates.keychain").Output()
	if err != nil {
		return nil, fmt.Errorf("listing the system's roots: /usr/bin/security: %v", err)
	}
	return lenient(out), nil
}
