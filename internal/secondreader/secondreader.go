// Package secondreader reads PE files with github.com/saferwall/pe, which is
// not ours, and compares what both readers see. A mistake in our own parser
// would be made the same way when signing and when verifying; a second,
// independent reader notices it.
//
// saferwall/pe is held at arm's length: its judgement of certificates is not
// used (on Windows it would call certutil and trust what lies in a temporary
// folder), what it cannot be told to leave alone is cut off, and a panic of
// it is an error.
package secondreader

import (
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"github.com/saferwall/pe"
	"github.com/saferwall/pe/log"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// Want says what to read beside the headers.
type Want struct {
	// Authentihash with these hashes. It reads the whole file.
	Authentihash []crypto.Hash
	// Covered bytes: those that the Authentihash is computed over.
	Covered bool
	// Checksum of the whole file.
	Checksum bool
}

// Reading is what the second reader sees.
type Reading struct {
	// Table tells whether the file has a certificate table, Signed whether a
	// signature could be read in it.
	Table, Signed bool
	// Unreadable tells that no signature could be read because of a certificate
	// that crypto/x509, which the library builds on, refuses and Windows takes.
	Unreadable bool
	// Authentihash in lower-case hexadecimal, by name of the hash (SHA-256).
	Authentihash map[string]string
	// Covered are the bytes under the Authentihash, nil unless wanted.
	Covered []peimage.Range
	// HeaderChecksum is the stored one, Checksum the computed one, 0 for a
	// file whose size is not a multiple of 4.
	HeaderChecksum, Checksum uint32
}

// Read reads the PE file of size bytes in r. Files that cannot be read, also
// because they shrink meanwhile, and panics of the library are errors.
func Read(r io.ReaderAt, size int64, w Want) (out *Reading, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, fmt.Errorf("second reader: %v", p)
		}
	}()
	v, err := newView(r, size)
	if err != nil {
		return nil, fmt.Errorf("second reader: %w", err)
	}
	defer v.close()
	f, err := v.parse()
	if err != nil {
		return nil, fmt.Errorf("second reader: %w", err)
	}
	if out, err = read(f, v, w); err != nil {
		return nil, fmt.Errorf("second reader: %w", err)
	}
	out.Unreadable = out.Table && !out.Signed && oddCertificate(r, size)
	return out, nil
}

// oddCertificate reports whether the first signature of a file carries a certificate
// that crypto/x509 refuses, such as one with UniversalString in its names.
func oddCertificate(r io.ReaderAt, size int64) bool {
	p7, err := authenticode.Extract(r, size)
	if err != nil {
		return false
	}
	sd, err := cms.Parse(p7)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(sd.Certificates, func(c *cms.Certificate) bool {
		_, ours := c.X509()
		_, theirs := x509.ParseCertificate(c.Raw)
		return ours == nil && theirs != nil
	})
}

func read(f *pe.File, v *view, w Want) (*Reading, error) {
	r := &Reading{Table: f.HasCertificate, Signed: f.IsSigned, HeaderChecksum: headerChecksum(f), Authentihash: map[string]string{}}
	var ranges []peimage.Range
	var err error
	if w.Covered || len(w.Authentihash) > 0 {
		if ranges, err = covered(f); err != nil {
			return nil, err
		}
	}
	if w.Covered {
		r.Covered = ranges
	}
	if len(w.Authentihash) > 0 {
		if err := r.hash(v, ranges, w.Authentihash); err != nil {
			return nil, err
		}
	}
	if w.Checksum && v.size%4 == 0 { // of other sizes, which no signed file has, the library leaves the last bytes out
		r.Checksum, err = checksum(f, v)
	}
	return r, err
}

