package authenticode

import (
	"context"
	"crypto"
	"fmt"
	"io"

	"github.com/hallmark-dev/hallmark/formats/cms"
)

// Split is a signature whose key is somewhere else: all but the signature value.
type Split struct {
	// ToBeSigned is what the key has to sign (the DER of the signed attributes), Digest
	// its hash for keys that take one. An RSA key answers with PKCS#1 v1.5, an ECDSA
	// key with an ASN.1 SEQUENCE of two integers.
	ToBeSigned []byte
	Hash       crypto.Hash
	Digest     []byte
	// PKCS7 is the unfinished signature. FinishSplit wants it back.
	PKCS7 PKCS7
}

// PrepareSplit reads a PE file and makes everything of a signature but the key's part;
// Signer.Key is not used. The certificate has to be known, since a signature names it.
func PrepareSplit(ctx context.Context, src io.ReaderAt, size int64, o SignOptions) (*Split, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	s, err := openSubject(src, size, o.Existing)
	if err != nil {
		return nil, err
	}
	if err := s.admits(o.Existing); err != nil {
		return nil, err
	}
	if err := s.checkLayout(o); err != nil {
		return nil, err
	}
	if err := s.readUnder(ctx, o.Existing, request(o.hash(), o.PageHashes), output{}); err != nil {
		return nil, err
	}
	der, attrs, err := toSign(s.content(o), o)
	if err != nil {
		return nil, err
	}
	p, err := cms.Prepare(cms.ContentInfo{Type: cms.OIDSpcIndirectData, DER: der}, o.cmsSigner(), attrs)
	if err != nil {
		return nil, err
	}
	p7, err := p.SignedData.Marshal()
	if err != nil {
		return nil, err
	}
	return &Split{ToBeSigned: p.ToBeSigned, Hash: p.Hash, Digest: p.Digest, PKCS7: p7}, nil
}

// FinishSplit puts the signature value into what PrepareSplit made and writes the
// signed file to dst, as Sign does. The value is checked with the certificate and the
// unfinished signature with the file, which must not have changed in between.
func FinishSplit(ctx context.Context, src io.ReaderAt, size int64, dst io.Writer, p7 PKCS7, signature []byte, existing Existing) (*Result, error) {
	done, err := p7.Finish(signature)
	if err != nil {
		return nil, err
	}
	return Attach(ctx, src, size, dst, done, existing)
}

// Finish puts the signature value into the unfinished block of a [Split].
func (p PKCS7) Finish(signature []byte) (PKCS7, error) {
	sd, err := cms.Parse(p)
	if err != nil {
		return nil, fmt.Errorf("reading unfinished signature: %w", err)
	}
	if len(sd.Signers) != 1 {
		return nil, fmt.Errorf("reading unfinished signature: %d signers instead of one", len(sd.Signers))
	}
	if err := sd.SetSignature(0, signature); err != nil {
		return nil, err
	}
	return sd.Marshal()
}
