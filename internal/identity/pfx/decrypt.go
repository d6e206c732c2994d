package pfx

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rc4"
	"crypto/sha1"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/scrypt"
)

// open decrypts an EncryptedPrivateKeyInfo.
func (s secret) open(der []byte) ([]byte, error) {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	if err := unmarshal(der, &info); err != nil {
		return nil, fmt.Errorf("encrypted private key: %w", err)
	}
	return s.decrypt(info.Algorithm, info.Data)
}

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidScrypt = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}
)

// decrypt opens data by PBES2 (RFC 8018) or one of the algorithms of RFC 7292
// appendix C.
func (s secret) decrypt(alg pkix.AlgorithmIdentifier, data []byte) ([]byte, error) {
	if alg.Algorithm.Equal(oidPBES2) {
		return s.pbes2(alg.Parameters, data)
	}
	old, ok := oldCiphers[alg.Algorithm.String()]
	if !ok {
		return nil, &UnsupportedError{"encryption with " + algorithmName(alg.Algorithm)}
	}
	var p struct {
		Salt       []byte
		Iterations int
	}
	if err := unmarshal(alg.Parameters.FullBytes, &p); err != nil {
		return nil, fmt.Errorf("encryption parameters: %w", err)
	}
	key, err := derive(sha1.New, s.bmp, p.Salt, p.Iterations, 1, old.key)
	if err != nil {
		return nil, err
	}
	if old.block == nil {
		c, err := rc4.NewCipher(key)
		if err != nil {
			return nil, err
		}
		out := make([]byte, len(data))
		c.XORKeyStream(out, data)
		return out, nil
	}
	block, err := old.block(key)
	if err != nil {
		return nil, err
	}
	iv, err := derive(sha1.New, s.bmp, p.Salt, p.Iterations, 2, block.BlockSize())
	if err != nil {
		return nil, err
	}
	return cbc(block, iv, data)
}

// oldCipher is an algorithm of RFC 7292 appendix C: the size of its key in
// bytes, and its block cipher, nil for RC4.
type oldCipher struct {
	key   int
	block func([]byte) (cipher.Block, error)
}

var oldCiphers = map[string]oldCipher{
	"1.2.840.113549.1.12.1.1": {16, nil},
	"1.2.840.113549.1.12.1.2": {5, nil},
	"1.2.840.113549.1.12.1.3": {24, des.NewTripleDESCipher},
	"1.2.840.113549.1.12.1.4": {16, func(k []byte) (cipher.Block, error) { return des.NewTripleDESCipher(append(k, k[:8]...)) }},
	"1.2.840.113549.1.12.1.5": {16, func(k []byte) (cipher.Block, error) { return newRC2(k, 128), nil }},
	"1.2.840.113549.1.12.1.6": {5, func(k []byte) (cipher.Block, error) { return newRC2(k, 40), nil }},
}

func (s secret) pbes2(parameters asn1.RawValue, data []byte) ([]byte, error) {
	var p struct{ KDF, Cipher pkix.AlgorithmIdentifier }
	if err := unmarshal(parameters.FullBytes, &p); err != nil {
		return nil, fmt.Errorf("encryption parameters: %w", err)
	}
	size, newBlock := 0, aes.NewCipher
	switch p.Cipher.Algorithm.String() {
	case "2.16.840.1.101.3.4.1.2":
		size = 16
	case "2.16.840.1.101.3.4.1.22":
		size = 24
	case "2.16.840.1.101.3.4.1.42":
		size = 32
	case "1.2.840.113549.3.7":
		size, newBlock = 24, des.NewTripleDESCipher
	default:
		return nil, &UnsupportedError{"encryption with " + algorithmName(p.Cipher.Algorithm)}
	}
	var iv []byte
	if err := unmarshal(p.Cipher.Parameters.FullBytes, &iv); err != nil {
		return nil, fmt.Errorf("initial value: %w", err)
	}
	key, err := s.kdf(p.KDF, size)
	if err != nil {
		return nil, err
	}
	block, err := newBlock(key)
	if err != nil {
		return nil, err
	}
	if len(iv) != block.BlockSize() {
		return nil, fmt.Errorf("the initial value has %d bytes, not %d", len(iv), block.BlockSize())
	}
	return cbc(block, iv, data)
}

