package rfc3161

import (
	"crypto"
	"crypto/x509"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// ess writes a SigningCertificate (hash 0: SHA-1, RFC 2634) or a SigningCertificateV2
// that names its hash (RFC 5035), with the issuerSerial of a certificate unless that is
// nil.
func ess(cert *x509.Certificate, h crypto.Hash, issuer *x509.Certificate) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				hash := crypto.SHA1
				if h != 0 {
					hash = h
					oid, _ := cms.DigestOID(h)
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oid) })
				}
				b.AddASN1OctetString(digest(hash, cert.Raw))
				if issuer != nil {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { addIssuerSerial(b, issuer) })
				}
			})
		})
	})
	return b.BytesOrPanic()
}
