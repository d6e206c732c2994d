package cipolicy

import (
	"encoding/asn1"
	"errors"
	"fmt"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Content types of signed policies: the one that Microsoft Learn, "Use signed
// policies to protect App Control", passes to signtool /p7co, and the one of the
// Windows revoke policy of 2017.
var (
	oidSignedPolicy = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 79, 1}
	oidRevokePolicy = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 93, 1}
)

// Unwrap returns the policy inside a signed one and the PKCS#7 message around
// it, or b itself and nil if it is not signed. The signature is not checked.
func Unwrap(b []byte) (policy, signature []byte, err error) {
	const derSequence = 0x30
	if len(b) == 0 || b[0] != derSequence {
		return b, nil, nil
	}
	s, err := cms.Parse(b)
	if err != nil {
		return nil, nil, fmt.Errorf("reading signed policy: %w", err)
	}
	if !s.ContentType.Equal(oidSignedPolicy) && !s.ContentType.Equal(oidRevokePolicy) {
		return nil, nil, fmt.Errorf("reading signed policy: content type %v is not that of a policy, %v", s.ContentType, oidSignedPolicy)
	}
	content := cryptobyte.String(s.Content)
	var value cryptobyte.String
	if !content.ReadASN1(&value, cbasn1.OCTET_STRING) || !content.Empty() {
		return nil, nil, errors.New("reading signed policy: the content is not an OCTET STRING")
	}
	return value, b, nil
}
