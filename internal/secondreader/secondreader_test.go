package secondreader_test

import (
	"bytes"
	"context"
	"crypto"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/secondreader"
)

// compare judges a file with both readers.
func compare(t *testing.T, path string, change func(*authenticode.Report)) error {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	report, err := authenticode.Verify(context.Background(), bytes.NewReader(b), int64(len(b)), authenticode.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(report)
	}
	r, err := secondreader.Read(bytes.NewReader(b), int64(len(b)), secondreader.Want{Authentihash: secondreader.Hashes(report), Covered: true, Checksum: true})
	if err != nil {
		return err
	}
	return r.Compare(report)
}

// TestReadersAgree: on every real PE file, signed or not, both readers see the same.
func TestReadersAgree(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(formatstest.SaferwallSamples(t), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, goarch := range []string{"386", "amd64", "arm64"} {
		files = append(files, formatstest.GoProgram(t, goarch))
	}
	for _, f := range files {
		switch name := filepath.Base(f); {
		case strings.HasSuffix(name, ".7z"): // malware
		case name == "look", name == "_setup.dll": // no PE files
			if err := compare(t, f, nil); err == nil {
				t.Errorf("%s: no PE file, but no error", name)
			}
		default:
			if err := compare(t, f, nil); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestOddSizes: what is appended before signing is hashed with padding to a multiple of 8.
func TestOddSizes(t *testing.T) {
	exe, err := os.ReadFile(formatstest.GoProgram(t, "amd64"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 2, 3, 4, 5, 7, 8} {
		path := filepath.Join(t.TempDir(), "odd.exe")
		if err := os.WriteFile(path, append(exe[:len(exe):len(exe)], "overlay!"[:n]...), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := compare(t, path, nil); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// TestDisagreement: every kind of difference is an error with the status of a refused file.
func TestDisagreement(t *testing.T) {
	signed := filepath.Join(formatstest.SaferwallSamples(t), "kernel32.dll")
	for name, change := range map[string]func(*authenticode.Report){
		"no signature":      func(r *authenticode.Report) { r.Signatures = nil },
		"covered bytes":     func(r *authenticode.Report) { r.Covered = r.Covered[1:] },
		"Authentihash":      func(r *authenticode.Report) { r.Digests[crypto.SHA256.String()] = strings.Repeat("0", 64) },
		"stored checksum":   func(r *authenticode.Report) { r.Checksum.Header++ },
		"computed checksum": func(r *authenticode.Report) { r.Checksum.Computed++ },
	} {
		if err := compare(t, signed, change); fault.Status(err) != fault.Verification {
			t.Errorf("%s: %v", name, err)
		}
	}
	unsigned := formatstest.GoProgram(t, "amd64")
	err := compare(t, unsigned, func(r *authenticode.Report) { r.Signatures = []*authenticode.SignatureReport{{}} })
	if fault.Status(err) != fault.Verification {
		t.Errorf("a signature that is not there: %v", err)
	}
}

// TestDamagedSignature: what looks like no signature to the library is told from a file without any.
func TestDamagedSignature(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(formatstest.SaferwallSamples(t), "pwsh.exe"))
	if err != nil {
		t.Fatal(err)
	}
	p7, err := authenticode.Extract(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	copy(b[bytes.LastIndex(b, p7[:64]):], []byte{0, 0, 0, 0})
	r, err := secondreader.Read(bytes.NewReader(b), int64(len(b)), secondreader.Want{})
	if err == nil && (!r.Table || r.Signed) {
		t.Errorf("reading is %+v", r)
	}
}

// TestSilent: the library writes to standard output unless it is stopped.
func TestSilent(t *testing.T) {
	old := os.Stdout
	defer func() { os.Stdout = old }()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout = w
	for _, name := range []string{"impbyord.exe", "kernel32.dll", "look", "arp.dll"} {
		b, err := os.ReadFile(filepath.Join(formatstest.SaferwallSamples(t), name))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = secondreader.Read(bytes.NewReader(b), int64(len(b)), secondreader.Want{Authentihash: []crypto.Hash{crypto.SHA256}, Checksum: true})
	}
	w.Close()
	if out, _ := io.ReadAll(r); len(out) > 0 {
		t.Errorf("written to standard output: %s", out)
	}
}

// shrinking is a file that somebody shortens after it was opened.
type shrinking struct {
	*bytes.Reader
	left int64
}

func (s shrinking) ReadAt(b []byte, off int64) (int, error) {
	if off >= s.left {
		return 0, io.EOF
	}
	if over := off + int64(len(b)) - s.left; over > 0 {
		n, _ := s.Reader.ReadAt(b[:int64(len(b))-over], off)
		return n, io.EOF
	}
	return s.Reader.ReadAt(b, off)
}

// TestShrinkingFile: a file that ends earlier than it said is an error, wherever
// it ends.
func TestShrinkingFile(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(formatstest.SaferwallSamples(t), "kernel32.dll"))
	if err != nil {
		t.Fatal(err)
	}
	for _, left := range []int64{0, 1, 0x3C, 512, 4096, 100_000, int64(len(b)) - 1} {
		_, err := secondreader.Read(shrinking{bytes.NewReader(b), left}, int64(len(b)), secondreader.Want{Authentihash: []crypto.Hash{crypto.SHA256}, Checksum: true})
		if err == nil || !strings.Contains(err.Error(), "became shorter") {
			t.Errorf("%d of %d bytes: %v", left, len(b), err)
		}
	}
}

// zeros is a file of nothing after its first bytes.
type zeros []byte

func (z zeros) ReadAt(b []byte, off int64) (int, error) {
	clear(b)
	if off < int64(len(z)) {
		copy(b, z[off:])
	}
	return len(b), nil
}

// TestMemory: a large file costs no memory but for what is read of it.
func TestMemory(t *testing.T) {
	head, err := os.ReadFile(formatstest.GoProgram(t, "amd64"))
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := secondreader.Read(zeros(head), 3<<30, secondreader.Want{Covered: true})
	runtime.ReadMemStats(&after)
	if err != nil || len(r.Covered) == 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Errorf("%d bytes allocated", used)
	}
}
