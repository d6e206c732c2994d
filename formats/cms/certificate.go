package cms

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"sync"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Certificate is an embedded certificate that is parsed only when asked for, because signatures
// carry certificates that crypto/x509 refuses and that are not needed. It is safe for concurrent use.
type Certificate struct {
	// Raw is the DER as it stands in the signature; its SHA-1 is the Windows thumbprint.
	Raw []byte

	once sync.Once
	cert *x509.Certificate
	err  error
}

// NewCertificate wraps the DER of a certificate without looking into it.
func NewCertificate(raw []byte) *Certificate { return &Certificate{Raw: raw} }

// FromX509 wraps a certificate that has been parsed.
func FromX509(cert *x509.Certificate) *Certificate {
	c := &Certificate{Raw: cert.Raw}
	c.once.Do(func() { c.cert = cert })
	return c
}

// RawSubject returns the DER of the subject, without looking at anything after it; ok is false for what is not an X.509
// certificate.
func (c *Certificate) RawSubject() (der []byte, ok bool) {
	in := cryptobyte.String(c.Raw)
	var cert, tbs, subject cryptobyte.String
	ok = in.ReadASN1(&cert, cbasn1.SEQUENCE) && in.Empty() && cert.ReadASN1(&tbs, cbasn1.SEQUENCE) && tbs.SkipOptionalASN1(contextTag(0)) &&
		tbs.SkipASN1(cbasn1.INTEGER) && // serialNumber
		tbs.SkipASN1(cbasn1.SEQUENCE) && // signature
		tbs.SkipASN1(cbasn1.SEQUENCE) && // issuer
		tbs.SkipASN1(cbasn1.SEQUENCE) && // validity
		tbs.ReadASN1Element(&subject, cbasn1.SEQUENCE)
	return subject, ok
}

// IsX509 says whether this is an X.509 certificate at all: the set may also hold attribute certificates and others
// (CertificateChoices, RFC 5652 section 10.2.2), and Microsoft's time-stamp tokens do hold them.
func (c *Certificate) IsX509() bool { return len(c.Raw) > 0 && c.Raw[0] == 0x30 }

// X509 parses the certificate once and returns the same result every time. A negative serial
// number, which crypto/x509 refuses and old certificates have, is accepted.
func (c *Certificate) X509() (*x509.Certificate, error) {
	c.once.Do(func() {
		if !c.IsX509() {
			c.err = errors.New("parsing certificate: an attribute certificate or another kind, not X.509")
			return
		}
		if len(c.Raw) > maxCertificateSize {
			c.err = fmt.Errorf("parsing certificate: it has %d bytes, more than %d are not read", len(c.Raw), maxCertificateSize)
			return
		}
		c.cert, c.err = ParseCertificate(c.Raw)
	})
	return c.cert, c.err
}

// ParseCertificate is x509.ParseCertificate, but it also takes certificates whose serial number is
// negative or padded (RFC 5280 section 4.1.2.2 asks readers to handle them gracefully), and names
// with UniversalString, which section 4.1.2.4 lets old ones keep.
func ParseCertificate(raw []byte) (*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(raw)
	if err == nil {
		return cert, nil
	}
	if cert, ok := parseUniversal(raw); ok {
		return cert, nil
	}
	id, ok := identify(raw)
	if !ok {
		return nil, fmt.Errorf("parsing certificate: %w", err)
	}
	patched, ok := withSerialOne(raw, id)
	if !ok {
		return nil, fmt.Errorf("parsing certificate: %w", err)
	}
	// Go only objects to the serial if the same certificate with another serial parses.
	cert, perr := x509.ParseCertificate(patched)
	if perr != nil {
		return nil, fmt.Errorf("parsing certificate: %w", err)
	}
	cert.Raw, cert.RawTBSCertificate, cert.SerialNumber = raw, id.tbs, id.serial
	return cert, nil
}

// certID is what it takes to find a certificate, read without crypto/x509.
type certID struct {
	tbs       []byte // whole TLV
	rawSerial []byte // whole TLV
	serial    *big.Int
	issuer    []byte // whole TLV
}

