package cms

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// ContentInfo is what is signed.
type ContentInfo struct {
	Type asn1.ObjectIdentifier
	// DER is the whole TLV of the content: for Authenticode and catalogs the content's
	// own SEQUENCE, for CMS (RFC 3161) an OCTET STRING around it.
	DER []byte
	// Version of the SignedData; 0 means 1, which Authenticode and catalogs use. RFC
	// 3161 tokens have 3 (RFC 5652 section 5.1).
	Version int
}

// Signer is a key with its certificates.
type Signer struct {
	// Key makes the signature. It may be nil for Prepare. A key that implements
	// ContextSigner gets the context.
	Key         crypto.Signer
	Certificate *x509.Certificate
	// Chain are further certificates to embed, as they are: intermediates, usually
	// without the root.
	Chain []*x509.Certificate
	// Extra are embedded beside Chain, whichever certificate the key signs with (see
	// CertifyingSigner).
	Extra []*x509.Certificate
	// Hash is SHA-256, SHA-384 or SHA-512; 0 means SHA-256.
	Hash crypto.Hash
}

// ContextSigner is a crypto.Signer that can be interrupted, such as a remote or hardware key.
type ContextSigner interface {
	crypto.Signer
	SignContext(ctx context.Context, rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

// CertifyingSigner is a key whose certificate comes with each signature, as signing
// services have it that issue certificates for a few days: between two signatures of
// one run the key and the certificate may change. Public is the key of the certificate
// in Signer, which is the one that was current when the run began.
type CertifyingSigner interface {
	crypto.Signer
	SignCertified(ctx context.Context, digest []byte, opts crypto.SignerOpts) (*Certified, error)
}

// Certified is a signature value with the certificate that it verifies with, and the
// intermediates to embed.
type Certified struct {
	Signature   []byte
	Certificate *x509.Certificate
	Chain       []*x509.Certificate
}

// Prepared is a signature that lacks only the key's part.
type Prepared struct {
	// ToBeSigned is the DER SET OF signed attributes; the signature covers exactly these bytes.
	ToBeSigned []byte
	// Hash and Digest: Digest is Hash over ToBeSigned, what a crypto.Signer takes.
	Hash   crypto.Hash
	Digest []byte
	// SignedData is complete but for Signers[0].Signature. It may be marshalled, kept,
	// parsed again and finished by SetSignature.
	SignedData *SignedData
}

// Prepare builds everything but the signature: contentType and messageDigest are added
// to the signed attributes. The result depends on nothing but its input: neither time
// nor randomness enters.
func Prepare(content ContentInfo, signer Signer, signedAttrs Attributes) (*Prepared, error) {
	h := signer.Hash
	if h == 0 {
		h = crypto.SHA256
	}
	if h != crypto.SHA256 && h != crypto.SHA384 && h != crypto.SHA512 {
		return nil, WrongOption("Hash", "signing with hash %v: only SHA-256, SHA-384 and SHA-512 are accepted for new signatures", h)
	}
	if signer.Certificate == nil {
		return nil, WrongOption("Certificate", "signing: the signer has no certificate")
	}
	if signer.Key != nil && !samePublicKey(signer.Key.Public(), signer.Certificate.PublicKey) {
		return nil, WrongOption("Key", "signing: the key is not the one of the certificate %q", signer.Certificate.Subject)
	}
	si, err := newSignerInfo(content, signer, h, signedAttrs)
	if err != nil {
		return nil, err
	}
	s := &SignedData{
		Version: max(content.Version, 1), DigestAlgorithms: []pkix.AlgorithmIdentifier{si.DigestAlgorithm},
		ContentType: content.Type, Content: content.DER, Signers: []SignerInfo{*si},
	}
	s.embed(signer)
	return &Prepared{ToBeSigned: si.RawSignedAttrs, Hash: h, Digest: digestOf(h, si.RawSignedAttrs), SignedData: s}, nil
}

// embed puts the certificates of a signer in, in place of those that are there.
func (s *SignedData) embed(signer Signer) {
	s.Certificates = nil
	s.AddCertificate(signer.Certificate.Raw)
	for _, c := range slices.Concat(signer.Chain, signer.Extra) {
		s.AddCertificate(c.Raw)
	}
}

func newSignerInfo(content ContentInfo, signer Signer, h crypto.Hash, extra Attributes) (*SignerInfo, error) {
	alg, err := DigestAlgorithm(h)
	if err != nil {
		return nil, err
	}
	sigAlg, err := signatureAlgorithm(signer.Certificate.PublicKey)
	if err != nil {
		return nil, err
	}
	attrs, err := signedAttributes(content, h, extra)
	if err != nil {
		return nil, err
	}
	raw, err := attrs.Marshal()
	if err != nil {
		return nil, err
	}
	return &SignerInfo{
		Version: 1, RawIssuer: signer.Certificate.RawIssuer, Serial: signer.Certificate.SerialNumber,
		DigestAlgorithm: alg, SignatureAlgorithm: sigAlg,
		SignedAttrs: attrs, RawSignedAttrs: raw, content: content.DER,
	}, nil
}

func signedAttributes(content ContentInfo, h crypto.Hash, extra Attributes) (Attributes, error) {
	digest, err := ContentDigest(h, content.DER)
	if err != nil {
		return nil, err
	}
	var typ, md cryptobyte.Builder
	typ.AddASN1ObjectIdentifier(content.Type)
	md.AddASN1OctetString(digest)
	typDER, err := typ.Bytes()
	if err != nil {
		return nil, fmt.Errorf("writing content type %v: %w", content.Type, err)
	}
	attrs := append(Attributes(nil), extra...)
	attrs.Set(OIDContentType, typDER)
	attrs.Set(OIDMessageDigest, md.BytesOrPanic())
	return attrs, nil
}

// signatureAlgorithm names the key's algorithm as signtool does: the key type alone,
// the hash standing beside it.
func signatureAlgorithm(key crypto.PublicKey) (pkix.AlgorithmIdentifier, error) {
	switch key.(type) {
	case *rsa.PublicKey:
		return pkix.AlgorithmIdentifier{Algorithm: OIDRSAEncryption, Parameters: asn1.NullRawValue}, nil
	case *ecdsa.PublicKey:
		return pkix.AlgorithmIdentifier{Algorithm: OIDECPublicKey}, nil
	}
	return pkix.AlgorithmIdentifier{}, fmt.Errorf("signing with a key of type %T: %w (RSA and ECDSA are known)", key, ErrUnsupportedAlgorithm)
}

// Finish takes the signature over ToBeSigned, checks it against the certificate and
// returns the finished SignedData. A signature that does not match is an error wrapping
// ErrBadSignature.
func (p *Prepared) Finish(signature []byte) (*SignedData, error) {
	if err := p.SignedData.SetSignature(0, signature); err != nil {
		return nil, err
	}
	return p.SignedData, nil
}

// SetSignature puts a signature that was made elsewhere into signer i, after checking
// it with the embedded certificate. Nothing changes where the check fails (error
// wrapping ErrBadSignature).
func (s *SignedData) SetSignature(i int, signature []byte) error {
	cert, err := s.SignerCertificate(i)
	if err != nil {
		return err
	}
	si := s.Signers[i]
	si.Signature = bytes.Clone(signature)
	if err := si.CheckSignature(cert); err != nil {
		return fmt.Errorf("checking the new signature with the certificate of %q: %w", cert.Subject, err)
	}
	s.Signers[i] = si
	return nil
}

// Sign makes a SignedData with one signer. contentType and messageDigest are added to
// signedAttrs. RSA signatures are PKCS#1 v1.5 and so deterministic; the result is
// checked with the certificate before it is returned.
func Sign(ctx context.Context, content ContentInfo, signer Signer, signedAttrs Attributes) (*SignedData, error) {
	if signer.Key == nil {
		return nil, WrongOption("Key", "signing: the signer has no key")
	}
	p, err := Prepare(content, signer, signedAttrs)
	if err != nil {
		return nil, err
	}
	if key, ok := signer.Key.(CertifyingSigner); ok {
		return p.certify(ctx, key, signer)
	}
	sig, err := SignDigest(ctx, signer.Key, p.Digest, p.Hash)
	if err != nil {
		return nil, fmt.Errorf("signing with the key of %q: %w", signer.Certificate.Subject, err)
	}
	return p.Finish(sig)
}

// certify finishes a signature with the certificate that the key signed it with. The
// signed attributes do not name the certificate, so they stay what they were; issuer,
// serial number, algorithm and embedded certificates are those of the answer.
func (p *Prepared) certify(ctx context.Context, key CertifyingSigner, signer Signer) (*SignedData, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	made, err := key.SignCertified(ctx, p.Digest, p.Hash)
	if err != nil {
		return nil, fmt.Errorf("signing with the key of %q: %w", signer.Certificate.Subject, err)
	}
	alg, err := signatureAlgorithm(made.Certificate.PublicKey)
	if err != nil {
		return nil, err
	}
	si := &p.SignedData.Signers[0]
	si.RawIssuer, si.Serial, si.SignatureAlgorithm = made.Certificate.RawIssuer, made.Certificate.SerialNumber, alg
	signer.Certificate, signer.Chain = made.Certificate, made.Chain
	p.SignedData.embed(signer)
	return p.Finish(made.Signature)
}

// SignDigest makes a signature over a digest: PKCS #1 v1.5 with an RSA key. A
// ContextSigner gets the context.
func SignDigest(ctx context.Context, key crypto.Signer, digest []byte, h crypto.Hash) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if cs, ok := key.(ContextSigner); ok {
		return cs.SignContext(ctx, rand.Reader, digest, h)
	}
	return key.Sign(rand.Reader, digest, h)
}

// samePublicKey compares two public keys of any kind that the standard library knows.
func samePublicKey(a, b crypto.PublicKey) bool {
	pub, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && pub.Equal(b)
}