// maxScryptMemory bounds scrypt, in bytes: OpenSSL's default takes 16 MiB.
const maxScryptMemory = 64 << 20

// kdf derives a key of size bytes by PBKDF2 (RFC 8018) or scrypt (RFC 7914).
func (s secret) kdf(alg pkix.AlgorithmIdentifier, size int) ([]byte, error) {
	switch {
	case alg.Algorithm.Equal(oidPBKDF2):
		var p struct {
			Salt       []byte
			Iterations int
			Size       int                      `asn1:"optional"`
			PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
		}
		if err := unmarshal(alg.Parameters.FullBytes, &p); err != nil {
			return nil, fmt.Errorf("PBKDF2: %w", err)
		}
		if p.PRF.Algorithm == nil {
			return pbkdf2Key(sha1.New, s.utf8, p.Salt, p.Iterations, size)
		}
		newHash, err := digestByHMAC(p.PRF.Algorithm)
		if err != nil {
			return nil, err
		}
		return pbkdf2Key(newHash, s.utf8, p.Salt, p.Iterations, size)
	case alg.Algorithm.Equal(oidScrypt):
		var p struct {
			Salt    []byte
			N, R, P int
			Size    int `asn1:"optional"`
		}
		if err := unmarshal(alg.Parameters.FullBytes, &p); err != nil {
			return nil, fmt.Errorf("scrypt: %w", err)
		}
		if p.N < 2 || p.R < 1 || p.P < 1 || p.P > 16 || p.R > 64 || p.N > maxScryptMemory/128/p.R {
			return nil, fmt.Errorf("scrypt asks for N=%d, r=%d, p=%d: at most %d MiB are used", p.N, p.R, p.P, maxScryptMemory>>20)
		}
		return scrypt.Key(s.utf8, p.Salt, p.N, p.R, p.P, size)
	}
	return nil, &UnsupportedError{"key derivation with " + algorithmName(alg.Algorithm)}
}

// cbc decrypts and takes the padding of RFC 5652 section 6.3 off. Wrong padding
// means a wrong password.
func cbc(block cipher.Block, iv, data []byte) ([]byte, error) {
	if len(data) == 0 || len(data)%block.BlockSize() != 0 {
		return nil, fmt.Errorf("%d encrypted bytes are not a whole number of blocks", len(data))
	}
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, data)
	n := int(out[len(out)-1])
	if n < 1 || n > block.BlockSize() {
		return nil, ErrPassword
	}
	for _, b := range out[len(out)-n:] {
		if int(b) != n {
			return nil, ErrPassword
		}
	}
	return out[:len(out)-n], nil
}

// algorithmName names what people meet, for messages.
func algorithmName(oid asn1.ObjectIdentifier) string {
	name := map[string]string{
		"1.2.840.113549.1.5.3": "PBE-MD5-DES", "1.2.840.113549.1.5.10": "PBE-SHA1-DES", "1.2.840.113549.1.5.1": "PBE-MD2-DES",
		"1.2.840.113549.2.5": "MD5", "1.2.840.113549.3.2": "RC2-CBC", "1.3.14.3.2.7": "DES-CBC",
		"1.2.392.200011.61.1.1.1.2": "Camellia-128-CBC", "1.2.392.200011.61.1.1.1.3": "Camellia-192-CBC", "1.2.392.200011.61.1.1.1.4": "Camellia-256-CBC",
		"2.16.840.1.101.3.4.1.6": "AES-128-GCM", "2.16.840.1.101.3.4.1.46": "AES-256-GCM", "1.2.156.10197.1.104.2": "SM4-CBC",
	}[oid.String()]
	if name == "" {
		return "algorithm " + oid.String()
	}
	return name + " (" + oid.String() + ")"
}
