package authenticode

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// Seal writes the PE file in src to dst with a seal on its signatures, so that Windows
// notices every change of them: signtool's /seal. The first signature must have been
// made with SignOptions.IntentToSeal and the same RSA certificate. It may have no
// timestamp and nothing nested in it: how Windows orders those and the seal before it
// hashes them was not seen. A file that is sealed is ErrSealed. It returns the new
// blob.
func Seal(ctx context.Context, src io.ReaderAt, size int64, dst io.Writer, signer cms.Signer) (PKCS7, error) {
	s, err := openSigned(src, size)
	if err != nil {
		return nil, err
	}
	if len(s.image.Certificates) > 1 {
		return nil, fmt.Errorf("sealing: the certificate table has %d entries; sign the file again", len(s.image.Certificates))
	}
	return Update(ctx, src, size, dst, func(p PKCS7) (PKCS7, error) { return p.Seal(ctx, src, size, signer) })
}

// Seal is the function Seal for a block that will be the only entry of the
// certificate table of the PE file in src.
func (p PKCS7) Seal(ctx context.Context, src io.ReaderAt, size int64, signer cms.Signer) (PKCS7, error) {
	image, err := peimage.Parse(src, size)
	if err != nil {
		return nil, err
	}
	root, err := parseTree(p)
	if err != nil {
		return nil, err
	}
	if err := sealable(root, signer); err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	alg, err := cms.DigestAlgorithm(hashOrDefault(signer.Hash))
	if err != nil {
		return nil, err
	}
	s := &seal{Algorithm: alg, Value: make([]byte, signer.Certificate.PublicKey.(*rsa.PublicKey).Size())}
	place := nothingBehind(tableOffset(image))
	if err := s.make(ctx, root, place, signer); err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	sealed, err := root.sd.Marshal()
	if err != nil {
		return nil, err
	}
	if err := s.check(signer.Certificate, sealed, &root.sd.Signers[0], place); err != nil {
		return nil, fmt.Errorf("checking the new seal: %w", err)
	}
	return sealed, nil
}

// tableOffset is where the certificate table goes: after everything else, at a multiple
// of 8 (PE Format).
func tableOffset(im *peimage.Image) int64 { return (im.ContentSize() + 7) &^ 7 }

// make puts the seal into the signature: first with a value of zeros, which is what is
// signed, then with the signature of that.
func (s *seal) make(ctx context.Context, root *sigNode, place sealPlace, signer cms.Signer) error {
	h := hashOrDefault(signer.Hash)
	if err := s.put(root); err != nil {
		return err
	}
	blank, err := root.sd.Marshal()
	if err != nil {
		return err
	}
	digest, err := place.digest(h, blank)
	if err != nil {
		return err
	}
	if s.Value, err = cms.SignDigest(ctx, signer.Key, digest, h); err != nil {
		return fmt.Errorf("signing with the key of %q: %w", signer.Certificate.Subject, err)
	}
	return s.put(root)
}

func (s *seal) put(root *sigNode) error {
	der, err := asn1.Marshal(*s)
	if err != nil {
		return err
	}
	root.sd.Signers[0].UnsignedAttrs.Set(cms.OIDSealingSignature, der)
	return nil
}

func isRSA(c *x509.Certificate) bool {
	_, ok := c.PublicKey.(*rsa.PublicKey)
	return ok
}

// sealable says why a blob cannot be sealed by signer.
func sealable(root *sigNode, signer cms.Signer) error {
	si := &root.sd.Signers[0]
	if carriesSeal(si) {
		return fmt.Errorf("%w already", ErrSealed)
	}
	intent, err := readIntent(si)
	switch {
	case err != nil:
		return err
	case !intent:
		return errors.New("the first signature was made without the intent to seal; sign the file again with it")
	case signer.Key == nil || signer.Certificate == nil:
		return errors.New("the signer has no key or no certificate")
	}
	if !isRSA(signer.Certificate) {
		return errors.New("seals are RSA signatures, and this key is of another kind")
	}
	cert, err := root.sd.SignerCertificate(0)
	if err != nil {
		return err
	}
	if !cert.Equal(signer.Certificate) {
		return fmt.Errorf("the first signature is by %s, and its certificate has to seal", certchain.Name(cert))
	}
	return sealableAttributes(si.UnsignedAttrs)
}

// sealableAttributes: only tags may stand beside a seal, and only such as sort before
// it (X.690 section 11.6), so that it makes no difference whether the seal is sorted in
// or comes last.
func sealableAttributes(attrs cms.Attributes) error {
	for _, a := range attrs {
		size := 0
		for _, v := range a.Values {
			size += len(v)
		}
		if !isTag(a.Type) || size > maxSealedTag {
			return fmt.Errorf("the signature has the unsigned attribute %v %s, and it is not known how Windows orders it and the seal; sign the file again "+
				"without it", a.Type, attributeNames[a.Type.String()])
		}
	}
	return nil
}

// maxSealedTag keeps the attribute shorter than any seal by an RSA key of 1024 bits or more.
const maxSealedTag = 100

// Unseal takes the seal off, with its timestamp. Where the signature has the intent to
// seal, Windows refuses the file until it is sealed again.
func (p PKCS7) Unseal() (PKCS7, error) {
	sd, err := cms.Parse(p)
	if err != nil {
		return nil, fmt.Errorf("reading signature: %w", err)
	}
	if len(sd.Signers) != 1 || !carriesSeal(&sd.Signers[0]) {
		return nil, errors.New("the file is not sealed")
	}
	sd.Signers[0].UnsignedAttrs.Remove(cms.OIDSealingSignature)
	sd.Signers[0].UnsignedAttrs.Remove(cms.OIDSealingTimestamp)
	return sd.Marshal()
}
