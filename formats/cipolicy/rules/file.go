package rules

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Hex is a hash, written as upper-case hexadecimal digits.
type Hex []byte

// MarshalText returns the digits.
func (h Hex) MarshalText() ([]byte, error) {
	return []byte(h.String()), nil
}

// UnmarshalText reads digits in any case.
func (h *Hex) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil {
		return fmt.Errorf("%q is not hexadecimal", text)
	}
	*h = b
	return nil
}

// String returns the digits.
func (h Hex) String() string {
	return strings.ToUpper(hex.EncodeToString(h))
}

// File is what App Control can know of a file.
type File struct {
	// Path of the file relative to the folder that was scanned, with slashes.
	Path string `json:"path"`
	Size int64  `json:"size"`
	// PE is true for programs, libraries and drivers; false for scripts,
	// installers and what only looks like a PE, which are known by the hash of
	// all their bytes.
	PE bool `json:"pe"`
	// Native is true for a PE of the native subsystem: a driver.
	Native bool `json:"native,omitempty"`
	// SHA1 and SHA256 are the Authenticode hash of a PE, otherwise the hash of the file.
	SHA1   Hex `json:"sha1"`
	SHA256 Hex `json:"sha256"`
	// PageSHA1 and PageSHA256 are the hashes of the first page of a PE.
	PageSHA1   Hex `json:"page_sha1,omitempty"`
	PageSHA256 Hex `json:"page_sha256,omitempty"`
	// From the version resource.
	OriginalFilename string `json:"original_filename,omitempty"`
	InternalName     string `json:"internal_name,omitempty"`
	FileDescription  string `json:"file_description,omitempty"`
	ProductName      string `json:"product_name,omitempty"`
	// FileVersion is the binary file version, "" without version resource.
	FileVersion string `json:"file_version,omitempty"`
	// Signatures that fit the file, the outermost first.
	Signatures []Signature `json:"signatures,omitempty"`
	// Notes are oddities, such as a signature that does not fit the file.
	Notes []string `json:"notes,omitempty"`
	// Error says why the file could not be read. All else is empty then.
	Error string `json:"error,omitempty"`
}

// Signature is one Authenticode signature.
type Signature struct {
	// Chain holds the certificates from the leaf upwards, as far as they are
	// embedded in the signature.
	Chain []Certificate `json:"chain"`
	// Issuer is the common name of the issuer of the leaf.
	Issuer string `json:"issuer"`
	// EKUs of the leaf in dotted form.
	EKUs []string `json:"ekus,omitempty"`
	// Subscriber is the usage by which Artifact Signing marks a subscriber.
	Subscriber string `json:"subscriber,omitempty"`
	// Unusable says why no signer rule can match the signature, "" if one can.
	Unusable string `json:"unusable,omitempty"`
}

// Certificate is what signer rules see of a certificate.
type Certificate struct {
	Name string `json:"name"` // common name
	TBS  Hex    `json:"tbs"`  // hash of the TBSCertificate
	Root bool   `json:"root,omitempty"`
}

// Leaf is the certificate that signed.
func (s *Signature) Leaf() Certificate {
	return s.Chain[0]
}

// Top is the certificate that the levels from PcaCertificate on pin: the highest
// embedded one that is not a root, usually the one below the root.
func (s *Signature) Top() Certificate {
	top := s.Chain[0]
	for _, c := range s.Chain {
		if !c.Root {
			top = c
		}
	}
	return top
}
