package peimage_test

import (
	"context"
	"crypto"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// memory is an in-memory file: what tests read from and write to.
type memory []byte

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	return copy(p, (*m)[min(off, int64(len(*m))):]), nil
}

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	if end := off + int64(len(p)); end > int64(len(*m)) {
		*m = append(*m, make([]byte, end-int64(len(*m)))...)
	}
	return copy((*m)[off:], p), nil
}

func parse(t testing.TB, b []byte) *peimage.Image {
	t.Helper()
	m := memory(b)
	im, err := peimage.Parse(&m, int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func digest(t testing.TB, b []byte, q peimage.Request) *peimage.Digests {
	t.Helper()
	m := memory(b)
	d, err := parse(t, b).Digest(context.Background(), &m, q)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// notPE are samples that are something else: a 16-bit NE program and an ELF file.
var notPE = map[string]bool{"_setup.dll": true, "look": true}

// samplePaths are the real PE files at hand: of the saferwall/pe module (not its
// archives) and of the corpus.
func samplePaths(t testing.TB) []string {
	t.Helper()
	dir := formatstest.SaferwallSamples(t)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if filepath.Ext(e.Name()) == ".7z" || !e.Type().IsRegular() || notPE[e.Name()] {
			continue
		}
		paths = append(paths, path)
	}
	return paths
}

// embedded is what a signature says about the file it signs.
type embedded struct {
	hash       crypto.Hash
	digest     []byte
	pageHash   crypto.Hash
	pageHashes []byte
}

// Object identifiers of hashes and of page hash tables (WinTrust.h:
// SPC_PE_IMAGE_PAGE_HASHES_V1_OBJID, _V2_OBJID).
var (
	hashOIDs = map[string]crypto.Hash{
		"1.2.840.113549.2.5": crypto.MD5, "1.3.14.3.2.26": crypto.SHA1, "2.16.840.1.101.3.4.2.1": crypto.SHA256,
		"2.16.840.1.101.3.4.2.2": crypto.SHA384, "2.16.840.1.101.3.4.2.3": crypto.SHA512,
	}
	pageOIDs = map[string]crypto.Hash{
		"1.3.6.1.4.1.311.2.3.1": crypto.SHA1, "1.3.6.1.4.1.311.2.3.2": crypto.SHA256,
	}
)

// readEmbedded takes the SpcIndirectDataContent out of PKCS#7 with encoding/asn1 alone,
// independent of the project's own readers.
func readEmbedded(t testing.TB, p7 []byte) embedded {
	t.Helper()
	contentInfo := children(t, p7)
	signedData := children(t, children(t, contentInfo[1].FullBytes)[0].FullBytes)
	encapsulated := children(t, signedData[2].FullBytes)
	spc := children(t, children(t, encapsulated[1].FullBytes)[0].FullBytes)
	info := children(t, spc[1].FullBytes)
	var e embedded
	e.hash = hashOIDs[oid(t, children(t, info[0].FullBytes)[0])]
	e.digest = info[1].Bytes
	findPageHashes(spc[0].FullBytes, &e)
	return e
}

func children(t testing.TB, der []byte) []asn1.RawValue {
	t.Helper()
	vs, err := split(der)
	if err != nil {
		t.Fatalf("splitting DER: %v", err)
	}
	return vs
}

func split(der []byte) ([]asn1.RawValue, error) {
	var outer asn1.RawValue
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		return nil, err
	}
	var vs []asn1.RawValue
	for rest := outer.Bytes; len(rest) > 0; {
		var v asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &v); err != nil {
			return nil, err
		}
		vs = append(vs, v)
	}
	return vs, nil
}

func oid(t testing.TB, v asn1.RawValue) string {
	t.Helper()
	var id asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(v.FullBytes, &id); err != nil {
		t.Fatal(err)
	}
	return id.String()
}

// findPageHashes looks for SEQUENCE { page hash OID, SET { OCTET STRING } }; the table
// sits inside the OCTET STRING of a SpcSerializedObject.
func findPageHashes(der []byte, e *embedded) {
	vs, err := split(der)
	if err != nil {
		return
	}
	if len(vs) == 2 && vs[0].Tag == asn1.TagOID && vs[1].Tag == asn1.TagSet {
		var id asn1.ObjectIdentifier
		asn1.Unmarshal(vs[0].FullBytes, &id)
		if h := pageOIDs[id.String()]; h != 0 {
			set, _ := split(vs[1].FullBytes)
			e.pageHash, e.pageHashes = h, set[0].Bytes
			return
		}
	}
	for _, v := range vs {
		switch {
		case v.IsCompound:
			findPageHashes(v.FullBytes, e)
		case v.Tag == asn1.TagOctetString && len(v.Bytes) > 16:
			findPageHashes(v.Bytes, e)
		}
	}
}

func setChecksum(b []byte, im *peimage.Image, v uint32) {
	binary.LittleEndian.PutUint32(b[im.ChecksumOffset:], v)
}

func recordAt(b []byte, off int) []byte {
	if off >= len(b) {
		return nil
	}
	return b[off:min(len(b), off+36)]
}

func hex(b []byte) string { return fmt.Sprintf("%x", b) }
