package cms

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// ContentDigest hashes the value octets of a content TLV, its tag and length left out.
// That is the rule of PKCS#7 v1.5 for Authenticode and catalogs (RFC 2315 section 9.3)
// and, where the content is an OCTET STRING, also the rule of CMS (RFC 5652 section
// 5.4).
func ContentDigest(h crypto.Hash, content []byte) ([]byte, error) {
	if !h.Available() {
		return nil, fmt.Errorf("hash %v: %w", h, ErrUnsupportedAlgorithm)
	}
	value, err := contentValue(content)
	if err != nil {
		return nil, err
	}
	return digestOf(h, value), nil
}

func contentValue(content []byte) ([]byte, error) {
	in := cryptobyte.String(content)
	var value cryptobyte.String
	var tag cbasn1.Tag
	if !in.ReadAnyASN1(&value, &tag) || !in.Empty() {
		return nil, fmt.Errorf("hashing content: it is not exactly one DER value")
	}
	return value, nil
}

func digestOf(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

// Hash returns the hash of the signer's digest algorithm, or an error wrapping
// ErrUnsupportedAlgorithm.
func (si *SignerInfo) Hash() (crypto.Hash, error) { return HashOf(si.DigestAlgorithm.Algorithm) }

// MessageDigest returns the messageDigest attribute (RFC 5652 section 11.2).
func (si *SignerInfo) MessageDigest() ([]byte, error) {
	var digest []byte
	value, err := si.singleValue(OIDMessageDigest, "messageDigest")
	if err != nil {
		return nil, err
	}
	in := cryptobyte.String(value)
	if !in.ReadASN1Bytes(&digest, cbasn1.OCTET_STRING) || !in.Empty() {
		return nil, fmt.Errorf("reading attribute messageDigest: not an OCTET STRING")
	}
	return digest, nil
}

// singleValue returns the one value of a signed attribute that must occur once (RFC
// 5652 section 11).
func (si *SignerInfo) singleValue(oid asn1.ObjectIdentifier, name string) ([]byte, error) {
	var value []byte
	n := 0
	for _, a := range si.SignedAttrs {
		if !a.Type.Equal(oid) {
			continue
		}
		n += len(a.Values)
		if len(a.Values) > 0 {
			value = a.Values[0]
		}
	}
	if n != 1 {
		return nil, fmt.Errorf("reading attribute %s: %d values instead of one", name, n)
	}
	return value, nil
}

// CheckContent checks that signer i signed this content: the contentType attribute
// names it and the messageDigest attribute is its digest (RFC 5652 section 5.6). A
// signer without signed attributes signs the content itself, so there is nothing to
// compare and CheckSignature covers it. A wrong digest is an error wrapping
// ErrBadDigest.
func (s *SignedData) CheckContent(i int) error {
	if i < 0 || i >= len(s.Signers) {
		return fmt.Errorf("checking the content of signer %d: there are %d signers", i, len(s.Signers))
	}
	si := &s.Signers[i]
	if si.RawSignedAttrs == nil {
		return nil
	}
	value, err := si.singleValue(OIDContentType, "contentType")
	if err != nil {
		return err
	}
	var oid asn1.ObjectIdentifier
	in := cryptobyte.String(value)
	if !in.ReadASN1ObjectIdentifier(&oid) || !in.Empty() || !oid.Equal(s.ContentType) {
		return fmt.Errorf("attribute contentType is not the content's type %v", s.ContentType)
	}
	if s.Content == nil {
		return fmt.Errorf("checking the message digest: the signature carries no content")
	}
	return si.CheckMessageDigest(s.Content)
}

// CheckMessageDigest compares the messageDigest attribute with the digest of a content TLV.
func (si *SignerInfo) CheckMessageDigest(content []byte) error {
	h, err := si.Hash()
	if err != nil {
		return err
	}
	want, err := si.MessageDigest()
	if err != nil {
		return err
	}
	got, err := ContentDigest(h, content)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(got, want) != 1 {
		return fmt.Errorf("messageDigest is %x, the content has %x: %w", want, got, ErrBadDigest)
	}
	return nil
}

// CheckSignature checks the signature with the key of cert: over the signed attributes
// as they stand, or without such over the content it was parsed with. Whether the
// attributes fit the content is CheckContent's business; whether cert, key size and
// hash are good enough is the caller's. A signature that does not compute is an error
// wrapping ErrBadSignature; an algorithm that cannot be computed wraps
// ErrUnsupportedAlgorithm.
func (si *SignerInfo) CheckSignature(cert *x509.Certificate) error {
	signed := si.RawSignedAttrs
	if signed == nil {
		if si.content == nil {
			return fmt.Errorf("checking the signature: neither signed attributes nor content")
		}
		value, err := contentValue(si.content)
		if err != nil {
			return err
		}
		signed = value
	}
	return si.CheckSignatureOver(cert, signed)
}

// CheckSignatureOver checks the signature with the key of cert over the given bytes,
// which are hashed here. It is for countersignatures without signed attributes and for
// detached content.
func (si *SignerInfo) CheckSignatureOver(cert *x509.Certificate, signed []byte) error {
	h, err := si.Hash()
	if err != nil {
		return err
	}
	sch, sigHash, salt, err := signatureScheme(si.SignatureAlgorithm)
	if err != nil {
		return err
	}
	if sigHash != 0 && sigHash != h {
		return fmt.Errorf("the signature algorithm implies %v, the digest algorithm is %v (RFC 8933 section 2 asks for one)", sigHash, h)
	}
	return checkDigest(cert.PublicKey, sch, h, salt, digestOf(h, signed), si.Signature)
}

func checkDigest(key crypto.PublicKey, sch scheme, h crypto.Hash, salt int, digest, sig []byte) error {
	switch pub := key.(type) {
	case *rsa.PublicKey:
		return checkRSA(pub, sch, h, salt, digest, sig)
	case *ecdsa.PublicKey:
		if sch != schemeECDSA {
			return fmt.Errorf("the signature algorithm is not for the certificate's ECDSA key: %w", ErrBadSignature)
		}
		if !ecdsa.VerifyASN1(pub, digest, sig) {
			return ErrBadSignature
		}
		return nil
	}
	return fmt.Errorf("public key of type %T: %w", key, ErrUnsupportedAlgorithm)
}

func checkRSA(pub *rsa.PublicKey, sch scheme, h crypto.Hash, salt int, digest, sig []byte) error {
	var err error
	switch sch {
	case schemePKCS1v15:
		err = rsa.VerifyPKCS1v15(pub, h, digest, sig)
		if err != nil && (h == crypto.SHA1 || h == crypto.MD5) {
			// Symantec's time-stamp server put the bare hash under the padding, without
			// the DigestInfo that names its algorithm; CryptoAPI calls that
			// CRYPT_NOHASHOID and accepts it. putty.exe of 2019 is stamped so.
			err = rsa.VerifyPKCS1v15(pub, 0, digest, sig)
		}
	case schemePSS:
		// A salt of 0 octets would mean "any" to crypto/rsa; anything else is compared exactly.
		err = rsa.VerifyPSS(pub, h, digest, sig, &rsa.PSSOptions{SaltLength: salt, Hash: h})
	default:
		return fmt.Errorf("the signature algorithm is not for the certificate's RSA key: %w", ErrBadSignature)
	}
	if err != nil && pub.N.BitLen() < 1024 { // crypto/rsa refuses such keys before it computes anything
		return fmt.Errorf("RSA key of %d bits: %w", pub.N.BitLen(), ErrUnsupportedAlgorithm)
	}
	if err != nil {
		return ErrBadSignature
	}
	return nil
}

// CheckCertificate checks that issuer's key signed cert. Unlike crypto/x509 it also
// computes MD5 and SHA-1, which chains of old but valid Windows files need; names,
// usages and validity are the caller's. Errors are as in CheckSignature.
func CheckCertificate(cert, issuer *x509.Certificate) error {
	sch, h := certificateScheme(cert.SignatureAlgorithm)
	if sch == schemeUnknown || sch == schemePSS {
		err := issuer.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature)
		if err == nil {
			return nil
		}
		if sch == schemePSS {
			return ErrBadSignature
		}
		return fmt.Errorf("certificate signature algorithm %v: %v: %w", cert.SignatureAlgorithm, err, ErrUnsupportedAlgorithm)
	}
	return checkDigest(issuer.PublicKey, sch, h, 0, digestOf(h, cert.RawTBSCertificate), cert.Signature)
}

