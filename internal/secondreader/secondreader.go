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
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/saferwall/pe"
	"github.com/saferwall/pe/log"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
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
	// Version strings of the first version resource.
	Version bool
}

// Reading is what the second reader sees.
type Reading struct {
	// Table tells whether the file has a certificate table, Signed whether a
	// signature could be read in it.
	Table, Signed bool
	// Authentihash in lower-case hexadecimal, by name of the hash (SHA-256).
	Authentihash map[string]string
	// Covered are the bytes under the Authentihash, nil unless wanted.
	Covered []peimage.Range
	// HeaderChecksum is the stored one, Checksum the computed one, 0 for a
	// file whose size is no multiple of 4.
	HeaderChecksum, Checksum uint32
	Version                  map[string]string
}

// Read reads the PE file at path. Unreadable files and panics of the library
// are errors.
func Read(path string, w Want) (r *Reading, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, err = nil, fmt.Errorf("second reader: %v", p)
		}
	}()
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("second reader: %w", err)
	}
	f, err := pe.New(path, options())
	if err != nil {
		return nil, fmt.Errorf("second reader: %v", err)
	}
	defer f.Close()
	// After a failed Parse nothing else may be called: it would panic.
	if err := f.Parse(); err != nil {
		return nil, fmt.Errorf("second reader: %v", err)
	}
	r = &Reading{Table: f.HasCertificate, Signed: f.IsSigned, HeaderChecksum: headerChecksum(f), Authentihash: map[string]string{}}
	if len(w.Authentihash) > 0 {
		if err := r.hash(f, st.Size(), w.Authentihash); err != nil {
			return nil, err
		}
	}
	if w.Covered {
		if r.Covered, err = covered(f); err != nil {
			return nil, err
		}
	}
	if w.Checksum && st.Size()%4 == 0 { // of other sizes, which no signed file has, the library copies the file and loses its mapping
		r.Checksum = f.Checksum()
	}
	if w.Version {
		if r.Version, err = f.ParseVersionResources(); err != nil {
			return nil, fmt.Errorf("second reader: version resource: %v", err)
		}
	}
	return r, nil
}

// options leave out everything but headers, resources and certificates: the
// rest is slow, or writes to standard output.
func options() *pe.Options {
	return &pe.Options{
		DisableCertValidation:      true, // judging trust is our own business
		DisableSignatureValidation: true,
		Logger:                     log.NewStdLogger(io.Discard),
		OmitExportDirectory:        true,
		OmitImportDirectory:        true,
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

func (r *Reading) hash(f *pe.File, size int64, hashes []crypto.Hash) error {
	hs := make([]hash.Hash, len(hashes))
	for i, h := range hashes {
		hs[i] = h.New()
	}
	sums := f.AuthentihashExt(hs...)
	if len(sums) != len(hashes) {
		return fmt.Errorf("second reader: computing the Authentihash failed")
	}
	for i, h := range hashes {
		// The library does not pad a file without certificate table to the multiple of 8 that it has once signed.
		if pad := (8 - size%8) % 8; pad > 0 && !r.Table {
			hs[i].Write(make([]byte, pad))
			sums[i] = hs[i].Sum(nil)
		}
		r.Authentihash[h.String()] = hex.EncodeToString(sums[i])
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
	if ours := len(report.Signatures) > 0; ours != r.Signed {
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
