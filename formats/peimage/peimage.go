// Package peimage reads and writes the parts of a Portable Executable file that its
// signature depends on: headers, section table, data directories and the attribute
// certificate table, with the hashes and the checksum over them.
//
// [Parse] reads the layout. [Image.Digest] computes Authentihashes, page hashes and the
// checksum in one pass over the file. [Image.Signed] and [Image.Unsigned] give the
// [Edit] that puts a certificate table in or takes it out. Package resource reads the
// version information.
//
// It works on byte offsets of the file and never loads or maps an image. All sizes are
// bytes, all offsets count from the start of the file. Every length is checked before
// it is used; what is wrong is a [*FormatError] with offset and field.
//
// # Compatibility
//
// The API follows the semantic version of the module: before 1.0 a minor version
// may change it, and the changelog says so.
//
// # Sources
//
// "PE Format" (https://learn.microsoft.com/windows/win32/debug/pe-format) and "Windows
// Authenticode Portable Executable Signature Format" (Microsoft, 2008).
package peimage

import (
	"fmt"
	"io"
)

// Values of the Machine field of the COFF file header (PE Format, "Machine Types").
const (
	Machine386   = 0x014c
	MachineAMD64 = 0x8664
	MachineARM64 = 0xaa64
	MachineARMNT = 0x01c4
	MachineIA64  = 0x0200
)

// Indexes into Image.Directories (PE Format, "Optional Header Data Directories").
const (
	DirectoryExport      = 0
	DirectoryImport      = 1
	DirectoryResource    = 2
	DirectoryException   = 3
	DirectoryCertificate = 4 // its address is a file offset, not an RVA
	DirectoryRelocation  = 5
	DirectoryDebug       = 6
	DirectoryTLS         = 9
	DirectoryLoadConfig  = 10
	DirectoryCLR         = 14
)

// Range is a run of bytes in the file.
type Range struct {
	Offset, Size int64
}

// End returns the offset of the first byte after the range.
func (r Range) End() int64 { return r.Offset + r.Size }

// Section is one entry of the section table.
type Section struct {
	Name             string // without trailing zero bytes
	VirtualSize      uint32
	VirtualAddress   uint32
	SizeOfRawData    uint32 // bytes in the file, not limited to the file's real size
	PointerToRawData uint32 // offset in the file
	Characteristics  uint32
}

// Directory is one entry of the optional header's data directories. For all but the
// certificate table Address is a relative virtual address.
type Directory struct {
	Address, Size uint32
}

// Image describes a PE file. It holds no file contents.
type Image struct {
	Size     int64 // of the whole file
	PE32Plus bool  // PE32+ (64-bit) instead of PE32

	Machine         uint16
	Characteristics uint16
	TimeDateStamp   uint32

	SectionAlignment   uint32
	FileAlignment      uint32
	SizeOfHeaders      uint32
	SizeOfImage        uint32
	CheckSum           uint32
	Subsystem          uint16
	DLLCharacteristics uint16

	HeaderOffset      int64 // of the PE signature (e_lfanew)
	ChecksumOffset    int64 // of the 4-byte CheckSum field
	SecurityDirOffset int64 // of the 8-byte directory entry of the certificate table, which Windows reads also where NumberOfRvaAndSizes does not count it; 0 if the file is too short

	Directories []Directory
	Sections    []Section

	CertTable    Range         // zero size: the file has no certificate table
	Certificates []Certificate // entries of the table up to the first one that is damaged
	Overlay      Range         // bytes after the last section and before the certificate table

	optionalSize       int
	securityDir        Directory // at SecurityDirOffset, as it stands
	sectionTableOffset int64
	findings           []*FormatError
}

// FormatError says what is wrong with a file and where.
type FormatError struct {
	Offset  int64  // in the file, of the field
	Field   string // as the PE specification names it
	Problem string

	Effect Effect // what Windows makes of it
	Rule   string // the name of the LayoutRule that is broken; empty for faults of the certificate table itself
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("PE file: %s at offset 0x%x: %s", e.Field, e.Offset, e.Problem)
}

func formatError(offset int64, field, problem string, args ...any) *FormatError {
	return &FormatError{Offset: offset, Field: field, Problem: fmt.Sprintf(problem, args...)}
}

// HasSignature reports whether the file has a certificate table, whatever its state.
func (im *Image) HasSignature() bool { return im.CertTable.Size > 0 }

// ContentSize returns the number of bytes before the certificate table, or, in a file
// without one, the size that the file has after padding to the multiple of 8 on which a
// table must start.
func (im *Image) ContentSize() int64 {
	if im.HasSignature() {
		return min(im.CertTable.Offset, im.Size)
	}
	return roundUp(im.Size, tableAlignment)
}

// Findings returns everything about the file for which Windows does not see a
// signature, or would not write one, although the headers can be read: what breaks one
// of LayoutRules, a certificate table that is cut off, misaligned, or followed by other
// data, entries that do not fit. It is empty for a sound file.
func (im *Image) Findings() []*FormatError { return im.findings }

// Check returns the first of Findings that keeps us from changing the file, as an
// error, or nil: the certificate table is not what it should be, or bytes that belong
// to the program lie in it or beyond the end. Parse alone accepts such files, because a
// verifier has to describe them. What CheckLayout finds in addition can be signed, for
// others than Windows.
func (im *Image) Check() error {
	for _, f := range im.findings {
		switch f.Rule {
		case "", RuleTableAlignment, ruleSectionEnd, ruleFileSize:
			return f
		}
	}
	return nil
}

func (im *Image) find(offset int64, field, problem string, args ...any) {
	im.findings = append(im.findings, formatError(offset, field, problem, args...))
}

// findWith is find for what has another effect than that no signature is seen.
func (im *Image) findWith(e Effect, offset int64, field, problem string, args ...any) {
	im.find(offset, field, problem, args...)
	im.findings[len(im.findings)-1].Effect = e
}

func roundUp(n, to int64) int64 { return (n + to - 1) / to * to }

// readFull reads exactly len(p) bytes at off; a ReaderAt may report io.EOF together
// with the last byte.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}
