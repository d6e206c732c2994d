package authenticode

import (
	"bytes"
	"context"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/formats/printable"
)

// Inspection describes everything about the signatures of a file. It judges no trust: that is Verify. It renders as text (String)
// and as JSON.
type Inspection struct {
	Size       int64             `json:"size"`
	PE         *PEFacts          `json:"pe,omitempty"`      // nil for a PKCS#7 blob alone
	Digests    map[string]string `json:"digests,omitempty"` // Authentihash of the file by name of the hash, hexadecimal
	Table      []TableEntry      `json:"certificate_table,omitempty"`
	Signatures []SignatureFacts  `json:"signatures,omitempty"`
	Problems   []string          `json:"problems,omitempty"` // of the file as a whole
}

// PEFacts are the headers as far as they matter for signing and for policies.
type PEFacts struct {
	Machine            string    `json:"machine"`
	PE32Plus           bool      `json:"pe32_plus"`
	Subsystem          uint16    `json:"subsystem"`
	Characteristics    uint16    `json:"characteristics"`
	DLLCharacteristics uint16    `json:"dll_characteristics"`
	Linked             time.Time `json:"linked,omitzero"` // TimeDateStamp; a hash in reproducible builds
	Sections           []string  `json:"sections"`
	SizeOfHeaders      uint32    `json:"size_of_headers"`
	ContentSize        int64     `json:"content_size"` // bytes before the certificate table
	OverlaySize        int64     `json:"overlay_size"`
	ChecksumHeader     uint32    `json:"checksum_header"`
	ChecksumComputed   uint32    `json:"checksum_computed"`
	FirstPageSHA256    string    `json:"first_page_sha256,omitempty"`
}

// TableEntry is one entry of the certificate table.
type TableEntry struct {
	Offset   int64  `json:"offset"`
	Length   uint32 `json:"length"` // dwLength
	Revision uint16 `json:"revision"`
	Type     uint16 `json:"type"`
	Padding  int    `json:"padding"` // bytes in the entry after the PKCS#7
}

// Inspect describes the PE file of size bytes in r, which is read once. Damaged signatures are described as far as they can be read; an error means that
// r is not a PE file or cannot be read.
func Inspect(ctx context.Context, r io.ReaderAt, size int64) (*Inspection, error) {
	image, err := peimage.Parse(r, size)
	if err != nil {
		return nil, err
	}
	in := &Inspection{Size: size, PE: peFacts(image)}
	for _, f := range image.Findings() {
		in.Problems = append(in.Problems, f.Error())
	}
	for entry, c := range image.Certificates {
		data, err := c.Data(r)
		if err != nil {
			return nil, err
		}
		padding := in.walk(data, entry, 0)
		in.Table = append(in.Table, TableEntry{c.Offset, c.Length, c.Revision, c.Type, padding})
	}
	return in, in.compare(ctx, image, r)
}

// Inspect describes a block that stands alone, in DER or PEM, for example what
// [Extract] returns or a catalog.
func (p PKCS7) Inspect() (*Inspection, error) {
	der, err := withoutPEM(p)
	if err != nil {
		return nil, err
	}
	in := &Inspection{Size: int64(len(der))}
	if trailing := in.walk(der, 0, 0); trailing > 0 {
		in.Problems = append(in.Problems, fmt.Sprintf("%d bytes follow the PKCS#7", trailing))
	}
	return in, nil
}

// walk adds the signature in data and all that are nested in it. It returns how many bytes follow the signature in data.
func (in *Inspection) walk(data []byte, entry, depth int) (trailing int) {
	if len(in.Signatures) >= maxTreeSignatures || depth > maxTreeDepth {
		in.Problems = append(in.Problems, fmt.Sprintf("more than %d signatures, or nested deeper than %d: the rest is not described", maxTreeSignatures, maxTreeDepth))
		return 0
	}
	f := SignatureFacts{Index: len(in.Signatures), Entry: entry, Depth: depth, Size: len(data)}
	sd, err := cms.Parse(data)
	if err != nil {
		f.Problems = []string{err.Error()}
		in.Signatures = append(in.Signatures, f)
		return 0
	}
	f.Size -= sd.Trailing
	f.fill(sd)
	in.Signatures = append(in.Signatures, f)
	if len(sd.Signers) > 0 {
		for _, nested := range unsignedValues(&sd.Signers[0], cms.OIDNestedSignature) {
			in.walk(nested, entry, depth+1)
		}
	}
	return sd.Trailing
}

// compare reads the file with all hashes that the signatures use.
func (in *Inspection) compare(ctx context.Context, image *peimage.Image, r io.ReaderAt) error {
	q := peimage.Request{Authentihash: []crypto.Hash{crypto.SHA1, crypto.SHA256}, FirstPage: []crypto.Hash{crypto.SHA256}, Checksum: true}
	for _, s := range in.Signatures {
		if s.content != nil {
			q.Authentihash = append(q.Authentihash, s.content.hash)
			for h := range s.content.pageHashes {
				q.PageHashes = append(q.PageHashes, h)
			}
		}
	}
	d, err := image.Digest(ctx, r, q)
	if format := (*peimage.FormatError)(nil); errors.As(err, &format) { // no pages possible
		in.Problems = append(in.Problems, format.Error())
		q.FirstPage, q.PageHashes = nil, nil
		d, err = image.Digest(ctx, r, q)
	}
	if err != nil {
		return err
	}
	in.Digests = hexDigests(d.Authentihash)
	in.PE.ChecksumComputed = d.Checksum
	in.PE.FirstPageSHA256 = hex.EncodeToString(d.FirstPage[crypto.SHA256])
	for i := range in.Signatures {
		in.Signatures[i].compare(d)
	}
	return nil
}

func (s *SignatureFacts) compare(d *peimage.Digests) {
	if s.content == nil {
		return
	}
	fits := bytes.Equal(s.content.digest, d.Authentihash[s.content.hash])
	s.DigestFits = &fits
	for i, h := range slices.Sorted(pageHashKinds(s.content)) {
		fits := bytes.Equal(s.content.pageHashes[h], d.PageHashes[h])
		s.PageHashes[i].Fits = &fits
	}
}

// JSON renders the inspection, indented, with a newline at the end.
func (in *Inspection) JSON() ([]byte, error) {
	b, err := printable.JSON(in)
	return append(b, '\n'), err
}

var machineNames = map[uint16]string{
	peimage.Machine386: "386", peimage.MachineAMD64: "amd64", peimage.MachineARM64: "arm64", peimage.MachineARMNT: "arm", peimage.MachineIA64: "ia64",
}

func peFacts(im *peimage.Image) *PEFacts {
	f := &PEFacts{
		Machine: machineNames[im.Machine], PE32Plus: im.PE32Plus, Subsystem: im.Subsystem, Characteristics: im.Characteristics,
		DLLCharacteristics: im.DLLCharacteristics, SizeOfHeaders: im.SizeOfHeaders, ContentSize: im.ContentSize(),
		OverlaySize: im.Overlay.Size, ChecksumHeader: im.CheckSum,
	}
	if f.Machine == "" {
		f.Machine = fmt.Sprintf("0x%04x", im.Machine)
	}
	if im.TimeDateStamp != 0 {
		f.Linked = time.Unix(int64(im.TimeDateStamp), 0).UTC()
	}
	for _, s := range im.Sections {
		f.Sections = append(f.Sections, s.Name)
	}
	return f
}
