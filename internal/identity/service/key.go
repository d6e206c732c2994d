package service

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"time"

	"github.com/hallmark-dev/hallmark/formats/certchain"
)

// Key is a private key in a service, as each kind of identity implements
// it. Its methods are called from several goroutines.
type Key interface {
	// Open reaches the key before anything is signed. It makes a signature
	// only where the certificate cannot be had otherwise (Held.Tried).
	Open(ctx context.Context) (*Held, error)
	// Sign signs a digest. The caller verifies the signature.
	Sign(ctx context.Context, d Digest) (*Signed, error)
}

// Permitter is a Key that can ask whether it may sign without signing.
type Permitter interface {
	Permitted(ctx context.Context) error
}

// Digest is what a key is asked to sign.
type Digest struct {
	Scheme Scheme
	Hash   crypto.Hash // SHA-256, SHA-384 or SHA-512
	Sum    []byte      // as long as Hash says
}

// Scheme names the signature that a key has to make.
type Scheme string

// The schemes. RSA signatures are as long as the modulus, ECDSA signatures
// are the ASN.1 SEQUENCE of r and s (RFC 3279 section 2.2.3).
const (
	SchemePKCS1v15 Scheme = "rsa-pkcs1-v1_5" // RFC 8017 section 8.2, DigestInfo included
	SchemePSS      Scheme = "rsa-pss"        // RFC 8017 section 8.1, MGF1 with the same hash, salt as long as the hash
	SchemeECDSA    Scheme = "ecdsa"
)

// Signed is a signature, and the certificates that came with it.
type Signed struct {
	Signature []byte
	// Certificates of this very answer, in any order: the one whose key
	// verifies the signature is used, the others complete its chain. Empty
	// where the service sends none; then the identity's certificate counts.
	Certificates []*x509.Certificate
}

// Held is what a service says about a key.
type Held struct {
	// Publics are the key's versions, the preferred one first. The first that
	// has a certificate is used. Empty where the service only has certificates:
	// then the key is that of the first one.
	Publics []crypto.PublicKey
	// Chosen, if not nil, is told which of Publics is used.
	Chosen func(n int)
	// Certificates that the service holds: the key's own and what completes its
	// chain, in any order. Empty where it holds none, then sign.chain has it.
	Certificates []*x509.Certificate
	Info         *Info
	// Allows explains why the key cannot make such signatures, nil if it can. A nil
	// function allows everything.
	Allows func(s Scheme, h crypto.Hash) error
	// Tried is set when opening has made a signature that the certificate
	// verifies, so that no trial signature is needed.
	Tried bool
}

// Info is about a key for people. Fields that a service does not tell are "".
type Info struct {
	Name       string        `json:"name,omitempty"`       // the service's full name of the key
	Version    string        `json:"version,omitempty"`    // of the key
	Protection string        `json:"protection,omitempty"` // where the key lies, in the service's word, such as HSM
	Algorithm  string        `json:"algorithm,omitempty"`  // in the service's word
	Region     string        `json:"region,omitempty"`
	Credential string        `json:"credential,omitempty"` // where the credential came from, such as "AZURE_CLIENT_SECRET"
	Latency    time.Duration `json:"-"`                    // of one signature; 0 before one was made
}

// HashName is the name of a hash in lower case without hyphen, such as sha256.
func HashName(h crypto.Hash) (string, error) {
	switch h {
	case crypto.SHA256:
		return "sha256", nil
	case crypto.SHA384:
		return "sha384", nil
	case crypto.SHA512:
		return "sha512", nil
	}
	return "", fmt.Errorf("signing: hash %v is not supported", h)
}

// ParseCertificates reads certificates as services send them: PEM, DER or
// PKCS #7.
func ParseCertificates(b []byte) ([]*x509.Certificate, error) {
	return certchain.ParseCertificates(b)
}

// ParsePublicKey reads a public key: PEM or DER, SubjectPublicKeyInfo.
func ParsePublicKey(b []byte) (crypto.PublicKey, error) {
	if block, _ := pem.Decode(b); block != nil {
		b = block.Bytes
	}
	return x509.ParsePKIXPublicKey(b)
}
