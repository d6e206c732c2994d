package peimage_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/binary"
	"path/filepath"
	"testing"

	saferwall "github.com/saferwall/pe"

	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

var everyHash = []crypto.Hash{crypto.MD5, crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512}

// TestSignedSamples compares with what the files' own signatures say: Microsoft and
// others made them.
func TestSignedSamples(t *testing.T) {
	signed, withPages := 0, 0
	for _, path := range samplePaths(t) {
		b := read(t, path)
		im := parse(t, b)
		if !im.HasSignature() {
			continue
		}
		signed++
		t.Run(filepath.Base(path), func(t *testing.T) {
			if err := im.Check(); err != nil {
				t.Errorf("check: %v", err)
			}
			m := memory(b)
			p7, err := im.Certificates[0].Data(&m)
			if err != nil {
				t.Fatal(err)
			}
			e := readEmbedded(t, p7)
			q := peimage.Request{Authentihash: []crypto.Hash{e.hash}, Checksum: true}
			if e.pageHashes != nil {
				withPages++
				q.PageHashes = []crypto.Hash{e.pageHash}
			}
			d := digest(t, b, q)
			tampered := filepath.Base(path) == "putty_modified.exe"
			if got := bytes.Equal(d.Authentihash[e.hash], e.digest); got == tampered {
				t.Errorf("Authentihash %x, the signature says %x", d.Authentihash[e.hash], e.digest)
			}
			if e.pageHashes != nil && !bytes.Equal(d.PageHashes[e.pageHash], e.pageHashes) {
				t.Errorf("page hashes differ from the signature's")
			}
			if d.Checksum != im.CheckSum && !tampered {
				t.Errorf("checksum %08x, the file says %08x", d.Checksum, im.CheckSum)
			}
		})
	}
	if signed < 10 || withPages < 1 {
		t.Errorf("%d signed samples, %d with page hashes: too few to prove anything", signed, withPages)
	}
}

// TestAgainstSaferwall compares with an independent reader. Its hash lacks the padding
// of unsigned files whose size is not a multiple of 8; there the padded file is hashed.
func TestAgainstSaferwall(t *testing.T) {
	paths := append(samplePaths(t), formatstest.GoProgram(t, "amd64"), formatstest.GoProgram(t, "arm64"), formatstest.GoProgram(t, "386"))
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			b := read(t, path)
			im := parse(t, b)
			padded := append(bytes.Clone(b), make([]byte, im.ContentSize()-min(im.Size, im.ContentSize()))...)
			f, err := saferwall.NewBytes(padded, &saferwall.Options{Fast: true, DisableCertValidation: true})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := f.Parse(); err != nil {
				t.Skipf("the other reader refuses the file: %v", err)
			}
			d := digest(t, b, peimage.Request{Authentihash: everyHash, Checksum: true})
			for _, h := range everyHash {
				if got := f.AuthentihashExt(h.New()); len(got) != 1 || !bytes.Equal(got[0], d.Authentihash[h]) {
					t.Errorf("%v: ours %x, theirs %x", h, d.Authentihash[h], got)
				}
			}
			if len(padded) == len(b) && f.Checksum() != d.Checksum {
				t.Errorf("checksum: ours %08x, theirs %08x", d.Checksum, f.Checksum())
			}
		})
	}
}

// TestRoundTrip puts a table on, and takes it off, every sample.
func TestRoundTrip(t *testing.T) {
	table := peimage.CertificateTable([]byte("not PKCS#7, but as good for the layout"), []byte("second entry"))
	for _, path := range append(samplePaths(t), formatstest.GoProgram(t, "amd64")) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			b := read(t, path)
			if im := parse(t, b); im.Check() != nil || im.SecurityDirOffset == 0 {
				t.Skip("cannot be signed")
			}
			signed := sign(t, b, table)
			checkSigned(t, b, signed, table)
			bare := strip(t, signed, peimage.StripOptions{Checksum: peimage.ChecksumZero})
			want := bytes.Clone(b[:parse(t, signed).ContentSize()])
			im := parse(t, b)
			setChecksum(want, im, 0)
			binary.LittleEndian.PutUint64(want[im.SecurityDirOffset:], 0)
			if !bytes.Equal(bare, want) {
				t.Error("stripped file differs from the unsigned one")
			}
		})
	}
}

func sign(t testing.TB, b, table []byte) []byte {
	t.Helper()
	src := memory(b)
	im := parse(t, b)
	var copied memory
	d, err := im.DigestAndCopy(context.Background(), &copied, &src, peimage.Request{Checksum: true})
	if err != nil {
		t.Fatal(err)
	}
	e, err := im.Signed(d, table)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.ApplyTo(&copied); err != nil {
		t.Fatal(err)
	}
	var streamed bytes.Buffer
	if err := e.WriteTo(context.Background(), &streamed, &src); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(copied, streamed.Bytes()) {
		t.Error("ApplyTo and WriteTo give different files")
	}
	return copied
}

func checkSigned(t testing.TB, unsigned, signed, table []byte) {
	t.Helper()
	im := parse(t, signed)
	if err := im.Check(); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(signed, table) || im.CertTable.Size != int64(len(table)) || len(im.Certificates) != 2 {
		t.Errorf("certificate table is %+v with %d entries", im.CertTable, len(im.Certificates))
	}
	q := peimage.Request{Authentihash: []crypto.Hash{crypto.SHA256}, FirstPage: []crypto.Hash{crypto.SHA256}, Checksum: true}
	before, after := digest(t, unsigned, q), digest(t, signed, q)
	if !bytes.Equal(before.Authentihash[crypto.SHA256], after.Authentihash[crypto.SHA256]) {
		t.Error("Authentihash changes by signing")
	}
	if !bytes.Equal(before.FirstPage[crypto.SHA256], after.FirstPage[crypto.SHA256]) {
		t.Error("first page hash changes by signing")
	}
	if after.Checksum != im.CheckSum {
		t.Errorf("CheckSum written %08x, right is %08x", im.CheckSum, after.Checksum)
	}
}

func strip(t testing.TB, b []byte, o peimage.StripOptions) []byte {
	t.Helper()
	src := memory(b)
	e, err := parse(t, b).Unsigned(context.Background(), &src, o)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := e.WriteTo(context.Background(), &out, &src); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