func certificateScheme(alg x509.SignatureAlgorithm) (scheme, crypto.Hash) {
	switch alg {
	case x509.MD5WithRSA:
		return schemePKCS1v15, crypto.MD5
	case x509.SHA1WithRSA:
		return schemePKCS1v15, crypto.SHA1
	case x509.SHA256WithRSA:
		return schemePKCS1v15, crypto.SHA256
	case x509.SHA384WithRSA:
		return schemePKCS1v15, crypto.SHA384
	case x509.SHA512WithRSA:
		return schemePKCS1v15, crypto.SHA512
	case x509.ECDSAWithSHA1:
		return schemeECDSA, crypto.SHA1
	case x509.ECDSAWithSHA256:
		return schemeECDSA, crypto.SHA256
	case x509.ECDSAWithSHA384:
		return schemeECDSA, crypto.SHA384
	case x509.ECDSAWithSHA512:
		return schemeECDSA, crypto.SHA512
	case x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS:
		return schemePSS, 0
	}
	return schemeUnknown, 0
}

// IssuedBy says whether cert names issuer as its issuer and issuer's key signed it.
func IssuedBy(cert, issuer *x509.Certificate) bool {
	return bytes.Equal(cert.RawIssuer, issuer.RawSubject) && CheckCertificate(cert, issuer) == nil
}
