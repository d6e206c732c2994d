package peimage_test

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// refusals change a program so that Parse refuses it; want is in the error's text.
func TestParseRefuses(t *testing.T) {
	program := read(t, formatstest.GoProgram(t, "amd64"))
	h := headerOf(program)
	cases := map[string]struct {
		edit func(b []byte) []byte
		want string
	}{
		"empty":                      {func(b []byte) []byte { return nil }, "MS-DOS header"},
		"63 bytes":                   {func(b []byte) []byte { return b[:63] }, "MS-DOS header"},
		"ELF":                        {func(b []byte) []byte { copy(b, "\x7fELF"); return b }, "not with MZ"},
		"e_lfanew beyond the end":    {func(b []byte) []byte { le.PutUint32(b[60:], uint32(len(b)-23)); return b }, "PE header"},
		"e_lfanew of 4 GiB":          {func(b []byte) []byte { le.PutUint32(b[60:], 0xffffffff); return b }, "PE header"},
		"NE program":                 {func(b []byte) []byte { copy(b[h.coff-4:], "NE"); return b }, "PE signature"},
		"cut in the optional header": {func(b []byte) []byte { return b[:h.optional+20] }, "optional header"},
		"no optional header":         {func(b []byte) []byte { le.PutUint16(b[h.coff+16:], 0); return b }, "SizeOfOptionalHeader"},
		"short optional header":      {func(b []byte) []byte { le.PutUint16(b[h.coff+16:], 111); return b }, "SizeOfOptionalHeader"},
		"ROM image":                  {func(b []byte) []byte { le.PutUint16(b[h.optional:], 0x107); return b }, "Magic"},
		"more directories than fit":  {func(b []byte) []byte { le.PutUint16(b[h.coff+16:], 112+8*15); return b }, "NumberOfRvaAndSizes"},
		"cut in the section table":   {func(b []byte) []byte { return b[:h.tables+41] }, "section table"},
		"65535 sections":             {func(b []byte) []byte { le.PutUint16(b[h.coff+2:], 0xffff); return b[:100000] }, "section table"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := memory(c.edit(bytes.Clone(program)))
			_, err := peimage.Parse(&b, int64(len(b)))
			var format *peimage.FormatError
			if !errors.As(err, &format) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want a FormatError with %q", err, c.want)
			}
		})
	}
}

// TestCheckRefuses: files that can be described but not signed. What Microsoft's
// wintrust and signtool answer was measured on the same changes: TRUST_E_NOSIGNATURE,
// or ERROR_BAD_EXE_FORMAT when asked to sign.
func TestCheckRefuses(t *testing.T) {
	program := read(t, formatstest.GoProgram(t, "amd64"))
	good := sign(t, program, peimage.CertificateTable([]byte("0123456789"), []byte("second")))
	im := parse(t, good)
	dir, table := im.SecurityDirOffset, im.CertTable.Offset
	last := headerOf(good).section(headerOf(good).sections() - 1)
	cases := map[string]struct {
		edit   func(b []byte) []byte
		want   string
		effect peimage.Effect
	}{
		"one byte after the table":    {func(b []byte) []byte { return append(b, 0) }, "1 bytes follow it", peimage.Unseen},
		"eight bytes after the table": {func(b []byte) []byte { return append(b, make([]byte, 8)...) }, "8 bytes follow it", peimage.Unseen},
		"cut by one byte":             {func(b []byte) []byte { return b[:len(b)-1] }, "truncated", peimage.Unseen},
		"table in the headers":        {func(b []byte) []byte { le.PutUint32(b[dir:], 0x100); return b }, "inside the headers", peimage.Unseen},
		"table not aligned": {func(b []byte) []byte {
			le.PutUint32(b[dir:], uint32(table+4))
			return slices.Insert(b, int(table), 0, 0, 0, 0)
		}, "not on a multiple of 8", peimage.Unhashed},
		"size not a multiple of 8": {func(b []byte) []byte {
			le.PutUint32(b[dir+4:], uint32(int64(len(b))-table-1))
			le.PutUint32(b[table+24:], 15)
			return b[:len(b)-1]
		}, "not a multiple of 8", peimage.Unhashed},
		"dwLength 0":                {func(b []byte) []byte { le.PutUint32(b[table:], 0); return b }, "dwLength", peimage.Unseen},
		"dwLength 7":                {func(b []byte) []byte { le.PutUint32(b[table:], 7); return b }, "dwLength", peimage.Unseen},
		"dwLength beyond the table": {func(b []byte) []byte { le.PutUint32(b[table:], 0x1000); return b }, "dwLength", peimage.Unseen},
		"second entry damaged":      {func(b []byte) []byte { le.PutUint32(b[table+24:], 0); return b }, "dwLength", peimage.Ignored},
		"section beyond the end": {func(b []byte) []byte {
			le.PutUint32(last[16:], 0x100000)
			copy(b, good)
			le.PutUint32(last[16:], 0x200)
			return b
		}, "SizeOfRawData", peimage.Unseen},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			im := parse(t, c.edit(bytes.Clone(good)))
			err := im.Check()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("check: %v, want an error with %q", err, c.want)
			}
			if got := im.Findings()[0].Effect; got != c.effect {
				t.Errorf("effect %v", got)
			}
			d := &peimage.Digests{}
			if _, err := im.Signed(d, peimage.CertificateTable([]byte("x"))); err == nil {
				t.Error("it can be signed")
			}
		})
	}
}

