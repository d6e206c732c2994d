package certchain

import (
	"crypto/x509"
	"encoding/asn1"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Usage is what a chain is judged for.
type Usage int

// The purposes, by their extended key usage (RFC 5280 section 4.2.1.12;
// wincrypt.h).
const (
	UsageCodeSigning    Usage = iota // 1.3.6.1.5.5.7.3.3
	UsageTimeStamping                // 1.3.6.1.5.5.7.3.8
	UsageRootList                    // 1.3.6.1.4.1.311.10.3.9, szOID_ROOT_LIST_SIGNER: signs Microsoft's list of roots
	UsageRevokedList                 // 1.3.6.1.4.1.311.10.3.19, szOID_REVOKED_LIST_SIGNER
	UsageDisallowedList              // 1.3.6.1.4.1.311.10.3.30, szOID_DISALLOWED_LIST
)

var usages = map[Usage]struct {
	oid  asn1.ObjectIdentifier
	name string
}{
	UsageCodeSigning:  {cms.OIDEKUCodeSigning, "code signing"},
	UsageTimeStamping: {cms.OIDEKUTimeStamping, "time stamping"},
	UsageRootList:     {asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 9}, "signing root lists"},

	UsageRevokedList:    {asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 19}, "signing lists of revoked certificates"},
	UsageDisallowedList: {asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 10, 3, 30}, "signing lists of disallowed certificates"},
}

// OID is the extended key usage that stands for the purpose.
func (u Usage) OID() asn1.ObjectIdentifier { return clone(usages[u].oid) }

func (u Usage) String() string { return usages[u].name }

// EKUs lists the extended key usages of cert as dotted numbers in the order of
// the certificate.
func EKUs(cert *x509.Certificate) []string {
	var out []string
	for _, o := range ekuOIDs(cert) {
		out = append(out, o.String())
	}
	return out
}

// NamesEKU reports whether cert has the extension at all. A certificate
// without it may be used for anything.
func NamesEKU(cert *x509.Certificate) bool { return hasExtension(cert, cms.OIDExtensionExtKeyUsage) }

// HasEKU reports whether the extension names o. It does not count
// anyExtendedKeyUsage nor a missing extension.
func HasEKU(cert *x509.Certificate, o asn1.ObjectIdentifier) bool {
	for _, e := range ekuOIDs(cert) {
		if e.Equal(o) {
			return true
		}
	}
	return false
}

func hasEKUUnder(cert *x509.Certificate, prefix asn1.ObjectIdentifier) bool {
	for _, e := range ekuOIDs(cert) {
		if hasPrefix(e, prefix) {
			return true
		}
	}
	return false
}

// ekuOIDs reads the extension itself: crypto/x509 sorts known and unknown
// usages apart.
func ekuOIDs(cert *x509.Certificate) []asn1.ObjectIdentifier {
	for _, e := range cert.Extensions {
		if !e.Id.Equal(cms.OIDExtensionExtKeyUsage) {
			continue
		}
		var oids []asn1.ObjectIdentifier
		if rest, err := asn1.Unmarshal(e.Value, &oids); err != nil || len(rest) != 0 {
			return nil
		}
		return oids
	}
	return nil
}

func hasExtension(c *x509.Certificate, id asn1.ObjectIdentifier) bool {
	for _, e := range c.Extensions {
		if e.Id.Equal(id) {
			return true
		}
	}
	return false
}

func clone(o asn1.ObjectIdentifier) asn1.ObjectIdentifier {
	return append(asn1.ObjectIdentifier(nil), o...)
}

func hasPrefix(o, prefix asn1.ObjectIdentifier) bool {
	return len(o) >= len(prefix) && o[:len(prefix)].Equal(prefix)
}
