package cms

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// embedded is one PKCS#7 blob of a real file.
type embedded struct {
	name string
	der  []byte
}

// saferwallDir is the folder with signed Windows files inside the saferwall/pe module.
func saferwallDir(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/saferwall/pe").Output()
	if err != nil || len(bytes.TrimSpace(out)) == 0 {
		t.Skip("module github.com/saferwall/pe is not in the module cache: run go mod download")
	}
	return filepath.Join(string(bytes.TrimSpace(out)), "test")
}

// realSignatures returns every PKCS#7 blob of the signed files in the saferwall/pe module and the corpus.
func realSignatures(t testing.TB) []embedded {
	t.Helper()
	dirs := []string{saferwallDir(t)}
	corpus := os.Getenv("HALLMARK_CORPUS")
	if corpus == "" {
		corpus = filepath.Join("..", "..", "..", "shared", "corpus")
	}
	dirs = append(dirs, filepath.Join(corpus, "relic"), filepath.Join(corpus, "jsign"))
	var out []embedded
	for _, dir := range dirs {
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		for _, f := range files {
			if info, err := os.Stat(f); err != nil || info.IsDir() || strings.HasSuffix(f, ".7z") {
				continue
			}
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(f, ".cat") {
				out = append(out, embedded{filepath.Base(f), b})
				continue
			}
			for _, der := range peSignatures(b) {
				out = append(out, embedded{filepath.Base(f), der})
			}
		}
	}
	return out
}

// peSignatures reads the PKCS#7 entries of a PE certificate table; nil for anything else. It is kept apart from
// formats/peimage so that a fault there does not hide signatures here.
func peSignatures(b []byte) [][]byte {
	if len(b) < 0x40 || b[0] != 'M' || b[1] != 'Z' {
		return nil
	}
	le := binary.LittleEndian
	nt := int(le.Uint32(b[0x3c:]))
	if nt+0x18+0xa8 > len(b) {
		return nil
	}
	dir := nt + 0x18 + 0x60
	if le.Uint16(b[nt+0x18:]) == 0x20b {
		dir += 0x10
	}
	off, size := int(le.Uint32(b[dir+32:])), int(le.Uint32(b[dir+36:]))
	if off == 0 || off+size > len(b) {
		return nil
	}
	var out [][]byte
	for table := b[off : off+size]; len(table) > 8; {
		n := int(le.Uint32(table))
		if n < 8 || n > len(table) {
			break
		}
		if le.Uint16(table[6:]) == 2 {
			out = append(out, table[8:n])
		}
		table = table[min(len(table), (n+7)&^7):]
	}
	return out
}

func TestRoundTripOfRealSignatures(t *testing.T) {
	sigs := realSignatures(t)
	if len(sigs) < 10 {
		t.Fatalf("only %d signatures found", len(sigs))
	}
	for _, sig := range sigs {
		t.Run(sig.name, func(t *testing.T) {
			s, err := Parse(sig.der)
			if err != nil {
				t.Fatal(err)
			}
			if s.BER {
				t.Log("BER")
			}
			out, err := s.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			in := sig.der[:len(sig.der)-s.Trailing]
			t.Logf("%d bytes, %d trailing, same %v, sha256 %x", len(in), s.Trailing, bytes.Equal(in, out), sha256.Sum256(in))
			for i := range s.Signers {
				cert, err := s.SignerCertificate(i)
				if err != nil {
					t.Fatal(err)
				}
				if err := s.CheckContent(i); err != nil {
					t.Error(err)
				}
				if err := s.Signers[i].CheckSignature(cert); err != nil {
					t.Error(err)
				}
			}
			if _, err := s.X509Certificates(); err != nil {
				t.Error(err)
			}
		})
	}
}
