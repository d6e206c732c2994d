package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"errors"
	"fmt"
)

// Scheme names the signature that an exec program has to make.
type Scheme string

// The schemes. RSA signatures are as long as the modulus, ECDSA signatures
// are the ASN.1 SEQUENCE of r and s (RFC 3279 section 2.2.3).
const (
	SchemePKCS1v15 Scheme = "rsa-pkcs1-v1_5" // RFC 8017 section 8.2, DigestInfo included
	SchemePSS      Scheme = "rsa-pss"        // RFC 8017 section 8.1, MGF1 with the same hash, salt as long as the hash
	SchemeECDSA    Scheme = "ecdsa"
)

// schemeOf is the signature that opts ask of a key.
func schemeOf(key crypto.PublicKey, opts crypto.SignerOpts) Scheme {
	if _, ok := key.(*ecdsa.PublicKey); ok {
		return SchemeECDSA
	}
	if _, ok := opts.(*rsa.PSSOptions); ok {
		return SchemePSS
	}
	return SchemePKCS1v15
}

// hashName names the hash of a digest and refuses what keys outside this
// process are not asked for: unknown hashes, digests of another size, and
// PSS salts that are not as long as the hash.
func hashName(digest []byte, opts crypto.SignerOpts) (string, error) {
	h := opts.HashFunc()
	name, ok := map[crypto.Hash]string{crypto.SHA256: "sha256", crypto.SHA384: "sha384", crypto.SHA512: "sha512", crypto.SHA1: "sha1"}[h]
	if !ok {
		return "", fmt.Errorf("signing: hash %v is not supported", h)
	}
	if len(digest) != h.Size() {
		return "", fmt.Errorf("signing: digest of %d bytes for %s", len(digest), name)
	}
	if pss, ok := opts.(*rsa.PSSOptions); ok {
		if n := pss.SaltLength; n != rsa.PSSSaltLengthAuto && n != rsa.PSSSaltLengthEqualsHash && n != h.Size() {
			return "", fmt.Errorf("signing: a PSS salt of %d bytes, want %d as the hash", n, h.Size())
		}
	}
	return name, nil
}

// checkSignature verifies a signature over a digest.
func checkSignature(key crypto.PublicKey, digest, signature []byte, opts crypto.SignerOpts) error {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if _, ok := opts.(*rsa.PSSOptions); ok {
			return rsa.VerifyPSS(key, opts.HashFunc(), digest, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.VerifyPKCS1v15(key, opts.HashFunc(), digest, signature)
	case *ecdsa.PublicKey:
		if !ecdsa.VerifyASN1(key, digest, signature) {
			return errors.New("ECDSA verification error")
		}
		return nil
	}
	return fmt.Errorf("a key of type %T", key)
}
