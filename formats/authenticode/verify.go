package authenticode

import (
	"context"
	"crypto"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/hallmark-dev/hallmark/formats/certchain"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
)

// Limits on what one file may make us do.
const (
	maxJudged      = 64
	maxJudgedDepth = 8
	maxCertEntries = 16

	maxJudgedLeaves = 4 // of which the chains may take all the work that they are allowed
)

// Verify judges every signature of the file of size bytes in r: the entries of its certificate table and everything
// nested in them. The file is read once, whatever the number of signatures and digests.
//
// An error means that the file could not be judged: reading failed, the context ended, the built-in roots or a
// catalog could not be read. Whatever is wrong with the file itself is in the report, which is then never trusted.
func Verify(ctx context.Context, r io.ReaderAt, size int64, o VerifyOptions) (*Report, error) {
	v, err := newVerifier(o)
	if err != nil {
		return nil, err
	}
	v.report.Size = size
	im, err := peimage.Parse(r, size)
	var format *peimage.FormatError
	switch {
	case errors.As(err, &format):
		err = v.otherFile(ctx, r, size, format)
	case err == nil:
		err = v.image(ctx, im, r)
	}
	if err != nil {
		return nil, err
	}
	return v.finish(), nil
}

// Verify judges signatures that stand alone: those of a catalog (contentType
// cms.OIDCTL) or some taken out of a file (cms.OIDSpcIndirectData, whose digests
// are then not compared with anything, which is noted).
func (p PKCS7) Verify(ctx context.Context, contentType asn1.ObjectIdentifier, o VerifyOptions) (*Report, error) {
	v, err := newVerifier(o)
	if err != nil {
		return nil, err
	}
	v.report.Format, v.report.Size = "PKCS7", int64(len(p))
	v.content = contentType
	v.collect(p, 0, 0)
	if err := v.loadRoots(); err != nil {
		return nil, err
	}
	for _, m := range v.messages {
		v.judge(ctx, m)
	}
	return v.finish(), ctx.Err()
}

// verifier holds what is shared by all signatures of one file.
type verifier struct {
	opts        VerifyOptions
	roots       *certchain.Roots
	revocation  *certchain.RevocationChecker
	budget      *certchain.Budget
	content     asn1.ObjectIdentifier // the content type that signatures must have
	report      *Report
	messages    []*message
	digests     *peimage.Digests       // nil if there is no file to compare with
	pages       error                  // why page hashes could not be computed
	unhashed    []*peimage.FormatError // for which Windows computes no Authentihash
	forFirmware []*peimage.FormatError // what breaks rules of Windows, and VerifyOptions.Firmware admits
	place       *sealPlace             // of the first entry of the certificate table; nil if there is no file
}

// message is one PKCS#7 blob of the file.
type message struct {
	raw    []byte
	data   *cms.SignedData // nil if it cannot be parsed
	err    error
	signed *signedContent // nil if it cannot be parsed, or is a catalog's
	bad    error          // why
	report *SignatureReport
}

func newVerifier(o VerifyOptions) (*verifier, error) {
	if o.HashOnly && (!o.Require.empty() || o.Kernel != nil) {
		return nil, cms.WrongOption("HashOnly", "verifying: HashOnly looks at no signer, so nothing can be required of one")
	}
	v := &verifier{opts: o, roots: o.Roots, budget: certchain.NewBudget(maxJudgedLeaves), content: cms.OIDSpcIndirectData, report: &Report{Time: o.now().UTC()}}
	v.revocation = certchain.NewRevocationChecker(o.Revocation, o.Fetcher, o.now())
	v.report.Findings = append(v.report.Findings, v.revocation.Unreadable()...)
	return v, nil
}

// loadRoots makes the trust anchors ready, before the first chain is judged.
func (v *verifier) loadRoots() (err error) {
	switch {
	case v.opts.LoadRoots != nil:
		v.roots, err = v.opts.LoadRoots()
	case v.roots == nil:
		v.roots, err = certchain.BuiltinRoots()
	}
	return err
}

func (v *verifier) find(f ...Finding) { v.report.Findings = append(v.report.Findings, f...) }

