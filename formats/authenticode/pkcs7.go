package authenticode

import (
	"encoding/pem"
	"fmt"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// pemType is what openssl and osslsigncode call a PKCS#7 in PEM (RFC 7468 section 8
// also knows CMS).
const pemType = "PKCS7"

// PKCS7 is the signature block of a file (PKCS#7 SignedData in DER or BER): what
// its certificate table holds. Other signatures of the file are nested in the
// first. Methods that change it return a new one in DER; what is signed stays as
// it is, and a change that would break a signature or a seal is an error. [Update]
// makes such a change inside a file.
//
// An index counts the signatures of a block from 0, the outermost, depth first. It
// is only good until the block changes: nested signatures are a SET, and in DER
// that is sorted by its bytes.
type PKCS7 []byte

// ParsePKCS7 takes a block in DER or PEM and returns the DER. It must be readable
// as signatures.
func ParsePKCS7(b []byte) (PKCS7, error) {
	b, err := withoutPEM(b)
	if err != nil {
		return nil, err
	}
	return trimPKCS7(b)
}

func withoutPEM(b []byte) ([]byte, error) {
	blocks, err := cms.PEMBlocks(b)
	if err != nil {
		return nil, fmt.Errorf("reading signature: %v", err)
	}
	if len(blocks) == 0 {
		return b, nil
	}
	block := blocks[0]
	if block.Type != pemType && block.Type != "CMS" {
		return nil, fmt.Errorf("reading signature: PEM block %q instead of %q", block.Type, pemType)
	}
	return block.Bytes, nil
}

// PEM returns the block as PEM.
func (p PKCS7) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: p})
}
