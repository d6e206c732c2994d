package peimage

import "math"

// Effect says what Windows makes of a fault.
type Effect uint8

const (
	// Unseen: Windows' verifier sees no signature in such a file (TRUST_E_NOSIGNATURE).
	Unseen Effect = iota
	// Unhashed: it sees the signature and refuses to hash the file (TRUST_E_BAD_DIGEST).
	Unhashed
	// Ignored: it does not look, because the fault concerns an entry after the first
	// one of the certificate table.
	Ignored
)

// LayoutRule is one of the conditions on which Windows' verifier takes a PE file at
// all. Its signer refuses a file that breaks one of them, whether it is signed already
// or not (signtool: 0x800700C1, "not a valid Win32 application"). Most programs that
// break one still run, and UEFI firmware, which has a reader of its own, takes them.
type LayoutRule struct {
	Name   string // stable, lower case
	Effect Effect
	// Wants is what Windows wants, in the words of PE Format.
	Wants string
	// Link says how to get it from a linker; may be empty.
	Link string

	check func(*Image, func(offset int64, field, problem string, args ...any))
}

// Names of rules that are asked for.
const (
	RuleTableAlignment = "table-alignment"

	ruleFileSize   = "file-size"
	ruleSectionEnd = "section-end"
)

// LayoutRules returns the conditions, in the order in which Windows looks at them. They
// were measured with wintrust.dll and signtool.exe 10.0.15063, by setting every field
// of a header to some fifty values and pairs of fields to values at random;
// differential_test.go in formats/authenticode does it again. Names of fields are those
// of PE Format (https://learn.microsoft.com/windows/win32/debug/pe-format).
func LayoutRules() []LayoutRule {
	return []LayoutRule{
		{ruleFileSize, Unseen, "a file below 4 GiB", "", (*Image).checkSize},
		{"e_lfanew", Unseen, "e_lfanew of at least 64, the size of the MS-DOS header, and more than 264 bytes after it", "", (*Image).checkHeader},
		{"section-start", Unseen, "each section to start at 0, or after the section table", "leave room for the headers: the linker's defaults do", (*Image).checkSectionStarts},
		{ruleSectionEnd, Unseen, "each section to end inside the file, and before the certificate table", "", (*Image).checkSectionEnds},
		{RuleTableAlignment, Unhashed, "the certificate table to start at a multiple of 8 and to be a multiple of 8 long", "", (*Image).checkTableAlignment},
		{"optional-header", Unhashed, "SizeOfOptionalHeader to be a multiple of 8", "", (*Image).checkOptionalHeader},
		{"headers", Unhashed, "SizeOfHeaders above 0, inside the file, and before the certificate table", "", (*Image).checkHeaders},
		{"alignment", Unhashed, "FileAlignment and SectionAlignment to be powers of two, and equal or FileAlignment at least 512 and not above SectionAlignment",
			"--file-alignment=512 (GNU ld, -Wl,… for gcc), /FILEALIGN:512 (link.exe, lld-link)", (*Image).checkAlignment},
	}
}

// checkLayout adds what breaks a rule to the findings: first those for which no signature is seen.
func (im *Image) checkLayout() {
	for _, r := range LayoutRules() {
		r.check(im, func(offset int64, field, problem string, args ...any) {
			f := formatError(offset, field, problem, args...)
			f.Effect, f.Rule = r.Effect, r.Name
			im.findings = append(im.findings, f)
		})
	}
}

// CheckLayout returns the first of Findings that breaks one of LayoutRules, or nil.
// Call it before signing a program that is to run on Windows.
func (im *Image) CheckLayout() error {
	for _, f := range im.findings {
		if f.Rule != "" {
			return f
		}
	}
	return nil
}

// Advice says what Windows wants instead and how to get it; empty for faults that break
// no LayoutRule.
func (e *FormatError) Advice() string {
	for _, r := range LayoutRules() {
		if r.Name != e.Rule {
			continue
		}
		if r.Link == "" {
			return "Windows wants " + r.Wants
		}
		return "Windows wants " + r.Wants + "; to link such a program: " + r.Link
	}
	return ""
}

