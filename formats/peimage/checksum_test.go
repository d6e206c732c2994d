package peimage_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// plainChecksum is the PE checksum as its definition says: 16-bit words added with
// end-around carry, CheckSum taken as zero, plus the size.
func plainChecksum(b []byte, field int64) uint32 {
	b = bytes.Clone(b)
	clear(b[field : field+4])
	size := len(b)
	if size%2 == 1 {
		b = append(b, 0)
	}
	sum := uint32(0)
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.LittleEndian.Uint16(b[i:]))
		sum = sum&0xffff + sum>>16
	}
	return sum + uint32(size)
}

func TestChecksumByDefinition(t *testing.T) {
	cases := variants(t)
	for _, extra := range []int{1, 2, 3, 5, 7, 31, 128<<10 - 1} {
		name := "overlay of " + string(rune('0'+extra%10))
		cases[name] = append(bytes.Clone(cases["as linked"]), bytes.Repeat([]byte{0xff}, extra)...)
	}
	cases["tiny"] = tiny()
	cases["odd header offset"] = oddHeader(tiny())
	ones := append(tiny(), bytes.Repeat([]byte{0xff}, 300<<10)...)
	cases["nothing but ones"] = ones
	for name, b := range cases {
		t.Run(name, func(t *testing.T) {
			im := parse(t, b)
			want := plainChecksum(b, im.ChecksumOffset)
			if got := digest(t, b, peimage.Request{Checksum: true}).Checksum; got != want {
				t.Errorf("%08x, by definition %08x", got, want)
			}
			signed, err := trySign(b, peimage.CertificateTable(bytes.Repeat([]byte{0xfe}, 1001)))
			if err != nil {
				t.Fatal(err)
			}
			im = parse(t, signed)
			if want := plainChecksum(signed, im.ChecksumOffset); im.CheckSum != want {
				t.Errorf("signed: %08x, by definition %08x", im.CheckSum, want)
			}
		})
	}
}

// oddHeader moves the PE header by one byte, so that CheckSum straddles two words. No
// linker does it.
func oddHeader(b []byte) []byte {
	copy(b[65:], bytes.Clone(b[64:len(b)-1]))
	le.PutUint32(b[60:], 65)
	return b
}

// TestStripPolicies signs and strips files of which it is known what their linker left in CheckSum.
func TestStripPolicies(t *testing.T) {
	program := read(t, formatstest.GoProgram(t, "amd64"))
	optional := headerOf(program).optional
	other := bytes.Clone(program)
	other[optional+2] = 14 // linker version: not Go's
	right := bytes.Clone(other)
	setChecksum(right, parse(t, right), plainChecksum(right, parse(t, right).ChecksumOffset))
	wrong := bytes.Clone(other)
	setChecksum(wrong, parse(t, wrong), 0x12345678)
	cases := map[string]struct {
		unsigned []byte
		change   func(signed []byte) // after signing, as another signing tool would have left it
		o        peimage.StripOptions
		same     bool
	}{
		"Go":                              {program, nil, peimage.StripOptions{}, true},
		"right sum":                       {right, nil, peimage.StripOptions{}, true},
		"no sum":                          {other, nil, peimage.StripOptions{}, false},
		"no sum, zero asked for":          {other, nil, peimage.StripOptions{Checksum: peimage.ChecksumZero}, true},
		"right sum, computed asked for":   {right, nil, peimage.StripOptions{Checksum: peimage.ChecksumComputed}, true},
		"tool that leaves sum 0":          {other, func(b []byte) { setChecksum(b, parse(t, b), 0) }, peimage.StripOptions{}, true},
		"tool that leaves the right sum":  {right, func(b []byte) { setChecksum(b, parse(t, b), parse(t, right).CheckSum) }, peimage.StripOptions{}, true},
		"tool that leaves a wrong sum":    {wrong, func(b []byte) { setChecksum(b, parse(t, b), 0x12345678) }, peimage.StripOptions{}, true},
		"wrong sum, kept as it is signed": {wrong, nil, peimage.StripOptions{Checksum: peimage.ChecksumKeep}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			signed := sign(t, c.unsigned, peimage.CertificateTable([]byte("x")))
			if c.change != nil {
				c.change(signed)
			}
			if got := bytes.Equal(strip(t, signed, c.o), c.unsigned); got != c.same {
				t.Errorf("same bytes: %v, want %v", got, c.same)
			}
		})
	}
}

func TestStripPadding(t *testing.T) {
	program := append(read(t, formatstest.GoProgram(t, "amd64")), "odd"...)
	signed := memory(sign(t, program, peimage.CertificateTable([]byte("x"))))
	im := parse(t, signed)
	for size, ok := range map[int64]bool{
		0: true, int64(len(program)): true, int64(len(program)) + 1: true, im.ContentSize(): true,
		int64(len(program)) - 1: false, // cuts off the d of odd
		im.ContentSize() - 8:    false, im.ContentSize() + 1: false, 1: false,
	} {
		e, err := im.Unsigned(context.Background(), &signed, peimage.StripOptions{Size: size})
		if (err == nil) != ok {
			t.Errorf("original size %d: %v", size, err)
		}
		if err == nil && size != 0 && e.Size != size {
			t.Errorf("original size %d: gives %d bytes", size, e.Size)
		}
	}
	if _, err := im.Unsigned(context.Background(), &signed, peimage.StripOptions{Checksum: 99}); err == nil {
		t.Error("checksum policy 99 is accepted")
	}
	bare := memory(program)
	if _, err := parse(t, bare).Unsigned(context.Background(), &bare, peimage.StripOptions{}); err == nil {
		t.Error("a file without table is stripped")
	}
}

// TestCopyBetweenFiles: the kernel copies from file to file, and all other ways give
// the same bytes.
func TestCopyBetweenFiles(t *testing.T) {
	b := append(read(t, formatstest.GoProgram(t, "amd64")), "odd"...)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "src"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := os.Open(filepath.Join(dir, "src"))
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dst, err := os.Create(filepath.Join(dir, "dst"))
	if err != nil {
		t.Fatal(err)
	}
	defer dst.Close()
	im := parse(t, b)
	d, err := im.DigestAndCopy(context.Background(), dst, src, peimage.Request{Checksum: true})
	if err != nil {
		t.Fatal(err)
	}
	e, err := im.Signed(d, peimage.CertificateTable([]byte("x"), []byte("y")))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.ApplyTo(dst); err != nil {
		t.Fatal(err)
	}
	if want := sign(t, b, peimage.CertificateTable([]byte("x"), []byte("y"))); !bytes.Equal(read(t, dst.Name()), want) {
		t.Error("copied from file to file the signed file differs")
	}
	readOnly, err := os.Open(dst.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer readOnly.Close()
	if err := e.CopyTo(context.Background(), readOnly, src); err == nil {
		t.Error("writing to a file opened for reading succeeds")
	}
}
