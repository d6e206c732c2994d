package trust

import (
	"encoding/pem"

	"github.com/hallmark-dev/hallmark/formats/certchain"
)

// lenient reads a bundle written by others: a certificate that cannot be read is skipped.
func lenient(b []byte) *certchain.Roots {
	roots := certchain.NewRoots()
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			return roots
		}
		if block.Type == "CERTIFICATE" {
			roots.AddLenient(block.Bytes)
		}
	}
}
