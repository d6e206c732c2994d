package authenticode

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// Existing says what Sign does with a file that is signed already.
type Existing int

const (
	// ExistingRefuse makes it an error.
	ExistingRefuse Existing = iota
	// ExistingReplace drops all signatures that the file has.
	ExistingReplace
	// ExistingAppend keeps them and nests the new one in the first (signtool /as),
	// which has to be over the file as it is. An unsigned file is simply signed.
	ExistingAppend
	// ExistingSkip leaves a file alone that carries an intact signature of the same
	// certificate with the same hash, and page hashes if they are wanted. Where such a
	// signature no longer fits the file, or lacks what is wanted, all are replaced;
	// signatures by other certificates alone are an error, as with ExistingRefuse.
	ExistingSkip
	// ExistingRepair drops an entry of the data directories that names no sound
	// certificate table, see peimage.Stale. A sound table is an error, as with
	// ExistingRefuse.
	ExistingRepair
)

// ErrSigned: the file is signed already and ExistingRefuse, or ExistingSkip with a
// signature by another certificate, was asked for.
var ErrSigned = errors.New("the file is signed already")

// SignOptions says how to sign. Only Signer is needed.
type SignOptions struct {
	// Signer is the key with its certificate and the certificates to embed:
	// intermediates, and in Extra others such as cross-certificates, which
	// JudgeAdditional judges. Self-signed roots are left out, since they are of no
	// use inside a signature. Its Hash is that of the file, its pages and the
	// signature: SHA-256 (also if it is 0), SHA-384 or SHA-512.
	Signer cms.Signer
	// Description is the program name that Windows shows in consent prompts, URL a link
	// beside it. Both may be empty.
	Description, URL string
	// Commercial claims the purpose "commercial" in SpcStatementType instead of
	// "individual". Windows ignores it today.
	Commercial bool
	// PageHashes adds a hash of each page of the file. They exist for SHA-256 only.
	PageHashes bool
	// Existing says what becomes of signatures that the file has.
	Existing Existing
	// Own recognises for ExistingSkip the certificates of this signer; nil is the
	// certificate of Signer alone. A signer whose certificate is renewed every few days
	// has many.
	Own func(*x509.Certificate) bool
	// Firmware signs a program for UEFI firmware although Windows refuses its layout,
	// see peimage.LayoutRules.
	Firmware bool
	// IntentToSeal says in the signature that the file will be sealed (signtool /itos).
	// From then on Windows refuses the file until Seal has been called, and after every
	// change of the signatures. The signature must be the file's first, and RSA: see
	// Seal.
	IntentToSeal bool
}

func (o SignOptions) hash() crypto.Hash { return hashOrDefault(o.Signer.Hash) }

// cmsSigner is Signer with everything to embed, roots left out.
func (o SignOptions) cmsSigner() cms.Signer {
	s := o.Signer
	s.Hash, s.Chain, s.Extra = o.hash(), withoutRoots(o.Signer.Chain), withoutRoots(o.Signer.Extra)
	return s
}

func withoutRoots(list []*x509.Certificate) []*x509.Certificate {
	return slices.DeleteFunc(slices.Clone(list), certchain.IsRoot)
}

func (o SignOptions) check() error {
	switch h := o.hash(); {
	case o.Signer.Certificate == nil:
		return cms.WrongOption("Signer.Certificate", "signing: the signer has no certificate")
	case h != crypto.SHA256 && h != crypto.SHA384 && h != crypto.SHA512:
		return cms.WrongOption("Signer.Hash", "signing with %v: new signatures are made with SHA-256, SHA-384 or SHA-512", h)
	case o.PageHashes && h != crypto.SHA256:
		return cms.WrongOption("PageHashes", "signing with %v: page hashes exist for SHA-256 only", h)
	case o.IntentToSeal && !isRSA(o.Signer.Certificate):
		return cms.WrongOption("IntentToSeal", "signing with the intent to seal: seals are RSA signatures, and this key is of another kind")
	case o.Existing < ExistingRefuse || o.Existing > ExistingRepair:
		return cms.WrongOption("Existing", "signing: unknown policy %d for existing signatures", o.Existing)
	}
	return nil
}

// Result says what was signed.
type Result struct {
	PKCS7   PKCS7 // all signatures in the file, DER
	Index   int   // of the new signature in it
	Skipped bool  // ExistingSkip: the file was left alone, nothing was written
	Content Content
	Size    int64          // of the file that was written
	Dropped *peimage.Stale // ExistingRepair: what was wrong; nil for a sound file
	// Warnings are about the signature itself, for example that Windows does not trust
	// elliptic-curve roots.
	Warnings []string
}

// Sign signs the PE file of size bytes in src and writes the signed file to dst, which
// starts empty. The source is read once when dst is a file, since the copy is made at
// the same time; it is read twice for any other writer. On an error dst holds anything,
// so write to a temporary file and rename it.
//
// The same input gives the same bytes with an RSA key. A timestamp is attached
// afterwards, see Timestamp.
func Sign(ctx context.Context, src io.ReaderAt, size int64, dst io.Writer, o SignOptions) (*Result, error) {
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
	if o.IntentToSeal && o.Existing == ExistingAppend && s.image.HasSignature() {
		return nil, errors.New("appending: Windows looks for the intent to seal in the first signature only")
	}
	out, err := newOutput(dst)
	if err != nil {
		return nil, err
	}
	copyTo := out
	if o.Existing == ExistingSkip && s.image.HasSignature() {
		copyTo = output{} // the file may be left alone, and then nothing is written
	}
	if err := s.readUnder(ctx, o.Existing, request(o.hash(), o.PageHashes), copyTo); err != nil {
		return nil, err
	}
	r, err := s.sign(ctx, o)
	if err != nil || r.Skipped {
		return r, err
	}
	r.Size, err = s.write(ctx, out, r.PKCS7, s.kept(o.Existing))
	return r, err
}

