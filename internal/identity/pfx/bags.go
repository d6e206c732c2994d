package pfx

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"unicode/utf16"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Object identifiers of RFC 7292 and RFC 2985.
var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidEncryptedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidX509          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidFriendlyName  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 20}
	oidLocalKeyID    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 21}
)

// bagTypes are the last numbers of 1.2.840.113549.1.12.10.1.
const (
	keyBag, shroudedKeyBag, certBag, crlBag, secretBag, safeContentsBag = 1, 2, 3, 4, 5, 6
)

// Bounds of one file: real ones have one or two keys and a chain.
const (
	maxBags  = 1000
	maxDepth = 8
)

type safeBag struct {
	ID         asn1.ObjectIdentifier
	Value      asn1.RawValue `asn1:"explicit,tag:0"`
	Attributes []attribute   `asn1:"set,optional"`
}

type attribute struct {
	ID     asn1.ObjectIdentifier
	Values asn1.RawValue // SET
}

type encryptedData struct {
	Version int
	Content struct {
		Type      asn1.ObjectIdentifier
		Algorithm pkix.AlgorithmIdentifier
		Content   asn1.RawValue `asn1:"tag:0,optional"`
	}
}

type reader struct {
	secret secret
	bundle Bundle
	bags   int
}

func (r *reader) authenticatedSafe(b []byte) error {
	var items []contentInfo
	if err := unmarshal(b, &items); err != nil {
		return fmt.Errorf("authenticated safe: %w", err)
	}
	for i, item := range items {
		contents, err := r.item(item)
		if err == nil {
			err = r.safeContents(contents, 0)
		}
		if err != nil {
			return fmt.Errorf("safe item %d: %w", i+1, err)
		}
	}
	return nil
}

// item returns the SafeContents of one item, decrypted.
func (r *reader) item(item contentInfo) ([]byte, error) {
	switch {
	case item.Type.Equal(oidData):
		return octets(item.Content)
	case item.Type.Equal(oidEncryptedData):
		var e encryptedData
		if err := unmarshal(item.Content.Bytes, &e); err != nil {
			return nil, err
		}
		return r.secret.decrypt(e.Content.Algorithm, e.Content.Content.Bytes)
	}
	return nil, &UnsupportedError{fmt.Sprintf("content of type %v", item.Type)}
}

func (r *reader) safeContents(b []byte, depth int) error {
	if depth > maxDepth {
		return errors.New("bags are nested too deep")
	}
	var bags []safeBag
	if err := unmarshal(b, &bags); err != nil {
		return fmt.Errorf("safe contents: %w", err)
	}
	if r.bags += len(bags); r.bags > maxBags {
		return fmt.Errorf("more than %d bags", maxBags)
	}
	for _, bag := range bags {
		if err := r.bag(bag, depth); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) bag(bag safeBag, depth int) error {
	name, id := bag.names()
	switch bag.kind() {
	case keyBag:
		return r.key(bag.Value.Bytes, name, id)
	case shroudedKeyBag:
		plain, err := r.secret.open(bag.Value.Bytes)
		if err != nil {
			return fmt.Errorf("private key: %w", err)
		}
		return r.key(plain, name, id)
	case certBag:
		return r.certificate(bag.Value.Bytes, name, id)
	case safeContentsBag:
		return r.safeContents(bag.Value.Bytes, depth+1)
	case crlBag, secretBag:
		return nil // nothing that signing needs
	}
	return &UnsupportedError{fmt.Sprintf("a bag of type %v", bag.ID)}
}

// kind returns the last number of the bag's type, or 0.
func (b safeBag) kind() int {
	prefix := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1}
	if len(b.ID) != len(prefix)+1 || !b.ID[:len(prefix)].Equal(prefix) {
		return 0
	}
	return b.ID[len(prefix)]
}

// names returns friendlyName and localKeyID. Attributes that cannot be read
// are left out: they only help to choose.
func (b safeBag) names() (name string, id []byte) {
	for _, a := range b.Attributes {
		var v asn1.RawValue
		if _, err := asn1.Unmarshal(a.Values.Bytes, &v); err != nil {
			continue
		}
		switch {
		case a.ID.Equal(oidFriendlyName) && len(v.Bytes)%2 == 0:
			units := make([]uint16, len(v.Bytes)/2)
			for i := range units {
				units[i] = uint16(v.Bytes[2*i])<<8 | uint16(v.Bytes[2*i+1])
			}
			name = string(utf16.Decode(units))
		case a.ID.Equal(oidLocalKeyID):
			id = v.Bytes
		}
	}
	return name, id
}

func (r *reader) key(der []byte, name string, id []byte) error {
	k, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return fmt.Errorf("private key: %w", err)
	}
	r.bundle.Keys = append(r.bundle.Keys, Key{k, name, id})
	return nil
}

func (r *reader) certificate(b []byte, name string, id []byte) error {
	var bag struct {
		Type  asn1.ObjectIdentifier
		Value []byte `asn1:"explicit,tag:0"`
	}
	if err := unmarshal(b, &bag); err != nil {
		return fmt.Errorf("certificate bag: %w", err)
	}
	if !bag.Type.Equal(oidX509) {
		return nil // an SDSI certificate
	}
	c, err := cms.ParseCertificate(bag.Value)
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	r.bundle.Certificates = append(r.bundle.Certificates, Certificate{c, name, id})
	return nil
}
