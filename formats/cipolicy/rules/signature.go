package rules

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// maxRSABits is the largest key that signer rules work with (Microsoft Learn,
// "Understand App Control policy rules and file rules").
const maxRSABits = 4096

// signatures collects the signatures that fit the file. One that does not fit is
// noted and counts as none, as it does for Windows. Who issued the certificates,
// and whether they are valid today, is for the policy to say.
func (f *File) signatures(ctx context.Context, im *peimage.Image, r io.ReaderAt) error {
	for _, c := range im.Certificates {
		if c.Type != peimage.CertTypePKCSSigned {
			continue
		}
		p7, err := c.Data(r)
		if err != nil {
			f.Notes = append(f.Notes, "signature: "+err.Error())
			continue
		}
		list, err := authenticode.PKCS7(p7).Signatures()
		if err != nil {
			f.Notes = append(f.Notes, "signature: "+err.Error())
			continue
		}
		for _, s := range list {
			if err := f.signature(ctx, im, r, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *File) signature(ctx context.Context, im *peimage.Image, r io.ReaderAt, s authenticode.Signature) error {
	leaf, err := s.SignerCertificate(0)
	if err == nil {
		err = s.CheckContent(0)
	}
	if err == nil {
		err = s.Signers[0].CheckSignature(leaf)
	}
	if err != nil {
		f.Notes = append(f.Notes, fmt.Sprintf("signature %d: %v", s.Index, err))
		return nil
	}
	want, h, err := contentDigest(s.Content)
	if err != nil {
		f.Notes = append(f.Notes, fmt.Sprintf("signature %d: %v", s.Index, err))
		return nil
	}
	have, err := f.authentihash(ctx, im, r, h)
	if err != nil {
		return err
	}
	if !bytes.Equal(have, want) {
		f.Notes = append(f.Notes, fmt.Sprintf("signature %d is over other contents: the file was changed after signing", s.Index))
		return nil
	}
	f.describeSignature(s, leaf)
	return nil
}

// authentihash takes SHA-1 and SHA-256 from the first pass over the file; another
// hash, which is rare, costs a pass of its own.
func (f *File) authentihash(ctx context.Context, im *peimage.Image, r io.ReaderAt, h crypto.Hash) ([]byte, error) {
	switch h {
	case crypto.SHA1:
		return f.SHA1, nil
	case crypto.SHA256:
		return f.SHA256, nil
	}
	d, err := im.Digest(ctx, r, peimage.Request{Authentihash: []crypto.Hash{h}})
	if err != nil {
		return nil, err
	}
	return d.Authentihash[h], nil
}

// contentDigest reads the hash of the file out of an SpcIndirectDataContent:
// SEQUENCE { data, DigestInfo { algorithm, digest } } (Windows Authenticode
// Portable Executable Signature Format).
func contentDigest(content []byte) ([]byte, crypto.Hash, error) {
	in := cryptobyte.String(content)
	var outer, data, info, alg, digest cryptobyte.String
	if !in.ReadASN1(&outer, cbasn1.SEQUENCE) || !outer.ReadASN1(&data, cbasn1.SEQUENCE) ||
		!outer.ReadASN1(&info, cbasn1.SEQUENCE) || !info.ReadASN1(&alg, cbasn1.SEQUENCE) ||
		!info.ReadASN1(&digest, cbasn1.OCTET_STRING) {
		return nil, 0, errors.New("the signed content is not that of a file")
	}
	var name asn1.ObjectIdentifier
	if !alg.ReadASN1ObjectIdentifier(&name) {
		return nil, 0, errors.New("the signed content names no hash")
	}
	h, err := cms.HashOf(name)
	return digest, h, err
}

func (f *File) describeSignature(s authenticode.Signature, leaf *x509.Certificate) {
	out, err := describeChain(s.SignedData, leaf)
	if err != nil {
		f.Notes = append(f.Notes, fmt.Sprintf("signature %d: %v", s.Index, err))
	}
	if len(out.Chain) > 0 {
		f.Signatures = append(f.Signatures, out)
	}
}

// describeChain returns what could be described, with the reason why it ends early.
func describeChain(s *cms.SignedData, leaf *x509.Certificate) (Signature, error) {
	out := Signature{
		Issuer: leaf.Issuer.CommonName, EKUs: certchain.EKUs(leaf), Subscriber: certchain.SubscriberEKU(leaf),
		Unusable: unusable(leaf),
	}
	for _, c := range embeddedChain(leaf, s) {
		tbs, err := certchain.TBSHash(c)
		if err != nil {
			return out, err
		}
		out.Chain = append(out.Chain, Certificate{Name: c.Subject.CommonName, TBS: tbs, Root: certchain.SelfIssued(c)})
	}
	return out, nil
}

// CatalogSignature describes the signature of a security catalog (DER). Where the
// catalog is installed, Windows takes every file in it for signed that way; a
// caller adds it to the Signatures of files that the catalog lists.
func CatalogSignature(der []byte) (Signature, error) {
	s, err := cms.Parse(der)
	if err != nil {
		return Signature{}, fmt.Errorf("reading catalog: %w", err)
	}
	if !s.ContentType.Equal(cms.OIDCTL) || len(s.Signers) != 1 {
		return Signature{}, errors.New("reading catalog: not a certificate trust list with one signer")
	}
	leaf, err := s.SignerCertificate(0)
	if err == nil {
		err = s.CheckContent(0)
	}
	if err == nil {
		err = s.Signers[0].CheckSignature(leaf)
	}
	if err != nil {
		return Signature{}, fmt.Errorf("checking the signature of the catalog: %w", err)
	}
	return describeChain(s, leaf)
}

// unusable says why App Control does not match signer rules with the key.
func unusable(leaf *x509.Certificate) string {
	key, ok := leaf.PublicKey.(*rsa.PublicKey)
	switch {
	case !ok:
		return fmt.Sprintf("%q has a %v key, signer rules work with RSA only", leaf.Subject.CommonName, leaf.PublicKeyAlgorithm)
	case key.N.BitLen() > maxRSABits:
		return fmt.Sprintf("%q has an RSA key of %d bits, signer rules work up to %d", leaf.Subject.CommonName, key.N.BitLen(), maxRSABits)
	}
	return ""
}

// embeddedChain follows issuers among the certificates of the signature.
// Validity is judged at a time that is the same whenever a file is looked at:
// it only decides between two ways.
func embeddedChain(leaf *x509.Certificate, s *cms.SignedData) []*x509.Certificate {
	embedded, _ := s.X509Certificates() // one that cannot be read is on no chain
	o := certchain.Options{Time: leaf.NotBefore, Intermediates: embedded}
	return certchain.Build(context.Background(), leaf, o)[0].Certificates
}