// sign makes the new blob for a subject that has been read.
func (s *subject) sign(ctx context.Context, o SignOptions) (*Result, error) {
	content := s.content(o)
	if o.Existing == ExistingSkip && s.pkcs7 != nil {
		index, err := s.ownSignature(o)
		if err != nil {
			return nil, err
		}
		if index >= 0 {
			return &Result{PKCS7: s.pkcs7, Index: index, Skipped: true, Content: content, Size: s.image.Size}, nil
		}
	}
	p7, err := build(ctx, content, o)
	if err != nil {
		return nil, err
	}
	r := &Result{Content: content, Warnings: warnings(o), Dropped: s.dropped}
	r.PKCS7, r.Index, err = s.combine(p7, o.Existing)
	return r, err
}

// SignDetached makes the signature of the PE file in src and does not put it into
// the file: for callers that keep it apart for a while. [Attach] puts it in, with
// the same policy for signatures that the file has.
func SignDetached(ctx context.Context, src io.ReaderAt, size int64, o SignOptions) (PKCS7, error) {
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
	return build(ctx, s.content(o), o)
}

// build signs content and returns the block alone.
func build(ctx context.Context, content Content, o SignOptions) (PKCS7, error) {
	der, attrs, err := toSign(content, o)
	if err != nil {
		return nil, err
	}
	sd, err := cms.Sign(ctx, cms.ContentInfo{Type: cms.OIDSpcIndirectData, DER: der}, o.cmsSigner(), attrs)
	if err != nil {
		return nil, err
	}
	return sd.Marshal()
}

func toSign(content Content, o SignOptions) ([]byte, cms.Attributes, error) {
	if content.Hash != o.hash() {
		return nil, nil, fmt.Errorf("signing with %v: the file was hashed with %v", o.hash(), content.Hash)
	}
	der, err := marshalContent(content)
	if err != nil {
		return nil, nil, err
	}
	attrs, err := signedAttributes(o)
	return der, attrs, err
}

func warnings(o SignOptions) []string {
	var out []string
	if _, ok := o.Signer.Certificate.PublicKey.(*ecdsa.PublicKey); ok {
		out = append(out, "the key is an elliptic-curve key: Microsoft's root programme accepts RSA roots only for code signing, "+
			"so Windows trusts this signature only where a private root is installed")
	}
	return out
}

// admits applies the policy for signatures that are there as far as that is possible
// before the file has been read.
func (s *subject) admits(policy Existing) error {
	switch {
	case !s.image.HasSignature() || policy == ExistingReplace:
		return nil
	case policy == ExistingRefuse || policy == ExistingRepair:
		return fmt.Errorf("%w: choose to replace its signatures, to append another one, or to skip the file", ErrSigned)
	case s.damaged != nil:
		return fmt.Errorf("%w, but its signature cannot be read: %v", ErrSigned, s.damaged)
	case policy == ExistingAppend:
		root, err := parseTree(s.pkcs7)
		if err != nil {
			return err
		}
		return root.unsealed()
	}
	return nil
}

// ownSignature looks for an intact signature of o's certificate over the file as it is
// and returns its index, or -1 if the certificate's signature has to be renewed.
func (s *subject) ownSignature(o SignOptions) (int, error) {
	sigs, err := s.pkcs7.Signatures()
	if err != nil {
		return -1, err
	}
	own := false
	for _, sig := range sigs {
		cert, err := sig.SignerCertificate(0)
		if err != nil || !o.own(cert) {
			continue
		}
		own = true
		if checkSigner(sig.SignedData) == nil && s.covers(sig.SignedData, o) && s.sealHolds(o) {
			return sig.Index, nil
		}
	}
	if !own {
		return -1, fmt.Errorf("%w, by another certificate: choose to replace or to append", ErrSigned)
	}
	return -1, nil
}

func (o SignOptions) own(c *x509.Certificate) bool {
	return bytes.Equal(c.Raw, o.Signer.Certificate.Raw) || o.Own != nil && o.Own(c)
}

// covers compares what a signature says with the file and with what is wanted.
func (s *subject) covers(sd *cms.SignedData, o SignOptions) bool {
	c, err := contentOf(sd)
	if err != nil || c.hash != o.hash() {
		return false
	}
	if intent, err := readIntent(&sd.Signers[0]); err != nil || o.IntentToSeal && !intent {
		return false
	}
	want := s.content(o)
	return bytes.Equal(c.digest, want.Authentihash) && (!o.PageHashes || bytes.Equal(c.pageHashes[c.hash], want.PageHashes))
}

// kept returns the further entries of the certificate table, which Windows does not
// look at, where the policy keeps what is there.
func (s *subject) kept(policy Existing) []byte {
	if policy == ExistingAppend {
		return s.others
	}
	return nil
}

// combine joins the new signature with those of the file as the policy wants, and finds its index.
func (s *subject) combine(p7 PKCS7, policy Existing) (PKCS7, int, error) {
	if policy != ExistingAppend || !s.image.HasSignature() {
		return p7, 0, nil
	}
	whole, err := s.pkcs7.Append(p7)
	if err != nil {
		return nil, 0, err
	}
	sigs, err := whole.Signatures()
	if err != nil {
		return nil, 0, err
	}
	for _, sig := range sigs {
		if der, err := sig.Marshal(); err == nil && bytes.Equal(der, p7) {
			return whole, sig.Index, nil
		}
	}
	return nil, 0, errors.New("appending: the new signature is not found in the result")
}
