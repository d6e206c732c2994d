package identity

import (
	"crypto"
	"encoding/asn1"
	"errors"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/identity/pfx"
)

// decryptKey opens an EncryptedPrivateKeyInfo (RFC 5958 section 3).
func decryptKey(path string, der, password []byte) (crypto.Signer, error) {
	if password == nil {
		if k, err := pfx.DecryptKey(der, []byte{}); err == nil {
			return usableKey(k) // the empty password
		}
		return nil, fault.New(fault.Usage, "%s is encrypted and no password was given", path).
			Hint("give password: env:NAME or file:PATH (-password= on the command line)")
	}
	k, err := pfx.DecryptKey(der, password)
	var unsupported *pfx.UnsupportedError
	switch {
	case errors.As(err, &unsupported):
		return nil, fault.New(fault.Usage, "%s: %v", path, err).
			Hint("convert it: openssl pkcs8 -in OLD.key | openssl pkcs8 -topk8 -v2 aes-256-cbc -out NEW.key")
	case errors.Is(err, pfx.ErrPassword):
		return nil, fault.New(fault.Usage, "%s cannot be decrypted: the password is wrong, or the file is damaged", path).
			Hint("check what sign.password (or -password=) refers to; a space at its end counts")
	case err != nil:
		return nil, fault.New(fault.Usage, "%s is damaged: %v", path, err)
	}
	return usableKey(k)
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
