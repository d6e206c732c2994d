package peinfo

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func readFile(t *testing.T, path, name string) (*Info, error) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return Read(t.Context(), bytes.NewReader(b), int64(len(b)), name)
}

func TestGoProgram(t *testing.T) {
	for arch, machine := range map[string]string{"amd64": "x64", "arm64": "ARM64", "386": "x86"} {
		t.Run(arch, func(t *testing.T) {
			path := formatstest.GoProgram(t, arch)
			info, err := readFile(t, path, "x.exe")
			if err != nil {
				t.Fatal(err)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s256, s1, m := sha256.Sum256(b), sha1.Sum(b), md5.Sum(b)
			for name, c := range map[string]struct{ got, want string }{
				"file": {info.File, "x.exe"}, "machine": {info.Machine, machine}, "subsystem": {info.Subsystem, "Windows console"},
				"SHA-256": {info.SHA256, hex.EncodeToString(s256[:])}, "SHA-1": {info.SHA1, hex.EncodeToString(s1[:])}, "MD5": {info.MD5, hex.EncodeToString(m[:])},
				"packing": {info.Packing, "none"},
			} {
				if c.got != c.want {
					t.Errorf("%s is %q, want %q", name, c.got, c.want)
				}
			}
			if info.Size != int64(len(b)) || len(info.Sections) < 4 {
				t.Errorf("size %d, sections %v", info.Size, info.Sections)
			}
			if info.Go == nil || info.Go.Version != runtime.Version() || info.Go.Settings["GOARCH"] != arch {
				t.Errorf("build information is %+v", info.Go)
			}
		})
	}
}

// TestSignatureDoesNotChangeTheAuthentihash: App Control rules stay good when
// a program is signed.
func TestSignatureDoesNotChangeTheAuthentihash(t *testing.T) {
	unsigned := formatstest.GoProgram(t, "amd64")
	signed := formatstest.SignOssl(t, formatstest.NewPKI(t).Leaf, unsigned, "-h", "sha256")
	a, err := readFile(t, unsigned, "a")
	if err != nil {
		t.Fatal(err)
	}
	b, err := readFile(t, signed, "a")
	if err != nil {
		t.Fatal(err)
	}
	if a.SHA256 == b.SHA256 || a.AuthentihashSHA256 != b.AuthentihashSHA256 || a.AuthentihashSHA1 != b.AuthentihashSHA1 {
		t.Errorf("unsigned %+v\nsigned %+v", a, b)
	}
}

func TestPackedProgramIsCalledSo(t *testing.T) {
	b, err := os.ReadFile(formatstest.GoProgram(t, "amd64"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.exe")
	if err := os.WriteFile(path, bytes.Replace(b, []byte(".rdata\x00\x00"), []byte("UPX1\x00\x00\x00\x00"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	info, err := readFile(t, path, "x.exe")
	if err != nil || !strings.Contains(info.Packing, "UPX") {
		t.Errorf("packing is %+v, %v", info, err)
	}
}

func TestNotAProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.exe")
	if err := os.WriteFile(path, []byte("MZ and nothing behind"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := readFile(t, path, "x.exe"); err == nil {
		t.Error("it was described")
	}
}

func TestEntropy(t *testing.T) {
	all := make([]byte, 1<<20)
	for i := range all {
		all[i] = byte(i)
	}
	for name, c := range map[string]struct {
		data []byte
		want float64
	}{"nothing": {nil, 0}, "one value": {make([]byte, 1000), 0}, "two values": {[]byte{0, 1, 1, 0}, 1}, "all values": {all, 8}} {
		if got, err := entropy(bytes.NewReader(c.data)); err != nil || math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %f, %v, want %f", name, got, err, c.want)
		}
	}
}
