package authenticode

import (
	"encoding/pem"
	"fmt"
)

// pemType is what openssl and osslsigncode call a PKCS#7 in PEM (RFC 7468 section 8 also knows CMS).
const pemType = "PKCS7"

// DecodePKCS7 takes a PKCS#7 in DER or PEM and returns the DER. It must be readable as signatures.
func DecodePKCS7(b []byte) ([]byte, error) {
	b, err := withoutPEM(b)
	if err != nil {
		return nil, err
	}
	return trimPKCS7(b)
}

func withoutPEM(b []byte) ([]byte, error) {
	block, _ := pem.Decode(b)
	if block == nil {
		return b, nil
	}
	if block.Type != pemType && block.Type != "CMS" {
		return nil, fmt.Errorf("reading signature: PEM block %q instead of %q", block.Type, pemType)
	}
	return block.Bytes, nil
}

// EncodePEM writes a PKCS#7 blob as PEM.
func EncodePEM(p7 []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: p7})
}