type report = func(offset int64, field, problem string, args ...any)

// MaxSize is the size from which on Windows takes no file: the 32-bit offsets of the
// directory entry cannot address more.
const MaxSize = math.MaxUint32

func (im *Image) checkSize(find report) {
	if im.Size >= MaxSize {
		find(0, "file size", "is %d bytes; Windows signs and verifies files below 4 GiB only", im.Size)
	}
}

// ntHeadersSize is that of IMAGE_NT_HEADERS64 with all 16 directories, which Windows
// reads whatever the header says.
const ntHeadersSize = 264

func (im *Image) checkHeader(find report) {
	if im.HeaderOffset < dosHeaderSize || im.Size-im.HeaderOffset <= ntHeadersSize {
		find(60, "e_lfanew", "is 0x%x in a file of 0x%x bytes", im.HeaderOffset, im.Size)
	}
}

func (im *Image) checkSectionStarts(find report) {
	for i, s := range im.Sections {
		if at := int64(s.PointerToRawData); at != 0 && at < im.sectionTableEnd() {
			find(im.sectionHeader(i)+20, "PointerToRawData of section "+s.Name, "is 0x%x, inside the headers, which end at 0x%x", at, im.sectionTableEnd())
		}
	}
}

func (im *Image) checkSectionEnds(find report) {
	for i, s := range im.Sections {
		field := "SizeOfRawData of section " + s.Name
		switch end := int64(s.PointerToRawData) + int64(s.SizeOfRawData); {
		case end > im.Size:
			find(im.sectionHeader(i)+16, field, "ends at 0x%x, the file ends at 0x%x", end, im.Size)
		case im.HasSignature() && end > im.CertTable.Offset && s.SizeOfRawData != 0:
			find(im.sectionHeader(i)+16, field, "ends at 0x%x, inside the certificate table at 0x%x", end, im.CertTable.Offset)
		case uint64(s.SizeOfRawData)+uint64(im.SectionAlignment) > math.MaxUint32+1:
			find(im.sectionHeader(i)+16, field, "is 0x%x: more than 4 GiB when rounded up to SectionAlignment 0x%x", s.SizeOfRawData, im.SectionAlignment)
		}
	}
}

func (im *Image) checkTableAlignment(find report) {
	t, at := im.CertTable, im.SecurityDirOffset
	if t.Offset%tableAlignment != 0 {
		find(at, "certificate table directory", "starts at 0x%x, not on a multiple of 8", t.Offset)
	}
	if t.Size%tableAlignment != 0 {
		find(at+4, "certificate table directory", "has %d bytes, not a multiple of 8", t.Size)
	}
}

func (im *Image) checkOptionalHeader(find report) {
	if im.optionalSize%8 != 0 {
		find(im.HeaderOffset+peSignatureSize+16, "SizeOfOptionalHeader", "is %d, not a multiple of 8", im.optionalSize)
	}
}

func (im *Image) checkHeaders(find report) {
	at, n := im.ChecksumOffset-4, int64(im.SizeOfHeaders)
	switch {
	case n == 0:
		find(at, "SizeOfHeaders", "is 0")
	case n >= im.Size:
		find(at, "SizeOfHeaders", "is 0x%x, the file ends at 0x%x", n, im.Size)
	case im.HasSignature() && n > im.CertTable.Offset:
		find(at, "SizeOfHeaders", "is 0x%x, inside the certificate table at 0x%x", n, im.CertTable.Offset)
	}
}

func (im *Image) checkAlignment(find report) {
	file, section := im.FileAlignment, im.SectionAlignment
	if powerOfTwo(file) && powerOfTwo(section) && (file == section || file >= 512 && file < section) {
		return
	}
	find(im.ChecksumOffset-optCheckSum+optFileAlignment, "FileAlignment", "is 0x%x with SectionAlignment 0x%x", file, section)
}

func powerOfTwo(n uint32) bool { return n != 0 && n&(n-1) == 0 }
