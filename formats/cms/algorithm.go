package cms

import (
	"crypto"
	_ "crypto/md5" // MD5 and SHA-1 are linked in to check old signatures; new ones never use them
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// scheme is how a public key is applied, apart from the hash.
type scheme int

const (
	schemeUnknown scheme = iota
	schemePKCS1v15
	schemePSS
	schemeECDSA
)

// digestOIDs is the table of digests known here.
var digestOIDs = []struct {
	hash crypto.Hash
	oid  asn1.ObjectIdentifier
}{
	{crypto.MD5, OIDMD5},
	{crypto.SHA1, OIDSHA1},
	{crypto.SHA256, OIDSHA256},
	{crypto.SHA384, OIDSHA384},
	{crypto.SHA512, OIDSHA512},
}

// signatureOIDs lists signature algorithms; hash 0 means that the digest algorithm
// beside it decides.
var signatureOIDs = []struct {
	oid    asn1.ObjectIdentifier
	scheme scheme
	hash   crypto.Hash
}{
	{OIDRSAEncryption, schemePKCS1v15, 0},
	{OIDMD5WithRSA, schemePKCS1v15, crypto.MD5},
	{OIDSHA1WithRSA, schemePKCS1v15, crypto.SHA1},
	{OIDSHA1WithRSAOIW, schemePKCS1v15, crypto.SHA1},
	{OIDSHA256WithRSA, schemePKCS1v15, crypto.SHA256},
	{OIDSHA384WithRSA, schemePKCS1v15, crypto.SHA384},
	{OIDSHA512WithRSA, schemePKCS1v15, crypto.SHA512},
	{OIDRSAPSS, schemePSS, 0},
	{OIDECPublicKey, schemeECDSA, 0},
	{OIDECDSAWithSHA1, schemeECDSA, crypto.SHA1},
	{OIDECDSAWithSHA256, schemeECDSA, crypto.SHA256},
	{OIDECDSAWithSHA384, schemeECDSA, crypto.SHA384},
	{OIDECDSAWithSHA512, schemeECDSA, crypto.SHA512},
}

// HashOf returns the hash that a digest algorithm identifier names, or an error
// wrapping ErrUnsupportedAlgorithm. MD5 and SHA-1 are returned too.
func HashOf(oid asn1.ObjectIdentifier) (crypto.Hash, error) {
	for _, d := range digestOIDs {
		if d.oid.Equal(oid) {
			return d.hash, nil
		}
	}
	return 0, fmt.Errorf("digest algorithm %v: %w", oid, ErrUnsupportedAlgorithm)
}

// ParseHash returns the hash that new signatures and timestamps may name:
// sha256, sha384 or sha512. Any other name is an error wrapping
// ErrUnsupportedAlgorithm.
func ParseHash(name string) (crypto.Hash, error) {
	switch name {
	case "sha256":
		return crypto.SHA256, nil
	case "sha384":
		return crypto.SHA384, nil
	case "sha512":
		return crypto.SHA512, nil
	}
	return 0, fmt.Errorf("digest %q is not one of sha256, sha384, sha512: %w", name, ErrUnsupportedAlgorithm)
}

// DigestOID returns the object identifier of a hash, or an error wrapping ErrUnsupportedAlgorithm.
func DigestOID(h crypto.Hash) (asn1.ObjectIdentifier, error) {
	for _, d := range digestOIDs {
		if d.hash == h {
			return d.oid, nil
		}
	}
	return nil, fmt.Errorf("hash %v: %w", h, ErrUnsupportedAlgorithm)
}

// DigestAlgorithm returns the AlgorithmIdentifier of a hash with NULL parameters,
// as signtool and osslsigncode write it.
func DigestAlgorithm(h crypto.Hash) (pkix.AlgorithmIdentifier, error) {
	oid, err := DigestOID(h)
	if err != nil {
		return pkix.AlgorithmIdentifier{}, err
	}
	return pkix.AlgorithmIdentifier{Algorithm: oid, Parameters: asn1.NullRawValue}, nil
}

// signatureScheme resolves a SignatureAlgorithm. The hash is 0 where the identifier
// does not name one.
func signatureScheme(alg pkix.AlgorithmIdentifier) (scheme, crypto.Hash, int, error) {
	for _, s := range signatureOIDs {
		if !s.oid.Equal(alg.Algorithm) {
			continue
		}
		if s.scheme == schemePSS {
			h, salt, err := pssParameters(alg.Parameters.FullBytes)
			return schemePSS, h, salt, err
		}
		return s.scheme, s.hash, 0, nil
	}
	return schemeUnknown, 0, 0, fmt.Errorf("signature algorithm %v: %w", alg.Algorithm, ErrUnsupportedAlgorithm)
}

// pssParameters reads RSASSA-PSS-params (RFC 4055 section 3.1): hash and salt length.
// The mask function must be MGF1 with the same hash, as in every profile in use.
func pssParameters(der []byte) (crypto.Hash, int, error) {
	h, mgfHash, salt := crypto.SHA1, crypto.SHA1, 20 // the defaults of RFC 4055
	s := cryptobyte.String(der)
	var seq, field cryptobyte.String
	var present bool
	if !s.ReadASN1(&seq, cbasn1.SEQUENCE) {
		return 0, 0, fmt.Errorf("reading RSASSA-PSS parameters: not a SEQUENCE")
	}
	if !seq.ReadOptionalASN1(&field, &present, contextTag(0)) {
		return 0, 0, fmt.Errorf("reading RSASSA-PSS parameters: malformed hashAlgorithm")
	}
	if present {
		oid, _, ok := readAlgorithm(&field)
		if !ok {
			return 0, 0, fmt.Errorf("reading RSASSA-PSS parameters: malformed hashAlgorithm")
		}
		var err error
		if h, err = HashOf(oid); err != nil {
			return 0, 0, err
		}
	}
	if !seq.ReadOptionalASN1(&field, &present, contextTag(1)) {
		return 0, 0, fmt.Errorf("reading RSASSA-PSS parameters: malformed maskGenAlgorithm")
	}
	if present {
		var err error
		if mgfHash, err = mgf1Hash(field); err != nil {
			return 0, 0, err
		}
	}
	if mgfHash != h {
		return 0, 0, fmt.Errorf("RSASSA-PSS with MGF1 hash %v for hash %v: %w", mgfHash, h, ErrUnsupportedAlgorithm)
	}
	if !seq.ReadOptionalASN1Integer(&salt, contextTag(2), 20) || salt < 0 {
		return 0, 0, fmt.Errorf("reading RSASSA-PSS parameters: malformed saltLength")
	}
	trailer := 1
	if !seq.ReadOptionalASN1Integer(&trailer, contextTag(3), 1) || trailer != 1 || !seq.Empty() {
		return 0, 0, fmt.Errorf("reading RSASSA-PSS parameters: malformed trailerField")
	}
	return h, salt, nil
}

func mgf1Hash(field cryptobyte.String) (crypto.Hash, error) {
	oid, params, ok := readAlgorithm(&field)
	if !ok || !oid.Equal(OIDMGF1) {
		return 0, fmt.Errorf("RSASSA-PSS mask function: %w", ErrUnsupportedAlgorithm)
	}
	s := cryptobyte.String(params)
	inner, _, ok := readAlgorithm(&s)
	if !ok {
		return 0, fmt.Errorf("reading RSASSA-PSS parameters: malformed maskGenAlgorithm")
	}
	return HashOf(inner)
}

// readAlgorithm reads an AlgorithmIdentifier: its OID and the bytes of its parameters
// (nil if absent).
func readAlgorithm(s *cryptobyte.String) (asn1.ObjectIdentifier, []byte, bool) {
	var seq cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !s.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1ObjectIdentifier(&oid) {
		return nil, nil, false
	}
	if seq.Empty() {
		return oid, nil, true
	}
	var params cryptobyte.String
	var tag cbasn1.Tag
	if !seq.ReadAnyASN1Element(&params, &tag) || !seq.Empty() {
		return nil, nil, false
	}
	return oid, params, true
}

func contextTag(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }
