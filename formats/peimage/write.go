package peimage

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
)

// Patch replaces the bytes of a file from Offset on.
type Patch struct {
	Offset int64
	Data   []byte
}

// Edit describes how a file becomes another one: its first Keep bytes, then zero bytes
// up to Size, with Patches over them. All patches are inside Size.
type Edit struct {
	Keep    int64
	Size    int64
	Patches []Patch // ascending
}

// CertificateTable makes an attribute certificate table with one entry for each blob (a
// DER ContentInfo of PKCS#7 SignedData). The padding to a multiple of 8 is counted in
// dwLength, as Microsoft's signtool writes it.
func CertificateTable(blobs ...[]byte) []byte {
	var table []byte
	for _, b := range blobs {
		length := roundUp(int64(len(b))+certHeaderSize, tableAlignment)
		entry := make([]byte, length)
		binary.LittleEndian.PutUint32(entry, uint32(length))
		binary.LittleEndian.PutUint16(entry[4:], CertRevision2)
		binary.LittleEndian.PutUint16(entry[6:], CertTypePKCSSigned)
		copy(entry[certHeaderSize:], b)
		table = append(table, entry...)
	}
	return table
}

// Signed returns the edit that gives the file table as its certificate table, in place
// of any that it has, and the right CheckSum. d must come from a Digest of the same
// file with Request.Checksum. The file must pass Check, have a directory entry for the
// table and stay below 4 GiB.
func (im *Image) Signed(d *Digests, table []byte) (*Edit, error) {
	if err := im.Check(); err != nil {
		return nil, err
	}
	if err := im.checkTable(d, table); err != nil {
		return nil, err
	}
	at := im.ContentSize()
	entry := directoryEntry(Directory{Address: uint32(at), Size: uint32(len(table))})
	size := at + int64(len(table))
	sum := d.content.add(sumAt(entry, im.SecurityDirOffset)).add(sumAt(table, at)).checksum(size)
	return &Edit{Keep: min(at, im.Size), Size: size, Patches: []Patch{
		{im.ChecksumOffset, binary.LittleEndian.AppendUint32(nil, sum)},
		{im.SecurityDirOffset, entry},
		{at, table},
	}}, nil
}

func (im *Image) checkTable(d *Digests, table []byte) error {
	switch {
	case !d.hasChecksum:
		return fmt.Errorf("writing certificate table: the digests were made without Checksum")
	case len(im.Directories) <= DirectoryCertificate:
		return formatError(im.sectionTableOffset, "NumberOfRvaAndSizes",
			"is %d; a signature needs the certificate table's directory entry, at least 5", len(im.Directories))
	case len(table) == 0 || len(table)%tableAlignment != 0:
		return fmt.Errorf("writing certificate table: %d bytes are not a positive multiple of %d", len(table), tableAlignment)
	case im.ContentSize()+int64(len(table)) >= 1<<32:
		return formatError(im.ContentSize(), "certificate table", "the signed file would have 4 GiB or more")
	}
	return nil
}

// ApplyTo changes dst, which already holds the first Keep bytes of the file, for
// example from CopyTo. dst must hold nothing after them.
func (e *Edit) ApplyTo(dst io.WriterAt) error {
	end := e.Keep
	for _, p := range e.Patches {
		if p.Offset > end {
			if _, err := dst.WriteAt(make([]byte, p.Offset-end), end); err != nil {
				return fmt.Errorf("padding PE file: %w", err)
			}
		}
		if _, err := dst.WriteAt(p.Data, p.Offset); err != nil {
			return fmt.Errorf("writing PE file at offset 0x%x: %w", p.Offset, err)
		}
		end = max(end, p.Offset+int64(len(p.Data)))
	}
	return nil
}

// WriteTo reads src, the file that the edit was made for, and writes the changed file
// to w from start to end.
func (e *Edit) WriteTo(ctx context.Context, w io.Writer, src io.ReaderAt) error {
	buf := make([]byte, chunkSize)
	for off := int64(0); off < e.Size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := buf[:min(chunkSize, e.Size-off)]
		clear(b)
		if n := min(int64(len(b)), e.Keep-off); n > 0 {
			if err := readFull(src, b[:n], off); err != nil {
				return fmt.Errorf("reading PE file at offset 0x%x: %w", off, err)
			}
		}
		e.patch(b, off)
		if _, err := w.Write(b); err != nil {
			return fmt.Errorf("writing PE file: %w", err)
		}
		off += int64(len(b))
	}
	return nil
}

// patch applies what falls into b, which is at off.
func (e *Edit) patch(b []byte, off int64) {
	for _, p := range e.Patches {
		from, to := max(p.Offset, off), min(p.Offset+int64(len(p.Data)), off+int64(len(b)))
		if from < to {
			copy(b[from-off:to-off], p.Data[from-p.Offset:to-p.Offset])
		}
	}
}