// options leave out everything but headers and certificates: the rest is slow, or writes to standard output.
func options() *pe.Options {
	return &pe.Options{
		DisableCertValidation:      true, // judging trust is our own business
		DisableSignatureValidation: true,
		Logger:                     log.NewStdLogger(io.Discard),
		MaxCOFFSymbolsCount:        1, // symbols mean nothing to a signature
		OmitExportDirectory:        true,
		OmitImportDirectory:        true,
		OmitResourceDirectory:      true,
		OmitExceptionDirectory:     true,
		OmitRelocDirectory:         true,
		OmitDebugDirectory:         true,
		OmitArchitectureDirectory:  true,
		OmitGlobalPtrDirectory:     true,
		OmitTLSDirectory:           true,
		OmitLoadConfigDirectory:    true,
		OmitBoundImportDirectory:   true,
		OmitIATDirectory:           true,
		OmitDelayImportDirectory:   true,
		OmitCLRHeaderDirectory:     true,
		OmitCLRMetadata:            true,
	}
}

// hash hashes the bytes that the library names.
func (r *Reading) hash(v *view, ranges []peimage.Range, hashes []crypto.Hash) error {
	hs := make([]hash.Hash, len(hashes))
	to := make([]io.Writer, len(hashes))
	for i, h := range hashes {
		hs[i] = h.New()
		to[i] = hs[i]
	}
	all := io.MultiWriter(to...)
	for _, x := range ranges {
		if err := v.copy(all, x); err != nil {
			return err
		}
	}
	// The library does not pad a file without certificate table to the multiple of 8 that it has once signed.
	if pad := (8 - v.size%8) % 8; pad > 0 && !r.Table {
		all.Write(make([]byte, pad))
	}
	for i, h := range hashes {
		r.Authentihash[h.String()] = hex.EncodeToString(hs[i].Sum(nil))
	}
	return nil
}

func headerChecksum(f *pe.File) uint32 {
	switch h := f.NtHeader.OptionalHeader.(type) {
	case pe.ImageOptionalHeader32:
		return h.CheckSum
	case pe.ImageOptionalHeader64:
		return h.CheckSum
	}
	return 0
}

// Compare says where the second reader disagrees with our own report on a PE
// file. The error is a *fault.Error with status Verification.
func (r *Reading) Compare(report *authenticode.Report) error {
	var differ []string
	note := func(format string, args ...any) { differ = append(differ, fmt.Sprintf(format, args...)) }
	if ours := len(report.Signatures) > 0; ours != r.Signed && !r.Unreadable {
		note("we see a signature: %v, the second reader: %v", ours, r.Signed)
	}
	for name, sum := range r.Authentihash {
		if ours, ok := report.Digests[name]; ok && !strings.EqualFold(ours, sum) {
			note("Authentihash %s is %s for us, %s for the second reader", name, ours, sum)
		}
	}
	if r.Covered != nil && !slices.Equal(r.Covered, report.Covered) {
		note("the Authentihash covers %v for us, %v for the second reader", report.Covered, r.Covered)
	}
	if c := report.Checksum; c != nil && r.Checksum != 0 {
		if c.Header != r.HeaderChecksum {
			note("the stored checksum is 0x%08X for us, 0x%08X for the second reader", c.Header, r.HeaderChecksum)
		}
		if c.Computed != r.Checksum {
			note("the computed checksum is 0x%08X for us, 0x%08X for the second reader", c.Computed, r.Checksum)
		}
	}
	if len(differ) == 0 {
		return nil
	}
	return fault.New(fault.Verification, "two readers disagree about the file: %s", strings.Join(differ, "; ")).
		Hint("one of them is wrong, so the file is not trusted; please report it with the file")
}

// Confirm reads the file of a report a second time and compares. When the
// readers disagree, or the second one cannot read the file, the report is
// changed to say so: it must not say trusted when the answer is an error.
func Confirm(r io.ReaderAt, size int64, report *authenticode.Report, w Want) error {
	second, err := Read(r, size, w)
	if err == nil {
		err = second.Compare(report)
	}
	if err == nil {
		return nil
	}
	report.Refuse("second-reader", err)
	return err
}

// Hashes are those by which the report names the file.
func Hashes(report *authenticode.Report) []crypto.Hash {
	var out []crypto.Hash
	for _, h := range []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		if _, ok := report.Digests[h.String()]; ok {
			out = append(out, h)
		}
	}
	return out
}
