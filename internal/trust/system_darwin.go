package trust

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/internal/childproc"
)

// System returns the roots that Apple ships, which the security command of macOS lists.
func System() (*certchain.Roots, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var out bytes.Buffer
	_, err := childproc.Run(ctx, childproc.Cmd{
		Path:   "/usr/bin/security",
		Args:   []string{"find-certificate", "-a", "-p", "/System/Library/Keychains/SystemRootCertificates.keychain"},
		Stdout: &out,
	})
	if err != nil {
		return nil, fmt.Errorf("listing the system's roots: %w", err)
	}
	return lenient(out.Bytes()), nil
}
