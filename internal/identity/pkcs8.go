package identity

import (
	"crypto"
	"crypto/x509/pkix"
	"encoding/asn1"

	"github.com/youmark/pkcs8"

	"github.com/hallmark-dev/hallmark/internal/fault"
)

// decryptKey opens an EncryptedPrivateKeyInfo (RFC 5958 section 3, PBES2 of
// RFC 8018).
func decryptKey(path string, der, password []byte) (crypto.Signer, error) {
	if password == nil {
		return nil, fault.New(fault.Usage, "%s is encrypted and no password was given", path).
			Hint("give password: env:NAME or file:PATH (-password= on the command line)")
	}
	k, _, err := pkcs8.ParsePrivateKey(der, password)
	if err != nil {
		return nil, wrongPassword(path, der)
	}
	return usableKey(k)
}

// wrongPassword explains why decrypting failed. A wrong password and a
// damaged file look alike from inside.
func wrongPassword(path string, der []byte) error {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return fault.New(fault.Usage, "%s is damaged: not an encrypted PKCS #8 key", path)
	}
	pbes2 := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	if !info.Algorithm.Algorithm.Equal(pbes2) {
		return fault.New(fault.Usage, "%s is encrypted with an old algorithm (%v)", path, info.Algorithm.Algorithm).
			Hint("convert it: openssl pkcs8 -in OLD.key | openssl pkcs8 -topk8 -v2 aes-256-cbc -out NEW.key")
	}
	return fault.New(fault.Usage, "%s cannot be decrypted: the password is wrong, or the file is damaged", path).
		Hint("check what sign.password (or -password=) refers to; a space at its end counts")
}

// isEncryptedPKCS8 tells EncryptedPrivateKeyInfo, which begins with an
// AlgorithmIdentifier, from the plain forms, which begin with a version.
func isEncryptedPKCS8(der []byte) bool {
	var outer asn1.RawValue
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		return false
	}
	var first asn1.RawValue
	_, err := asn1.Unmarshal(outer.Bytes, &first)
	return err == nil && first.Tag == asn1.TagSequence
}
