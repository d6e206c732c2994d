package trust

import (
	"encoding/pem"

	"github.com/hallmark-dev/hallmark/formats/certchain"
)

// lenient reads a bundle of which nobody here is the author: a certificate that cannot be read vouches for nobody and is passed over.
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
