package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/hallmark-dev/hallmark/internal/identity/service"
)

// schemeOf is the signature that opts ask of a key.
func schemeOf(key crypto.PublicKey, opts crypto.SignerOpts) service.Scheme {
	if _, ok := key.(*ecdsa.PublicKey); ok {
		return service.SchemeECDSA
	}
	if _, ok := opts.(*rsa.PSSOptions); ok {
		return service.SchemePSS
	}
	return service.SchemePKCS1v15
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
			return "", fmt.Errorf("signing: a PSS salt of %d bytes; it must have %d, like the hash", n, h.Size())
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