// image judges a PE file.
func (v *verifier) image(ctx context.Context, im *peimage.Image, r io.ReaderAt) error {
	v.report.Format = "PE"
	v.checkTable(im)
	if im.Size >= peimage.MaxSize {
		return nil // Windows does not read it, and neither do we
	}
	if err := v.readTable(im, r); err != nil {
		return err
	}
	if err := v.digest(ctx, im, r); err != nil {
		return err
	}
	if err := v.loadRoots(); err != nil {
		return err
	}
	v.checkChecksum(im)
	for _, m := range v.messages {
		v.judge(ctx, m)
	}
	if len(v.messages) > 0 {
		return ctx.Err()
	}
	why := "the file carries no signature"
	if stale := im.Stale(); stale != nil && !im.HasSignature() {
		why += ": its " + stale.String() + "; strip -repair clears the entry, and -existing=repair clears it and signs"
	}
	return v.unsigned(ctx, v.digests.Authentihash, why)
}

// repairHint is the way out for a file whose certificate table was forgotten when the
// file was changed.
func repairHint(im *peimage.Image, f *peimage.FormatError) string {
	if stale := im.Stale(); stale == nil || stale.Reason != f {
		return ""
	}
	return "a signed file was changed without its certificate table: strip -repair clears the entry, and -existing=repair clears it and signs"
}

// checkTable reports what keeps Windows from seeing a signature (PE Format, "The Attribute Certificate Table").
func (v *verifier) checkTable(im *peimage.Image) {
	for _, f := range im.Findings() {
		c := CheckTable
		if im.CertTable.Size > 0 && f.Offset >= im.CertTable.End() {
			c = CheckTrailingData
		}
		if v.opts.Firmware && im.Check() == nil && f.Rule != "" {
			v.layoutForFirmware(f)
			continue
		}
		switch f.Effect {
		case peimage.Ignored:
			v.find(strict(c, "%v", f))
		case peimage.Unhashed:
			v.unhashed = append(v.unhashed, f)
		default:
			v.find(problem(c, VerdictNoSignature, "%v", f).WithHint(repairHint(im, f)))
		}
	}
	if n := len(im.Certificates); n > 1 {
		v.find(note(CheckTable, "the certificate table has %d entries; Windows looks at the first only", n))
	}
}

// readTable reads the signatures out of the certificate table.
func (v *verifier) readTable(im *peimage.Image, r io.ReaderAt) error {
	total := int64(0)
	for i, c := range im.Certificates {
		if total += int64(c.Length); i > 0 && total > peimage.MaxCertificateBytes {
			v.find(strict(CheckTable, "the entries of the certificate table have more than %d bytes together: the rest is not judged", peimage.MaxCertificateBytes))
			break
		}
		if i == maxCertEntries {
			v.find(strict(CheckTable, "the certificate table has more than %d entries", maxCertEntries))
			break
		}
		if c.Type != peimage.CertTypePKCSSigned && i == 0 {
			v.find(problem(CheckTable, VerdictBadMessage, "the first entry of the certificate table, the one that Windows looks at, is of type 0x%04x, not PKCS#7", c.Type))
			continue
		}
		if c.Type != peimage.CertTypePKCSSigned {
			v.find(strict(CheckTable, "entry %d of the certificate table is of type 0x%04x, not PKCS#7", i, c.Type))
			continue
		}
		data, err := c.Data(r)
		var format *peimage.FormatError
		if errors.As(err, &format) {
			v.find(problem(CheckTable, VerdictNoSignature, "entry %d: %v", i, format))
			continue
		}
		if err != nil {
			return fmt.Errorf("reading entry %d of the certificate table: %w", i, err)
		}
		if err := v.checkGap(im, r, i); err != nil {
			return err
		}
		if i == 0 {
			v.keepPlace(im, r)
		}
		v.collect(data, i, 0)
	}
	return nil
}