// identify reads the start of a Certificate (RFC 5280 section 4.1) up to the issuer.
func identify(raw []byte) (certID, bool) {
	in := cryptobyte.String(raw)
	var id certID
	var cert, tbs, whole, rawSerial, serial, issuer cryptobyte.String
	if !in.ReadASN1(&cert, cbasn1.SEQUENCE) || !in.Empty() || !cert.ReadASN1Element(&whole, cbasn1.SEQUENCE) {
		return id, false
	}
	id.tbs = whole
	if !whole.ReadASN1(&tbs, cbasn1.SEQUENCE) || !tbs.SkipOptionalASN1(contextTag(0)) {
		return id, false
	}
	if !tbs.ReadASN1Element(&rawSerial, cbasn1.INTEGER) {
		return id, false
	}
	id.rawSerial = rawSerial
	if !rawSerial.ReadASN1(&serial, cbasn1.INTEGER) || len(serial) == 0 {
		return id, false
	}
	if !tbs.SkipASN1(cbasn1.SEQUENCE) || !tbs.ReadASN1Element(&issuer, cbasn1.SEQUENCE) {
		return id, false
	}
	id.serial, id.issuer = signedInteger(serial), issuer
	return id, true
}

// withSerialOne rebuilds a certificate with serial number 1; its signature no longer matches.
func withSerialOne(raw []byte, id certID) ([]byte, bool) {
	at := bytes.Index(id.tbs, id.rawSerial) // only the version stands before it, so the first match is it
	if at < 0 {
		return nil, false
	}
	in := cryptobyte.String(raw)
	var cert, tbs, whole cryptobyte.String
	if !in.ReadASN1(&cert, cbasn1.SEQUENCE) || !cert.ReadASN1Element(&whole, cbasn1.SEQUENCE) || !whole.ReadASN1(&tbs, cbasn1.SEQUENCE) {
		return nil, false
	}
	at -= len(id.tbs) - len(tbs)
	if at < 0 {
		return nil, false
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(tbs[:at])
			b.AddASN1Int64(1)
			b.AddBytes(tbs[at+len(id.rawSerial):])
		})
		b.AddBytes(cert)
	})
	out, err := b.Bytes()
	return out, err == nil
}

// SignerCertificate finds the embedded certificate that signer i names, by issuer and serial number or by
// subject key identifier. Errors: ErrNoCertificate where it is not there, or why it cannot be parsed.
func (s *SignedData) SignerCertificate(i int) (*x509.Certificate, error) {
	if i < 0 || i >= len(s.Signers) {
		return nil, fmt.Errorf("looking for the certificate of signer %d: there are %d signers", i, len(s.Signers))
	}
	return s.FindCertificate(&s.Signers[i])
}

// FindCertificate is SignerCertificate for a SignerInfo from elsewhere, such as a PKCS#9
// countersignature, whose certificates stand in the set of the outer SignedData.
func (s *SignedData) FindCertificate(si *SignerInfo) (*x509.Certificate, error) {
	if si.RawIssuer == nil {
		return s.findByKeyID(si.SubjectKeyID)
	}
	for _, c := range s.Certificates {
		id, ok := identify(c.Raw)
		if ok && id.serial.Cmp(si.Serial) == 0 && bytes.Equal(id.issuer, si.RawIssuer) {
			return c.X509()
		}
	}
	return nil, fmt.Errorf("looking for the certificate with serial number %x: %w", si.Serial, ErrNoCertificate)
}

func (s *SignedData) findByKeyID(keyID []byte) (*x509.Certificate, error) {
	for _, c := range s.Certificates {
		cert, err := c.X509()
		if err == nil && len(keyID) > 0 && bytes.Equal(cert.SubjectKeyId, keyID) {
			return cert, nil
		}
	}
	return nil, fmt.Errorf("looking for the certificate with subject key identifier %x: %w", keyID, ErrNoCertificate)
}

// X509Certificates returns the embedded X.509 certificates that can be parsed, in the order of the file, and an
// error that names every one that cannot (nil if all can). Attribute certificates are passed over.
func (s *SignedData) X509Certificates() ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	var problems []error
	for i, c := range s.Certificates {
		if !c.IsX509() {
			continue
		}
		cert, err := c.X509()
		if err != nil {
			problems = append(problems, fmt.Errorf("embedded certificate %d: %w", i, err))
			continue
		}
		certs = append(certs, cert)
	}
	return certs, errors.Join(problems...)
}

// AddCertificate embeds a certificate unless the same bytes are there already, and says whether it was added.
func (s *SignedData) AddCertificate(raw []byte) bool {
	for _, c := range s.Certificates {
		if bytes.Equal(c.Raw, raw) {
			return false
		}
	}
	s.Certificates = append(s.Certificates, NewCertificate(raw))
	return true
}
