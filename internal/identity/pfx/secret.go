package pfx

import (
	"bytes"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"hash"
	"math/big"
	"unicode/utf16"
)

// maxIterations is 100 times what OpenSSL writes; Windows writes 2000. More
// would only keep the reader busy.
const maxIterations = 100 * 2048

// secret is the password in the two forms that PKCS #12 uses: UTF-8 for PBES2,
// UTF-16 with a final zero for the older algorithms and the MAC.
type secret struct{ utf8, bmp []byte }

// bmp encodes a password for the key derivation of RFC 7292 appendix B.1.
// Characters beyond the basic plane become surrogates, as OpenSSL does it.
func bmp(password []byte) []byte {
	var out []byte
	for _, u := range append(utf16.Encode([]rune(string(password))), 0) {
		out = append(out, byte(u>>8), byte(u))
	}
	return out
}

type macData struct {
	Mac struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	Salt       []byte
	Iterations int `asn1:"optional,default:1"`
}

// secretFor returns the form of the password that fits the MAC over safe. An
// empty password has two forms; without a MAC both may have been meant, and the
// common one is taken.
func secretFor(mac macData, safe, password []byte) (secret, error) {
	candidates := []secret{{password, bmp(password)}}
	if len(password) == 0 {
		candidates = append(candidates, secret{nil, nil})
	}
	if mac.Mac.Digest == nil {
		return candidates[0], nil
	}
	for _, s := range candidates {
		ok, err := s.verifies(mac, safe)
		if err != nil {
			return secret{}, fmt.Errorf("MAC: %w", err)
		}
		if ok {
			return s, nil
		}
	}
	return secret{}, ErrPassword
}

var oidPBMAC1 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 14}

func (s secret) verifies(m macData, safe []byte) (bool, error) {
	var key []byte
	newHash, err := digestByOID(m.Mac.Algorithm.Algorithm)
	if m.Mac.Algorithm.Algorithm.Equal(oidPBMAC1) {
		key, newHash, err = s.pbmac1(m.Mac.Algorithm.Parameters)
	} else if err == nil {
		key, err = derive(newHash, s.bmp, m.Salt, m.Iterations, 3, newHash().Size())
	}
	if err != nil {
		return false, err
	}
	h := hmac.New(newHash, key)
	h.Write(safe)
	return hmac.Equal(h.Sum(nil), m.Mac.Digest), nil
}

// pbmac1 derives the key of RFC 9579.
func (s secret) pbmac1(parameters asn1.RawValue) ([]byte, func() hash.Hash, error) {
	var p struct{ KDF, Scheme pkix.AlgorithmIdentifier }
	if err := unmarshal(parameters.FullBytes, &p); err != nil {
		return nil, nil, err
	}
	newHash, err := digestByHMAC(p.Scheme.Algorithm)
	if err != nil {
		return nil, nil, err
	}
	key, err := s.kdf(p.KDF, newHash().Size())
	return key, newHash, err
}

// derive is the key derivation of RFC 7292 appendix B.2: id is 1 for a key, 2
// for an initial value, 3 for a MAC key.
func derive(newHash func() hash.Hash, password, salt []byte, iterations int, id byte, size int) ([]byte, error) {
	if iterations < 1 || iterations > maxIterations {
		return nil, fmt.Errorf("%d iterations: at most %d are accepted", iterations, maxIterations)
	}
	h := newHash()
	v := h.BlockSize()
	diversifier := bytes.Repeat([]byte{id}, v)
	input := append(fill(salt, v), fill(password, v)...)
	var out []byte
	for len(out) < size {
		h.Reset()
		h.Write(diversifier)
		h.Write(input)
		a := h.Sum(nil)
		for range iterations - 1 {
			h.Reset()
			h.Write(a)
			a = h.Sum(a[:0])
		}
		out = append(out, a...)
		addToBlocks(input, fill(a, v)[:v], v)
	}
	return out[:size], nil
}

// fill repeats b to a multiple of v bytes.
func fill(b []byte, v int) []byte {
	if len(b) == 0 {
		return nil
	}
	n := v * ((len(b) + v - 1) / v)
	return bytes.Repeat(b, n/len(b)+1)[:n:n]
}

// addToBlocks adds b + 1 to each block of v bytes, as large numbers.
func addToBlocks(input, b []byte, v int) {
	one := new(big.Int).Add(new(big.Int).SetBytes(b), big.NewInt(1))
	mod := new(big.Int).Lsh(big.NewInt(1), uint(8*v))
	for i := 0; i < len(input); i += v {
		block := input[i : i+v]
		n := new(big.Int).SetBytes(block)
		n.Add(n, one).Mod(n, mod).FillBytes(block)
	}
}

func pbkdf2Key(newHash func() hash.Hash, password, salt []byte, iterations, size int) ([]byte, error) {
	if iterations < 1 || iterations > maxIterations {
		return nil, fmt.Errorf("%d iterations: at most %d are accepted", iterations, maxIterations)
	}
	return pbkdf2.Key(newHash, string(password), salt, iterations, size)
}

func digestByOID(oid asn1.ObjectIdentifier) (func() hash.Hash, error) {
	return digest(oid, map[string]func() hash.Hash{
		"1.3.14.3.2.26": sha1.New, "2.16.840.1.101.3.4.2.4": sha256.New224, "2.16.840.1.101.3.4.2.1": sha256.New,
		"2.16.840.1.101.3.4.2.2": sha512.New384, "2.16.840.1.101.3.4.2.3": sha512.New,
	})
}

func digestByHMAC(oid asn1.ObjectIdentifier) (func() hash.Hash, error) {
	return digest(oid, map[string]func() hash.Hash{
		"1.2.840.113549.2.7": sha1.New, "1.2.840.113549.2.8": sha256.New224, "1.2.840.113549.2.9": sha256.New,
		"1.2.840.113549.2.10": sha512.New384, "1.2.840.113549.2.11": sha512.New,
	})
}

func digest(oid asn1.ObjectIdentifier, known map[string]func() hash.Hash) (func() hash.Hash, error) {
	if h := known[oid.String()]; h != nil {
		return h, nil
	}
	return nil, &UnsupportedError{"the hash " + algorithmName(oid)}
}
