// Package pfx reads PFX files (PKCS #12, RFC 7292) as people have them: from
// OpenSSL, Windows, Java, Bouncy Castle and certificate authorities. It reads
// BER, any number of safe items, nested bags, files without a MAC, several
// keys, and passwords of any characters, which no maintained Go library does
// together.
package pfx

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// ErrPassword is returned when the MAC, or decryption where there is no MAC,
// says that the password is not that of the file. A damaged file without MAC
// looks the same.
var ErrPassword = errors.New("the password is wrong")

// UnsupportedError names what a file uses and this package does not know. The
// file itself may be good.
type UnsupportedError struct{ What string }

func (e *UnsupportedError) Error() string { return e.What + " is not supported" }

// Bundle is what a file holds, in the order of the file.
type Bundle struct {
	Keys         []Key
	Certificates []Certificate
}

// Key is a private key: *rsa.PrivateKey, *ecdsa.PrivateKey or another type that
// x509.ParsePKCS8PrivateKey returns.
type Key struct {
	Private any
	Name    string // friendlyName, "" if there is none
	ID      []byte // localKeyID
}

// Public returns the public half of the key, or nil.
func (k Key) Public() crypto.PublicKey {
	if s, ok := k.Private.(crypto.Signer); ok {
		return s.Public()
	}
	return nil
}

// Certificate is an X.509 certificate with its attributes.
type Certificate struct {
	*x509.Certificate
	Name string
	ID   []byte
}

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"explicit,tag:0,optional"`
}

type pfxPDU struct {
	Version  int
	AuthSafe contentInfo
	Mac      macData `asn1:"optional"`
}

// Parse reads a whole file. A nil password is an empty one.
func Parse(file, password []byte) (*Bundle, error) {
	var pdu pfxPDU
	if err := unmarshal(file, &pdu); err != nil {
		return nil, fmt.Errorf("not a PFX file: %w", err)
	}
	if pdu.Version != 3 {
		return nil, &UnsupportedError{fmt.Sprintf("PFX version %d", pdu.Version)}
	}
	if !pdu.AuthSafe.Type.Equal(oidData) {
		return nil, &UnsupportedError{"a PFX file that is protected by a certificate, not a password,"}
	}
	safe, err := octets(pdu.AuthSafe.Content)
	if err != nil {
		return nil, fmt.Errorf("authenticated safe: %w", err)
	}
	s, err := secretFor(pdu.Mac, safe, password)
	if err != nil {
		return nil, err
	}
	r := reader{secret: s}
	if err := r.authenticatedSafe(safe); err != nil {
		return nil, err
	}
	return &r.bundle, nil
}

// DecryptKey opens an EncryptedPrivateKeyInfo (RFC 5958 section 3) of a key
// file.
func DecryptKey(der, password []byte) (any, error) {
	plain, err := secret{utf8: password, bmp: bmp(password)}.open(der)
	if err != nil {
		return nil, err
	}
	k, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		return nil, fmt.Errorf("%w, or the key is damaged", ErrPassword)
	}
	return k, nil
}

// unmarshal reads one BER element and refuses bytes after it.
func unmarshal(b []byte, v any) error {
	der, err := cms.ToDER(b)
	if err != nil {
		return err
	}
	rest, err := asn1.Unmarshal(der, v)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes after the end", len(rest))
	}
	return err
}

// octets returns the content of an OCTET STRING.
func octets(v asn1.RawValue) ([]byte, error) {
	var b []byte
	if len(v.Bytes) == 0 {
		return nil, errors.New("it is missing")
	}
	return b, unmarshal(v.Bytes, &b)
}
