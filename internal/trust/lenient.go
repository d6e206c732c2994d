package trust

import (
	"encoding/pem"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
)

// lenient reads a bundle of which nobody here is the author: a certificate that cannot be read vouches for nobody and is passed over.
func lenient(b []byte) *authenticode.Roots {
	roots := authenticode.NewRoots()
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
