package cms

import "fmt"

// Bounds on what a SignedData may hold. All are far above what real signatures and catalogs have, and keep what foreign bytes cost
// at about their own size: an element of a few bytes takes a hundred once it is read.
const (
	maxDigestAlgorithms = 64      // real ones have one or two
	maxCertificates     = 1024    // a signature has three to eight
	maxCRLs             = 256     //
	maxSigners          = 64      // Authenticode has one
	maxAttributes       = 256     // of a SignerInfo, signed and unsigned each
	maxValues           = 256     // of an attribute; nested signatures are such values
	maxCertificateSize  = 1 << 20 // bytes; an issuing authority's largest have a few kilobytes
	maxBERSize          = 8 << 20 // bytes that are converted to DER: several copies of them exist for a while
)

// tooMany is nil as long as n more fit.
func (r reader) tooMany(n, limit int, at []byte, field string) error {
	if n < limit {
		return nil
	}
	return &ParseError{Offset: r.at(at), Field: field, Problem: fmt.Sprintf("more than %d, which no signature has", limit), bound: true}
}
