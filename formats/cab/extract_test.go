package cab

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// pack makes a cabinet with gcab, which we did not write.
func pack(t testing.TB, args []string, files map[string][]byte) []byte {
	t.Helper()
	dir := t.TempDir()
	all := append([]string{"-c", "-n"}, args...)
	all = append(all, filepath.Join(dir, "out.cab"))
	for name, b := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		all = append(all, path)
	}
	formatstest.MustRun(t, "gcab", all...)
	b, err := os.ReadFile(filepath.Join(dir, "out.cab"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// text compresses, also over the border of a block, and noise does not.
func text(n int) []byte {
	return bytes.Repeat([]byte("the quick brown fox jumps over the lazy dog, "), n/45+1)[:n]
}

func noise(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

const maxTest = 1 << 20

func extract(b []byte, name string) ([]byte, error) {
	c, err := Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	return c.Extract(name, maxTest)
}

func TestExtract(t *testing.T) {
	formatstest.Tool(t, "gcab")
	files := map[string][]byte{"a.stl": text(200_000), "b.stl": noise(100_000), "c.stl": {}, "d.stl": text(1)}
	for name, args := range map[string][]string{"MSZIP": {"-z"}, "stored": nil} {
		cab := pack(t, args, files)
		for file, want := range files {
			if got, err := extract(cab, file); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s, %s: %d bytes, want %d: %v", name, file, len(got), len(want), err)
			}
		}
		if _, err := extract(cab, "e.stl"); err == nil || !strings.Contains(err.Error(), "there is no e.stl") {
			t.Errorf("%s: a file that is not there: %v", name, err)
		}
		for n := range 400 { // every cut through the headers, and some through the data
			if got, err := extract(cab[:min(n, len(cab)-1)], "b.stl"); err == nil {
				t.Errorf("%s: cut off after %d bytes it gives %d bytes", name, n, len(got))
			}
		}
		if _, err := extract(cab[:len(cab)-1], "a.stl"); err == nil {
			t.Errorf("%s: cut off at the end", name)
		}
	}
}

func FuzzExtract(f *testing.F) {
	f.Add([]byte("MSCF"))
	if _, err := os.Stat("/usr/bin/gcab"); err == nil {
		f.Add(pack(f, []string{"-z"}, map[string][]byte{"a": text(70_000)}))
		f.Add(pack(f, nil, map[string][]byte{"a": text(50)}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := extract(b, "a"); err == nil && len(got) > maxTest {
			t.Errorf("%d bytes", len(got))
		}
	})
}

// checksum is that of a block ([MS-CAB] section 3.1): words joined by exclusive or, the
// last bytes the other way round.
func checksum(b []byte) uint32 {
	var sum, last uint32
	for ; len(b) >= 4; b = b[4:] {
		sum ^= binary.LittleEndian.Uint32(b)
	}
	for _, x := range b {
		last = last<<8 | uint32(x)
	}
	return sum ^ last
}

// TestExtractWindow: MSZIP blocks refer to what is before them in the folder, which
// gcab reads and does not write. It judges the cabinet that is made here by hand.
func TestExtractWindow(t *testing.T) {
	formatstest.Tool(t, "gcab")
	first := noise(maxBlock)
	want := append(bytes.Clone(first), first[1000:9000]...) // one match long ago, which compresses only with the window
	le := binary.LittleEndian
	var blocks []byte
	for at := 0; at < len(want); at += maxBlock {
		part := want[at:min(at+maxBlock, len(want))]
		var z bytes.Buffer
		z.WriteString("CK")
		w, err := flate.NewWriterDict(&z, 9, want[max(0, at-maxBlock):at])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(part); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		sizes := le.AppendUint16(le.AppendUint16(nil, uint16(z.Len())), uint16(len(part)))
		blocks = le.AppendUint32(blocks, checksum(z.Bytes())^checksum(sizes))
		blocks = append(append(blocks, sizes...), z.Bytes()...)
	}
	if len(blocks) > maxBlock+1000 {
		t.Fatalf("%d bytes: the second block does not use the window", len(blocks))
	}
	const header, folder, file = headerSize, folderSize, fileSize + len("a.stl") + 1
	cab := append([]byte("MSCF"), 0, 0, 0, 0)
	cab = le.AppendUint32(cab, uint32(header+folder+file+len(blocks)))
	cab = append(cab, 0, 0, 0, 0)
	cab = le.AppendUint32(cab, header+folder)
	cab = append(cab, 0, 0, 0, 0, 3, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0) // version 1.3, one folder, one file
	cab = append(le.AppendUint32(cab, uint32(header+folder+file)), 2, 0, compressMSZIP, 0)
	cab = append(le.AppendUint32(cab, uint32(len(want))), 0, 0, 0, 0, 0, 0, 0x21, 0x50, 0, 0, 0x20, 0)
	cab = append(append(append(cab, "a.stl"...), 0), blocks...)
	if got, err := extract(cab, "a.stl"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, want %d: %v", len(got), len(want), err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "a.cab")
	if err := os.WriteFile(path, cab, 0o600); err != nil {
		t.Fatal(err)
	}
	formatstest.MustRun(t, "gcab", "-x", "-C", dir, path)
	if got, err := os.ReadFile(filepath.Join(dir, "a.stl")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("gcab unpacks %d bytes, want %d: %v", len(got), len(want), err)
	}
}
