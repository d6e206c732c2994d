package authenticode

import (
	"context"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// SignList signs a certificate trust list, which is what a catalog contains, and
// returns the whole PKCS#7 (DER). list is the CTL's SEQUENCE; it becomes the content as
// it is. Page hashes, seals and policies for existing signatures have no meaning here:
// a catalog holds one signature, for Windows does not look at nested ones in catalogs.
func SignList(ctx context.Context, list []byte, o SignOptions) (PKCS7, error) {
	if o.PageHashes || o.IntentToSeal || o.Existing != ExistingRefuse {
		return nil, cms.WrongOption("SignOptions", "signing catalog: page hashes, seals and policies for existing signatures do not apply")
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	attrs, err := signedAttributes(o)
	if err != nil {
		return nil, err
	}
	sd, err := cms.Sign(ctx, cms.ContentInfo{Type: cms.OIDCTL, DER: list}, o.cmsSigner(), attrs)
	if err != nil {
		return nil, err
	}
	return sd.Marshal()
}
