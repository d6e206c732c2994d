package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
)

// ErrSigned is returned for a catalog that has a signature when no replacement was
// asked for. There is no way to add a second one: Windows ignores signatures nested in
// those of catalogs.
var ErrSigned = errors.New("the catalog is signed already, and a catalog holds one signature (Windows ignores nested ones): choose to replace it")

// SignOptions says how to sign a catalog. The fields of authenticode.SignOptions that
// are about PE files must be unset.
type SignOptions struct {
	authenticode.SignOptions
	// Replace drops a signature that is there, with its timestamp and certificates.
	Replace bool
}

// Sign signs a catalog (DER, as Marshal or makecat write it) and returns the signed
// one. The list is taken over as it stands. With an RSA key the same input gives the
// same bytes. A catalog that would not work signed (no members, members out of order)
// is refused. Timestamp it with authenticode.PKCS7.SetToken, index 0.
func Sign(ctx context.Context, der []byte, o SignOptions) ([]byte, error) {
	c, err := Parse(der)
	if err != nil {
		return nil, err
	}
	if c.Signed() && !o.Replace {
		return nil, ErrSigned
	}
	if f := c.Findings(); len(f) > 0 {
		problems := make([]error, len(f))
		for i, text := range f {
			problems[i] = errors.New(text)
		}
		return nil, fmt.Errorf("signing catalog: %w", errors.Join(problems...))
	}
	return authenticode.SignList(ctx, c.SignedData.Content, o.SignOptions)
}

// Unsigned returns the catalog without its signature, as makecat would have written it.
func (c *Catalog) Unsigned() ([]byte, error) {
	if c.SignedData != nil {
		return unsigned(c.SignedData.Content).Marshal()
	}
	return c.Marshal()
}

// Verify judges the signature of a catalog; the report is about nothing but it. An
// unsigned catalog is not trusted.
func Verify(ctx context.Context, der []byte, o authenticode.VerifyOptions) (*authenticode.Report, error) {
	if _, err := Parse(der); err != nil {
		return nil, err
	}
	return authenticode.PKCS7(der).Verify(ctx, cms.OIDCTL, o)
}