// collect parses a blob and everything nested in it, depth first, in the order in which signatures are numbered.
func (v *verifier) collect(raw []byte, entry, depth int) {
	if len(v.messages) == maxJudged || depth > maxJudgedDepth {
		v.find(strict(CheckNested, "more than %d signatures, or nested deeper than %d: the rest is not judged", maxJudged, maxJudgedDepth))
		return
	}
	m := &message{raw: raw, report: &SignatureReport{Index: len(v.messages), Entry: entry, Depth: depth}}
	v.messages = append(v.messages, m)
	v.report.Signatures = append(v.report.Signatures, m.report)
	if m.data, m.err = cms.Parse(raw); m.err != nil {
		if entry == 0 && depth == 1 {
			v.find(problem(CheckNested, VerdictSystemError, "nested signature %d cannot be read: %v", m.report.Index, m.err).
				WithHint("Windows opens all nested signatures before it looks at the first"))
		}
		return
	}
	if m.data.ContentType.Equal(cms.OIDSpcIndirectData) {
		m.signed, m.bad = parseSignedContent(m.data.Content)
	}
	for _, si := range m.data.Signers {
		for _, nested := range unsignedValues(&si, cms.OIDNestedSignature) {
			v.collect(nested, entry, depth+1)
		}
	}
}

// unsignedValues returns all values of an unsigned attribute; some tools repeat the attribute instead of adding a value.
func unsignedValues(si *cms.SignerInfo, oid asn1.ObjectIdentifier) [][]byte {
	var out [][]byte
	for _, a := range si.UnsignedAttrs {
		if a.Type.Equal(oid) {
			out = append(out, a.Values...)
		}
	}
	return out
}

// digest computes all that any signature or catalog wants, in one pass.
func (v *verifier) digest(ctx context.Context, im *peimage.Image, r io.ReaderAt) error {
	q := peimage.Request{Checksum: true}
	for _, m := range v.messages {
		if m.signed == nil {
			continue
		}
		q.Authentihash = addHash(q.Authentihash, m.signed.hash)
		for h := range m.signed.pageHashes {
			q.PageHashes = addHash(q.PageHashes, h)
		}
	}
	if len(v.messages) == 0 && v.opts.Catalogs != nil {
		for _, h := range v.opts.Catalogs.Hashes() {
			q.Authentihash = addHash(q.Authentihash, h)
		}
	}
	if len(q.Authentihash) == 0 {
		q.Authentihash = []crypto.Hash{crypto.SHA256}
	}
	var err error
	v.digests, err = im.Digest(ctx, r, q)
	var format *peimage.FormatError
	if len(q.PageHashes) > 0 && errors.As(err, &format) { // pages cannot be told apart; everything else can be computed
		v.pages = format
		q.PageHashes = nil
		v.digests, err = im.Digest(ctx, r, q)
	}
	if err != nil {
		return fmt.Errorf("hashing: %w", err)
	}
	v.report.Digests, v.report.Covered = hexDigests(v.digests.Authentihash), im.SignedRanges()
	return nil
}

func addHash(hs []crypto.Hash, h crypto.Hash) []crypto.Hash {
	if slices.Contains(hs, h) {
		return hs
	}
	return append(hs, h)
}

// checkChecksum compares the CheckSum field. Programs run with a wrong one and Windows' verifier does not look at it,
// drivers and boot images do not load (PE Format, "CheckSum"). 0 means that no tool has written one.
func (v *verifier) checkChecksum(im *peimage.Image) {
	v.report.Checksum = &ChecksumReport{Header: im.CheckSum, Computed: v.digests.Checksum}
	switch {
	case im.CheckSum == v.digests.Checksum:
	case im.CheckSum == 0:
		v.find(note(CheckChecksum, "the PE checksum is not set"))
	default:
		v.find(strict(CheckChecksum, "the PE checksum is 0x%08x, the file has 0x%08x", im.CheckSum, v.digests.Checksum).
			WithHint("sign the file again, or allow this finding: only drivers depend on it"))
	}
}

// digestsAlone says what a verdict without signers is worth, wherever the report goes.
func (v *verifier) digestsAlone() {
	if v.opts.HashOnly {
		v.find(note(CheckDigest, "digests alone were compared, as asked: signer, timestamp and trust were left aside"))
	}
}
