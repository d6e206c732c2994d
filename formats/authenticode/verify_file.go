package authenticode

import (
	"context"
	"crypto"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// checkGap looks at the bytes between the end of an entry and the multiple of 8 at
// which the next one starts: they are unused and must be zero (PE Format, "The
// Attribute Certificate Table").
func (v *verifier) checkGap(im *peimage.Image, r io.ReaderAt, i int) error {
	c := im.Certificates[i]
	end := c.Offset + int64(c.Length)
	gap := make([]byte, min((8-int64(c.Length)%8)%8, max(im.CertTable.End()-end, 0)))
	if _, err := r.ReadAt(gap, end); err != nil && err != io.EOF {
		return fmt.Errorf("reading the padding of entry %d of the certificate table: %w", i, err)
	}
	if !allZero(gap) {
		v.find(strict(CheckPadding, "entry %d of the certificate table is padded with % x instead of zeros", i, gap))
	}
	return nil
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

func hexDigests(m map[crypto.Hash][]byte) map[string]string {
	out := make(map[string]string, len(m))
	for h, d := range m {
		out[h.String()] = hex.EncodeToString(d)
	}
	return out
}

// otherFile judges what is not a PE file: only a catalog can list it.
func (v *verifier) otherFile(ctx context.Context, r io.ReaderAt, size int64, format *peimage.FormatError) error {
	v.report.Format = "other"
	if v.opts.Catalogs == nil {
		v.find(problem(CheckFormat, unreadable(r), "%v", format))
		return nil
	}
	digests, err := v.opts.Catalogs.Digest(ctx, r, size)
	if err != nil {
		return fmt.Errorf("hashing for catalogs: %w", err)
	}
	if len(digests) == 0 {
		v.find(problem(CheckFormat, unreadable(r), "%v", format))
		return nil
	}
	v.report.Digests = hexDigests(digests)
	return v.unsigned(ctx, digests, "not a PE file, so it carries no signature of its own")
}

// unreadable is Windows' answer to a file that is not a PE file: by the magic number MZ
// it already decides which of its subject interface packages is to look for a signature
// (Microsoft, CryptSIPRetrieveSubjectGuid).
func unreadable(r io.ReaderAt) Verdict {
	var magic [2]byte
	if _, err := r.ReadAt(magic[:], 0); err == nil && string(magic[:]) == "MZ" {
		return VerdictNoSignature
	}
	return VerdictFormUnknown
}

// unsigned asks the catalogs about a file without a signature.
func (v *verifier) unsigned(ctx context.Context, digests map[crypto.Hash][]byte, why string) error {
	none := problem(CheckSignature, VerdictNoSignature, "%s", why)
	for _, f := range v.unhashed {
		v.find(problem(CheckFormat, VerdictNoSignature, "%v: Windows does not hash such a file", f).WithHint(f.Advice()))
	}
	if v.opts.Catalogs == nil || firstVerdict(v.report.Findings) != VerdictTrusted {
		v.find(none)
		return nil
	}
	match, ok, err := v.opts.Catalogs.Find(ctx, digests)
	if err != nil {
		return fmt.Errorf("looking the file up in catalogs: %w", err)
	}
	if !ok {
		v.find(none, problem(CheckCatalog, VerdictNoSignature, "no catalog lists the file"))
		return nil
	}
	o := v.opts
	o.Catalogs = nil
	if o.Disallowed == nil {
		o.Disallowed = &certchain.Disallowed{} // that there is no list is said once, for the whole file
	}
	rep, err := PKCS7(match.PKCS7).Verify(ctx, cms.OIDCTL, o)
	if err != nil {
		return fmt.Errorf("judging catalog %s: %w", match.Name, err)
	}
	v.find(rep.Findings...)
	if len(rep.Signatures) > 1 {
		v.find(strict(CheckNested, "the catalog %s carries nested signatures, which Windows ignores in catalogs", match.Name))
	}
	v.report.Catalog = &CatalogReport{Name: match.Name, Member: match.Member, Algorithm: match.Hash.String(), Signature: rep.Signatures[0]}
	v.find(note(CheckCatalog, "%s; it is listed in the catalog %s", why, match.Name))
	return nil
}
