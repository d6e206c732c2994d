package authenticode

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// subject is a PE file that is read for signing.
type subject struct {
	src     io.ReaderAt
	image   *peimage.Image
	digests *peimage.Digests
	copied  *os.File // holds the file's content already

	pkcs7   PKCS7          // of the first entry of the certificate table, without padding; nil if the file is unsigned
	others  []byte         // further entries of the table, as they are
	dropped *peimage.Stale // what ExistingRepair left out of image
	damaged error          // why pkcs7 cannot be read although there is a table
}

// StaleError says that the directory entry of the certificate table does not name a
// sound table. ExistingRepair and StripRepair get rid of it.
type StaleError struct {
	Stale *peimage.Stale
	err   error // what it means for the caller: ErrUnsigned, or Stale.Reason
}

func (e *StaleError) Error() string {
	if errors.Is(e.err, ErrUnsigned) {
		return fmt.Sprintf("%v: its %s", e.err, e.Stale)
	}
	return fmt.Sprintf("the file has no sound certificate table: %v", e.err)
}

func (e *StaleError) Unwrap() error { return e.err }

// checkTable is image.Check, as a *StaleError for what can be repaired.
func checkTable(image *peimage.Image) error {
	err := image.Check()
	if stale := image.Stale(); err != nil && stale != nil && err == error(stale.Reason) {
		return &StaleError{stale, err}
	}
	return err
}

// openSubject reads layout and certificate table.
func openSubject(src io.ReaderAt, size int64, policy Existing) (*subject, error) {
	image, err := peimage.Parse(src, size)
	if err != nil {
		return nil, err
	}
	s := &subject{src: src, image: image}
	if policy == ExistingRepair {
		if s.image, s.dropped, err = image.Repair(src); err != nil {
			return nil, err
		}
	}
	if err := checkTable(s.image); err != nil {
		return nil, err
	}
	if !s.image.HasSignature() {
		return s, nil
	}
	return s, s.readTable()
}

// readTable keeps the entries of the table. Windows looks at the first one only.
func (s *subject) readTable() error {
	for i, c := range s.image.Certificates {
		b, err := c.Data(s.src)
		if err != nil {
			return err
		}
		if i > 0 {
			s.others = append(s.others, c.Entry(b)...)
			continue
		}
		if c.Type != peimage.CertTypePKCSSigned {
			s.damaged = fmt.Errorf("certificate table entry at offset 0x%x has type %d, not PKCS#7", c.Offset, c.Type)
			continue
		}
		if s.pkcs7, err = trimPKCS7(b); err != nil {
			s.damaged = err
		}
	}
	return nil
}

// trimPKCS7 cuts off what follows the DER.
func trimPKCS7(b []byte) (PKCS7, error) {
	if _, err := parseTree(b); err != nil {
		return nil, err
	}
	sd, err := cms.Parse(b)
	if err != nil {
		return nil, err
	}
	return b[:len(b)-sd.Trailing], nil
}

// request asks for what a signature with h says.
func request(h crypto.Hash, pageHashes bool) peimage.Request {
	q := peimage.Request{Authentihash: []crypto.Hash{h}, Checksum: true}
	if pageHashes {
		q.PageHashes = []crypto.Hash{h}
	}
	return q
}

// read reads the file; if out is a file its content is written there at the same time.
func (s *subject) read(ctx context.Context, q peimage.Request, out output) (err error) {
	if out.file == nil {
		s.digests, err = s.image.Digest(ctx, s.src, q)
		return err
	}
	s.digests, err = s.image.DigestAndCopy(ctx, out.file, s.src, q)
	s.copied = out.file
	return err
}

// readUnder is read under a policy for existing signatures: what is appended to a first
// signature that is not over the file is of no use, since Windows judges the first.
func (s *subject) readUnder(ctx context.Context, policy Existing, q peimage.Request, out output) error {
	if policy != ExistingAppend || s.pkcs7 == nil {
		return s.read(ctx, q, out)
	}
	first, err := cms.Parse(s.pkcs7)
	if err != nil {
		return err
	}
	c, err := contentOf(first)
	if err != nil {
		return fmt.Errorf("appending: %w", err)
	}
	q.Authentihash = addHash(q.Authentihash, c.hash)
	if err := s.read(ctx, q, out); err != nil {
		return err
	}
	if !bytes.Equal(c.digest, s.digests.Authentihash[c.hash]) {
		return fmt.Errorf("%w, but its first signature is not over the file as it is: Windows refuses that, whatever is appended", ErrSigned)
	}
	return nil
}

// LayoutError says that Windows would refuse a program once it is signed, because of
// how it was linked. Signing it would look like success.
type LayoutError struct {
	Fault *peimage.FormatError
}

