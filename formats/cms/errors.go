package cms

import (
	"errors"
	"fmt"
)

// ParseError says where foreign bytes stop being a SignedData.
type ParseError struct {
	// Offset counts bytes from the start of the parsed input. Where the input had
	// to be converted from BER first, it counts in the converted form and Problem says so.
	Offset int
	// Field is the ASN.1 name of what was being read, e.g. "signerInfos[0].digestAlgorithm".
	Field string
	// Problem says what is wrong with it.
	Problem string

	bound bool // one of our bounds is passed: reading it as BER would not help
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("reading PKCS#7 %s at offset %d: %s", e.Field, e.Offset, e.Problem)
}

// Errors that a caller may branch on.
var (
	// ErrBadSignature: the signature does not belong to the signed bytes and the key.
	ErrBadSignature = errors.New("the signature does not match")
	// ErrUnsupportedAlgorithm: the algorithm is not one that can be computed here (MD2, DSA, …).
	ErrUnsupportedAlgorithm = errors.New("unsupported algorithm")
	// ErrNoCertificate: the certificate that a SignerInfo names is not in the SignedData.
	ErrNoCertificate = errors.New("the signer's certificate is not embedded")
	// ErrBadDigest: the messageDigest attribute is not the digest of the content.
	ErrBadDigest = errors.New("the message digest does not match the content")
)
