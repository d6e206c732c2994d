package rfc3161

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// firstESS enters SigningCertificate(V2) { certs SEQUENCE OF …, policies OPTIONAL } and
// returns the first identifier.
func firstESS(der []byte) (cryptobyte.String, error) {
	in := cryptobyte.String(der)
	var outer, list, first cryptobyte.String
	if !in.ReadASN1(&outer, cbasn1.SEQUENCE) || !in.Empty() || !outer.ReadASN1(&list, cbasn1.SEQUENCE) || !list.ReadASN1(&first, cbasn1.SEQUENCE) {
		return nil, errors.New("malformed")
	}
	return first, nil
}

func readESS(der []byte) (essID, error) {
	first, err := firstESS(der)
	if err != nil {
		return essID{}, err
	}
	return readESSRest(first, crypto.SHA1)
}

func readESSv2(der []byte) (essID, error) {
	first, err := firstESS(der)
	if err != nil {
		return essID{}, err
	}
	hash := crypto.SHA256 // DEFAULT of RFC 5035 section 4
	if first.PeekASN1Tag(cbasn1.SEQUENCE) {
		var alg cryptobyte.String
		var oid asn1.ObjectIdentifier
		if !first.ReadASN1(&alg, cbasn1.SEQUENCE) || !alg.ReadASN1ObjectIdentifier(&oid) {
			return essID{}, errors.New("malformed hashAlgorithm")
		}
		if hash, err = cms.HashOf(oid); err != nil {
			return essID{}, err
		}
	}
	return readESSRest(first, hash)
}

func readESSRest(s cryptobyte.String, hash crypto.Hash) (essID, error) {
	id := essID{hash: hash}
	if !s.ReadASN1Bytes(&id.digest, cbasn1.OCTET_STRING) {
		return essID{}, errors.New("malformed certHash")
	}
	if s.Empty() {
		return id, nil
	}
	var issuer cryptobyte.String
	if !s.ReadASN1Element(&issuer, cbasn1.SEQUENCE) || !s.Empty() {
		return essID{}, errors.New("malformed issuerSerial")
	}
	id.issuer = issuer
	return id, nil
}

// issuerSerial writes IssuerSerial { GeneralNames { [4] directoryName }, serialNumber }
// (RFC 5035 section 4).
func issuerSerial(cert *x509.Certificate) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { addIssuerSerial(b, cert) })
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("writing issuerSerial: %w", err)
	}
	return der, nil
}

func addIssuerSerial(b *cryptobyte.Builder, cert *x509.Certificate) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.Tag(4).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddBytes(cert.RawIssuer) })
	})
	b.AddASN1BigInt(cert.SerialNumber)
}

// signingCertificateV2 writes the attribute value that names cert by SHA-256, issuer
// and serial number (RFC 5035 section 3). The hash algorithm is left out because
// SHA-256 is its DEFAULT.
func signingCertificateV2(cert *x509.Certificate) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1OctetString(digest(crypto.SHA256, cert.Raw))
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { addIssuerSerial(b, cert) })
			})
		})
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("writing signingCertificateV2: %w", err)
	}
	return der, nil
}
