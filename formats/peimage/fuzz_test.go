package peimage_test

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"os"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// FuzzParse: whatever the bytes are, nothing panics, a file that passes Check can be
// signed, and the result is as it should be.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"jsign/fuzz/*", "jsign/*.exe", "relic/*"} {
		for _, path := range formatstest.CorpusFiles(f, pattern) {
			b, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b[:min(len(b), 64<<10)])
		}
	}
	for _, b := range variants(f) {
		f.Add(b[:4096])
	}
	f.Add(tiny())
	f.Add(sectionAtZero())
	signed, _ := trySign(tiny(), peimage.CertificateTable([]byte("x"), []byte("y")))
	f.Add(signed)
	f.Fuzz(func(t *testing.T, b []byte) {
		m := memory(b)
		im, err := peimage.Parse(&m, int64(len(b)))
		if err != nil {
			return
		}
		hashes := []crypto.Hash{crypto.SHA256}
		d, err := im.Digest(context.Background(), &m, peimage.Request{Authentihash: hashes, Flat: hashes, Checksum: true})
		if err != nil {
			t.Fatalf("digest: %v", err)
		}
		if table, err := im.Digest(context.Background(), &m, peimage.Request{PageHashes: hashes, FirstPage: hashes}); err == nil {
			if n := len(table.PageHashes[crypto.SHA256]); n > 36*(len(b)/peimage.PageSize+len(im.Sections)+3) {
				t.Fatalf("page hash table of %d bytes for a file of %d", n, len(b))
			}
		}
		for _, c := range im.Certificates {
			if _, err := c.Data(&m); err != nil {
				t.Fatalf("certificate data: %v", err)
			}
		}
		if im.Check() != nil || im.SecurityDirOffset == 0 {
			return
		}
		signed, err := trySign(b, peimage.CertificateTable([]byte("fuzz")))
		if fe := (*peimage.FormatError)(nil); errors.As(err, &fe) && fe.Field == "NumberOfRvaAndSizes" {
			return // no room for the directory entry of a signature
		}
		if err != nil {
			t.Fatalf("signing a file that passes Check: %v", err)
		}
		ms := memory(signed)
		again, err := peimage.Parse(&ms, int64(len(signed)))
		if err != nil || again.Check() != nil || len(again.Certificates) != 1 {
			t.Fatalf("the signed file: %v, %v", err, again)
		}
		after, err := again.Digest(context.Background(), &ms, peimage.Request{Authentihash: hashes, Checksum: true})
		if err != nil || after.Checksum != again.CheckSum || !bytes.Equal(after.Authentihash[crypto.SHA256], d.Authentihash[crypto.SHA256]) {
			t.Fatalf("the signed file has another Authentihash or checksum: %v", err)
		}
	})
}

// tiny is the smallest image that can be signed: headers only.
func tiny() []byte {
	b := make([]byte, 0x180)
	copy(b, "MZ")
	le.PutUint32(b[60:], 64)
	copy(b[64:], "PE\x00\x00")
	le.PutUint16(b[68:], peimage.MachineAMD64)
	le.PutUint16(b[84:], 112+8*5)
	le.PutUint16(b[88:], 0x20b)
	le.PutUint32(b[88+60:], 0x180)
	le.PutUint32(b[88+108:], 5)
	return b
}

// sectionAtZero is tiny with a section whose data is the headers.
func sectionAtZero() []byte {
	b := tiny()
	le.PutUint16(b[70:], 1)
	le.PutUint32(b[88+112+8*5+16:], 0x180)
	return b
}

func trySign(b, table []byte) ([]byte, error) {
	src := memory(b)
	im, err := peimage.Parse(&src, int64(len(b)))
	if err != nil {
		return nil, err
	}
	d, err := im.Digest(context.Background(), &src, peimage.Request{Checksum: true})
	if err != nil {
		return nil, err
	}
	e, err := im.Signed(d, table)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = e.WriteTo(context.Background(), &out, &src)
	return out.Bytes(), err
}
