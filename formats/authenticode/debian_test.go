package authenticode_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hallmark-dev/hallmark/formats/authenticode"
	"github.com/hallmark-dev/hallmark/formats/cms"
	"github.com/hallmark-dev/hallmark/formats/peimage"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// debianPackages hold unsigned Windows and UEFI programs of many linkers: wine's own, NSIS, GNU ld for EFI, mono, mingw.
var debianPackages = []string{"libwine", "nsis-common", "grub-efi-amd64-bin", "shim-unsigned", "libmono-corlib4.5-dll", "libmono-system-xml4.0-cil",
	"gcc-mingw-w64-x86-64-win32-runtime", "libz-mingw-w64", "systemd-boot-efi", "fwupd-amd64-signed-template", "fwupd"}

// maxDebianPrograms bounds the test: wine alone has thousands.
const maxDebianPrograms = 800

// TestDebianPrograms signs real programs that others have linked. Microsoft's wintrust and osslsigncode have to accept each, and stripping has to give
// back the bytes that it had; what signing alone overwrites is the checksum, and that is all in which a file may differ.
func TestDebianPrograms(t *testing.T) {
	if os.Getenv("HALLMARK_LONG_TESTS") == "" {
		t.Skip("fetches Debian packages: HALLMARK_LONG_TESTS=1")
	}
	rig := formatstest.NewRig(t)
	programs := debianPrograms(t)
	if len(programs) < 100 {
		t.Fatalf("only %d programs found", len(programs))
	}
	p := formatstest.NewPKI(t)
	o := authenticode.SignOptions{Signer: cms.Signer{Key: p.Leaf.Key, Certificate: p.Leaf.Certificate, Chain: p.Leaf.Chain}}
	dir, root := t.TempDir(), p.Leaf.RootFile(t)
	var signed []string
	same, checksum := 0, 0
	for _, name := range programs {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := authenticode.Sign(context.Background(), bytes.NewReader(b), int64(len(b)), &out, o); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		switch stripped := stripTo(t, out.Bytes(), int64(len(b))); {
		case bytes.Equal(stripped, b):
			same++
		case len(stripped) == len(b) && onlyChecksum(t, stripped, b):
			checksum++
		default:
			t.Errorf("%s: stripping gives other bytes", name)
		}
		path := filepath.Join(dir, filepath.Base(filepath.Dir(name))+"-"+filepath.Base(name))
		if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		signed = append(signed, path)
		if ok, text := formatstest.VerifyOssl(t, path, root, ""); !ok {
			t.Errorf("%s: osslsigncode:\n%s", name, text)
		}
	}
	for len(signed) > 0 {
		batch := signed[:min(100, len(signed))]
		signed = signed[len(batch):]
		for _, v := range rig.Verify(batch...) {
			if !v.OK() {
				t.Errorf("Microsoft refuses: %v", v)
			}
		}
	}
	t.Logf("%d programs; after stripping %d as before, %d but for the checksum", len(programs), same, checksum)
}

func stripTo(t *testing.T, signed []byte, size int64) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := authenticode.Strip(context.Background(), bytes.NewReader(signed), int64(len(signed)), &out, peimage.StripOptions{Size: size}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func onlyChecksum(t *testing.T, a, b []byte) bool {
	t.Helper()
	im, err := peimage.Parse(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	a = bytes.Clone(a)
	copy(a[im.ChecksumOffset:], b[im.ChecksumOffset:im.ChecksumOffset+4])
	return bytes.Equal(a, b)
}

// debianPrograms fetches and unpacks the packages and lists the unsigned programs in them.
func debianPrograms(t *testing.T) []string {
	apt, dpkg := formatstest.Tool(t, "apt-get"), formatstest.Tool(t, "dpkg-deb")
	dir := t.TempDir()
	for _, name := range debianPackages {
		cmd := exec.Command(apt, "download", name)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Logf("%s: %v\n%s", name, err, out) // not every release has every package
		}
	}
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, deb := range debs {
		to := deb + ".d"
		if text, err := exec.Command(dpkg, "-x", deb, to).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", deb, err, text)
		}
		found := unsignedPrograms(t, to)
		t.Logf("%s: %d programs", filepath.Base(deb), len(found))
		out = append(out, found[:min(len(found), maxDebianPrograms/2)]...)
	}
	return out[:min(len(out), maxDebianPrograms)]
}

func unsignedPrograms(t *testing.T, dir string) []string {
	var out []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil || !bytes.HasPrefix(b, []byte("MZ")) {
			return err
		}
		if im, err := peimage.Parse(bytes.NewReader(b), int64(len(b))); err == nil && !im.HasSignature() && im.CheckLayout() == nil && im.Check() == nil {
			out = append(out, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