func TestSignedRefuses(t *testing.T) {
	program := read(t, formatstest.GoProgram(t, "amd64"))
	table := peimage.CertificateTable([]byte("x"))
	cases := map[string]struct {
		file  []byte
		q     peimage.Request
		table []byte
		want  string
	}{
		"no checksum asked for": {program, peimage.Request{}, table, "without Checksum"},
		"no table":              {program, peimage.Request{Checksum: true}, nil, "multiple of 8"},
		"table of 9 bytes":      {program, peimage.Request{Checksum: true}, make([]byte, 9), "multiple of 8"},
		"four directories":      {fewerDirectories(bytes.Clone(program), 4), peimage.Request{Checksum: true}, table, "NumberOfRvaAndSizes"},
	}
	for name, c := range cases {
		if _, err := parse(t, c.file).Signed(digest(t, c.file, c.q), c.table); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// sparse is a file of any size that is a program first and zeros then.
type sparse struct {
	head []byte
}

func (s sparse) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	if off < int64(len(s.head)) {
		copy(p, s.head[off:])
	}
	return len(p), nil
}

func TestFourGigabytes(t *testing.T) {
	program := read(t, formatstest.GoProgram(t, "amd64"))
	for size, fits := range map[int64]bool{1<<32 - 4096: true, 1 << 32: false, 1 << 40: false} {
		im, err := peimage.Parse(sparse{program}, size)
		if err != nil {
			t.Fatal(err)
		}
		if got := im.Check() == nil; got != fits {
			t.Errorf("%d bytes: check says %v", size, im.Check())
		}
	}
}

func TestDigestNeedsAKnownHash(t *testing.T) {
	b := memory(read(t, formatstest.GoProgram(t, "amd64")))
	_, err := parse(t, b).Digest(context.Background(), &b, peimage.Request{Authentihash: []crypto.Hash{crypto.Hash(99)}})
	if err == nil {
		t.Error("hash 99 is accepted")
	}
}

// failing fails at an offset.
type failing struct {
	memory
	at int64
}

func (f *failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.at {
		return 0, errDisk
	}
	return f.memory.ReadAt(p, off)
}

var errDisk = errors.New("disk on fire")

func TestReadErrorsAreReported(t *testing.T) {
	program := read(t, formatstest.GoProgram(t, "amd64"))
	im := parse(t, program)
	q := peimage.Request{Authentihash: everyHash, Flat: everyHash, PageHashes: everyHash[1:3], Checksum: true}
	for _, at := range []int64{0, 300 << 10, 1 << 20, im.Size - 1} {
		if _, err := im.Digest(context.Background(), &failing{program, at}, q); !errors.Is(err, errDisk) {
			t.Errorf("failing at %d: error is %v", at, err)
		}
		var out memory
		if _, err := im.DigestAndCopy(context.Background(), &out, &failing{program, at}, q); !errors.Is(err, errDisk) {
			t.Errorf("copying, failing at %d: error is %v", at, err)
		}
	}
	short := memory(program[:1<<20])
	if _, err := im.Digest(context.Background(), &short, q); err == nil {
		t.Error("a file that shrinks while it is read goes unnoticed")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	b := memory(program)
	if _, err := im.Digest(ctx, &b, q); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancelling: %v", err)
	}
}
