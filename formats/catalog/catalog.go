package catalog

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Version is the catalog version as makecat counts it.
type Version int

// The versions. Windows 7 and Server 2008 R2 read V1 only (Microsoft, New-FileCatalog,
// -CatalogVersion).
const (
	V1 Version = 1 // SHA-1
	V2 Version = 2 // SHA-256, with SHA-1 entries beside
)

// Catalog is a catalog in memory, signed or not.
type Catalog struct {
	Version Version
	// ListID identifies the list; 16 bytes, a GUID in Microsoft's byte order.
	ListID []byte
	// Updated is when the list was made, in whole seconds.
	Updated time.Time
	// Members are in the order of the list, which is that of their identifiers.
	Members []Member
	// Extensions are the catalog's own attributes and anything else that stands there.
	Extensions []Extension
	// SignedData is the PKCS#7 that the list was read from; nil in a catalog that was
	// built. Its Content is the list as it stood.
	SignedData *cms.SignedData

	// What CTLs may have and no catalog seen so far has; kept so that nothing is lost.
	usage, algorithm     []byte // TLVs of subjectUsage and subjectAlgorithm as read
	version, sequence    []byte // TLVs
	updated, nextUpdated []byte // TLVs as read
}

// Extension is an extension of the list (the form of X.509 extensions).
type Extension struct {
	OID      asn1.ObjectIdentifier
	Critical bool
	Value    []byte // what the OCTET STRING holds
}

// Signed reports whether the catalog carries a signature. It says nothing about its worth.
func (c *Catalog) Signed() bool { return c.SignedData != nil && len(c.SignedData.Signers) > 0 }

// Attributes returns the catalog's own attributes (OSAttr and the like) in the order of
// their definition, which is the reverse of the order in the file. Extensions that are
// not attributes are left out.
func (c *Catalog) Attributes() []Attribute {
	var out []Attribute
	for i := len(c.Extensions) - 1; i >= 0; i-- {
		e := c.Extensions[i]
		if !e.OID.Equal(cms.OIDCatalogNameValue) {
			continue
		}
		if a, err := parseNameValue(e.Value); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// FormatError says what is wrong with a catalog. Offset counts from the first byte of
// the list (the CTL's SEQUENCE).
type FormatError struct {
	Offset  int
	Field   string
	Problem string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("catalog: %s at byte 0x%x of the list: %s", e.Field, e.Offset, e.Problem)
}

// unsigned is the SignedData around an unsigned list: both SETs empty, as makecat writes it.
func unsigned(content []byte) *cms.SignedData {
	return &cms.SignedData{Version: 1, DigestAlgorithms: []pkix.AlgorithmIdentifier{}, ContentType: cms.OIDCTL, Content: content}
}
