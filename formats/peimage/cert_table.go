package peimage

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Fields of a WIN_CERTIFICATE (PE Format, "The Attribute Certificate Table").
const (
	certHeaderSize = 8

	CertRevision1        = 0x0100 // WIN_CERT_REVISION_1_0, legacy
	CertRevision2        = 0x0200 // WIN_CERT_REVISION_2_0, the one in use
	CertTypePKCSSigned   = 0x0002 // WIN_CERT_TYPE_PKCS_SIGNED_DATA
	MaxCertificateBytes  = 64 << 20
	maxCertificatesCount = 1024
)

// Certificate is one entry of the attribute certificate table, a WIN_CERTIFICATE.
type Certificate struct {
	Offset   int64  // of the entry's header
	Length   uint32 // dwLength: header (8 bytes) and data, without the padding to a multiple of 8
	Revision uint16
	Type     uint16
}

// Data reads what the entry holds, Length-8 bytes: for CertTypePKCSSigned a PKCS#7
// SignedData, possibly followed by padding. An entry of more than MaxCertificateBytes
// is refused.
func (c Certificate) Data(r io.ReaderAt) ([]byte, error) {
	if c.Length < certHeaderSize {
		return nil, formatError(c.Offset, "dwLength", "is %d, less than its own header", c.Length)
	}
	if c.Length > MaxCertificateBytes {
		return nil, formatError(c.Offset, "dwLength", "is %d, more than %d are not read", c.Length, MaxCertificateBytes)
	}
	b := make([]byte, c.Length-certHeaderSize)
	if err := readFull(r, b, c.Offset+certHeaderSize); err != nil {
		return nil, fmt.Errorf("reading certificate table entry at offset 0x%x: %w", c.Offset, err)
	}
	return b, nil
}

// Entry returns the entry as it stands in a table: header, data (what Data has read),
// and zero bytes up to a multiple of 8.
func (c Certificate) Entry(data []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, c.Length)
	b = binary.LittleEndian.AppendUint16(b, c.Revision)
	b = binary.LittleEndian.AppendUint16(b, c.Type)
	b = append(b, data...)
	return append(b, make([]byte, roundUp(int64(len(b)), tableAlignment)-int64(len(b)))...)
}

// certificateTable follows directory 4. Whatever is wrong with the table is a finding,
// so that the file can still be described.
func (p *parser) certificateTable() error {
	im := p.im
	at := im.SecurityDirOffset
	if at == 0 {
		return nil
	}
	b, err := p.read(at, directoryEntrySize, "certificate table directory")
	if err != nil {
		return err
	}
	le := binary.LittleEndian
	im.securityDir = Directory{le.Uint32(b), le.Uint32(b[4:])}
	table := Range{Offset: int64(im.securityDir.Address), Size: int64(im.securityDir.Size)}
	if table.Size == 0 || table.Offset == 0 || p.noTable {
		return nil // with one half set the file is unsigned too, for Windows' verifier and signer alike
	}
	im.CertTable = table
	note := ""
	if n := len(im.Directories); n <= DirectoryCertificate {
		note = fmt.Sprintf(" (NumberOfRvaAndSizes is %d, but Windows reads the entry all the same)", n)
	}
	switch {
	case table.Offset < im.sectionTableEnd():
		im.find(at, "certificate table directory", "starts at 0x%x, inside the headers%s", table.Offset, note)
		return nil
	case table.End() > im.Size:
		im.find(at, "certificate table directory", "ends at 0x%x, the file ends at 0x%x: truncated%s", table.End(), im.Size, note)
		return nil
	}
	if table.End() < im.Size {
		im.find(table.End(), "certificate table", "%d bytes follow it; it must end the file", im.Size-table.End())
	}
	return p.certificateEntries(table)
}

func (p *parser) certificateEntries(table Range) error {
	im := p.im
	for off := table.Offset; off < table.End(); {
		left := table.End() - off
		if left < certHeaderSize {
			im.findEntry(off, "WIN_CERTIFICATE", "%d bytes are left in the table, a header needs %d", left, certHeaderSize)
			return nil
		}
		b, err := p.read(off, certHeaderSize, "WIN_CERTIFICATE")
		if err != nil {
			return err
		}
		le := binary.LittleEndian
		c := Certificate{Offset: off, Length: le.Uint32(b), Revision: le.Uint16(b[4:]), Type: le.Uint16(b[6:])}
		if c.Length < certHeaderSize || int64(c.Length) > left {
			im.findEntry(off, "dwLength", "is %d, between %d and the %d bytes left in the table are possible", c.Length, certHeaderSize, left)
			return nil
		}
		if len(im.Certificates) == maxCertificatesCount {
			im.findEntry(off, "WIN_CERTIFICATE", "more than %d entries", maxCertificatesCount)
			return nil
		}
		im.Certificates = append(im.Certificates, c)
		off += roundUp(int64(c.Length), tableAlignment)
	}
	return nil
}

// findEntry is find for the next entry of the table.
func (im *Image) findEntry(offset int64, field, problem string, args ...any) {
	e := Unseen
	if len(im.Certificates) > 0 {
		e = Ignored
	}
	im.findWith(e, offset, field, problem, args...)
}