func (e *LayoutError) Error() string {
	return fmt.Sprintf("%s: Windows would refuse the signed program", strings.TrimPrefix(e.Fault.Error(), "PE file: "))
}

func (e *LayoutError) Unwrap() error { return e.Fault }

// checkLayout is a *LayoutError for a program that Windows would refuse, unless o is for firmware.
func (s *subject) checkLayout(o SignOptions) error {
	var fault *peimage.FormatError
	if err := s.image.CheckLayout(); err == nil || o.Firmware || !errors.As(err, &fault) {
		return nil
	}
	return &LayoutError{fault}
}

// content returns what a signature under o says about the file, which must have
// been read for it.
func (s *subject) content(o SignOptions) Content {
	h := o.hash()
	c := Content{Hash: h, Authentihash: s.digests.Authentihash[h]}
	if o.PageHashes {
		c.PageHashes = s.digests.PageHashes[h]
	}
	return c
}

// write writes the file with p7 as first entry of the certificate table, others after it.
func (s *subject) write(ctx context.Context, out output, p7, others []byte) (int64, error) {
	edit, err := s.image.Signed(s.digests, append(peimage.CertificateTable(p7), others...))
	if err != nil {
		return 0, err
	}
	return edit.Size, out.apply(ctx, edit, s.src, s.copied)
}

// output is where a changed file goes: an empty regular file, which can be filled in
// any order and by the kernel, or any writer.
type output struct {
	file   *os.File
	writer io.Writer
}

func newOutput(dst io.Writer) (output, error) {
	f, ok := dst.(*os.File)
	if !ok {
		return output{writer: dst}, nil
	}
	st, err := f.Stat()
	if err != nil {
		return output{}, fmt.Errorf("writing PE file: %w", err)
	}
	if !st.Mode().IsRegular() {
		return output{writer: dst}, nil
	}
	if st.Size() != 0 {
		return output{}, errors.New("writing PE file: the destination must start empty; to change a file in place write a new one and rename it")
	}
	return output{file: f, writer: f}, nil
}

// apply writes the edited src. A regular file is left positioned at its end, as after
// any other writing.
func (o output) apply(ctx context.Context, edit *peimage.Edit, src io.ReaderAt, copied *os.File) error {
	if o.file == nil {
		return edit.WriteTo(ctx, o.writer, src)
	}
	if copied != o.file {
		if err := edit.CopyTo(ctx, o.file, src); err != nil {
			return err
		}
	}
	if err := edit.ApplyTo(o.file); err != nil {
		return err
	}
	_, err := o.file.Seek(0, io.SeekEnd)
	return err
}

// checkCovers makes sure that a signature is about this very file.
func (s *subject) checkCovers(sd *cms.SignedData) error {
	c, err := contentOf(sd)
	if err != nil {
		return err
	}
	if !bytes.Equal(c.digest, s.digests.Authentihash[c.hash]) {
		return fmt.Errorf("the signature is over a file with Authentihash %x, this one has %x", c.digest, s.digests.Authentihash[c.hash])
	}
	for h, table := range c.pageHashes {
		if !bytes.Equal(table, s.digests.PageHashes[h]) {
			return fmt.Errorf("the signature's page hashes (%v) are not those of this file", h)
		}
	}
	return checkSigner(sd)
}

// checkSeal makes sure that a seal, if der has one, holds for der in this file.
func (s *subject) checkSeal(der []byte, existing Existing) error {
	root, err := parseTree(der)
	if err != nil {
		return err
	}
	sealed, err := readSeal(&root.sd.Signers[0])
	if err != nil || sealed == nil {
		return err
	}
	cert, err := root.sd.SignerCertificate(0)
	if err != nil {
		return err
	}
	if sealed.SignerIndex != 0 {
		return fmt.Errorf("sealed by nested signature %d, and only seals of the first are known here", sealed.SignerIndex)
	}
	rest := s.kept(existing)
	place := sealPlace{tableOffset(s.image), io.NewSectionReader(bytes.NewReader(rest), 0, int64(len(rest)))}
	if err := sealed.check(cert, der, &root.sd.Signers[0], place); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	return nil
}

// sealHolds says whether Windows takes the file as far as seals go: what was promised
// is there, unless o only promises it, and holds.
func (s *subject) sealHolds(o SignOptions) bool {
	root, err := parseTree(s.pkcs7)
	if err != nil {
		return false
	}
	intent, err1 := readIntent(&root.sd.Signers[0])
	sealed, err2 := readSeal(&root.sd.Signers[0])
	if err1 != nil || err2 != nil || intent && sealed == nil && !o.IntentToSeal {
		return false
	}
	return s.checkSeal(s.pkcs7, ExistingAppend) == nil // with all entries that are there
}
