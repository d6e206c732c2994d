package e2e

import (
	"crypto/x509"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/saferwall/pe"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestShippedRelease is what a stranger does first: mage release in a fresh
// copy of this project, on a machine that has Go and nothing else. Others than
// we judge what comes out.
func TestShippedRelease(t *testing.T) {
	dir, env := t.TempDir(), onlyGo(t)
	copyProject(t, dir)
	release := func(want string) {
		t.Helper()
		began := time.Now()
		r := run(t, dir, env, "go", "tool", "mage", "release")
		if r.code != 0 || !strings.Contains(r.out, want) {
			t.Fatalf("exit status %d, want %q in\n%s", r.code, want, r.out)
		}
		t.Logf("mage release: %s", time.Since(began).Round(10*time.Millisecond))
	}
	release("Done in")
	release("everything is up to date")
	programs := glob(t, dir, "dist/release/*/*.exe")
	if len(programs) != 3 {
		t.Fatalf("released: %v, want one program for each of three architectures", programs)
	}
	t.Run("osslsigncode", func(t *testing.T) { accepted(t, dir, programs) })
	t.Run("resources", func(t *testing.T) { stamped(t, programs) })
	t.Run("one flipped byte", func(t *testing.T) { refusedByAll(t, dir, programs) })
	t.Run("Microsoft", func(t *testing.T) { acceptedByMicrosoft(t, dir, programs) })
	t.Run("text", func(t *testing.T) { notToBeSubmitted(t, dir) })
}

// copyProject copies this project as it is in a fresh clone, without git.
func copyProject(t *testing.T, dir string) {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch top := filepath.ToSlash(rel); {
		case top == ".git" && !d.IsDir(): // of a git worktree; SkipDir would skip all that is beside it
			return nil
		case top == ".git" || top == ".hallmark" || top == "dist" || d.Name() == "testdata":
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(dir, rel), 0o755)
		case !d.Type().IsRegular() || top == "mage_output_file.go":
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, rel), b, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// stamped has saferwall/pe read the version information.
func stamped(t *testing.T, programs []string) {
	for _, p := range programs {
		f, err := pe.New(p, &pe.Options{DisableCertValidation: true, DisableSignatureValidation: true})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := f.Parse(); err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		v, err := f.ParseVersionResources()
		if err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		for name, want := range map[string]string{"ProductName": "Hallmark Beacon", "OriginalFilename": "beacon.exe", "CompanyName": "The Hallmark Authors"} {
			if v[name] != want {
				t.Errorf("%s: %s is %q, want %q", p, name, v[name], want)
			}
		}
	}
}

// flipped returns a copy of the program with one byte of its code changed.
func flipped(t *testing.T, path string) string {
	t.Helper()
	b := []byte(read(t, path))
	b[0x1400] ^= 1
	out := filepath.Join(t.TempDir(), "flipped.exe")
	if err := os.WriteFile(out, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return out
}

func refusedByAll(t *testing.T, dir string, programs []string) {
	bin, root := program(t), filepath.Join(dir, "dist", "test-root.pem")
	for _, p := range programs {
		if r := run(t, dir, nil, bin, "file:verify", "-in="+p, "-roots="+root); r.code != 0 {
			t.Errorf("file:verify refuses %s: exit status %d\n%s", p, r.code, r.out)
		}
		bad := flipped(t, p)
		if r := run(t, dir, nil, bin, "file:verify", "-in="+bad, "-roots="+root); r.code != 3 || !strings.Contains(r.out, "TRUST_E_BAD_DIGEST") {
			t.Errorf("file:verify on the changed %s: exit status %d\n%s", p, r.code, r.out)
		}
		if ok, out := formatstest.VerifyOssl(t, bad, root, root); ok {
			t.Errorf("osslsigncode accepts the changed %s:\n%s", p, out)
		}
	}
}

// acceptedByMicrosoft asks wintrust, signtool and version.dll.
func acceptedByMicrosoft(t *testing.T, dir string, programs []string) {
	rig := formatstest.NewRig(t)
	root, err := x509.ParseCertificate([]byte(read(t, filepath.Join(dir, "dist", "test-root.cer"))))
	if err != nil {
		t.Fatal(err)
	}
	rig.Trust(root)
	for _, v := range rig.Verify(programs...) {
		if !v.OK() {
			t.Errorf("wintrust: %v", v)
		}
	}
	for _, p := range programs {
		out, err := rig.Signtool("verify", "/pa", "/all", "/tw", p)
		if err != nil || !strings.Contains(out, "Successfully verified") {
			t.Errorf("signtool: %v\n%s", err, out)
		}
		out, err = rig.Run(`C:\rig\wvt.exe`, "version", rig.Path(p))
		if err != nil || !strings.Contains(out, "ProductName = Hallmark Beacon") {
			t.Errorf("version.dll: %v\n%s", err, out)
		}
		bad := flipped(t, p)
		if v := rig.Verify(bad)[0]; v.Name != "TRUST_E_BAD_DIGEST" {
			t.Errorf("wintrust on the changed program: %v", v)
		}
		if out, err := rig.Signtool("verify", "/pa", "/all", bad); err == nil {
			t.Errorf("signtool accepts the changed program:\n%s", out)
		}
	}
}

// notToBeSubmitted: a text about a test signature must not be sent.
func notToBeSubmitted(t *testing.T, dir string) {
	texts := glob(t, dir, "dist/portal/*/*/additional-information.txt")
	if len(texts) != 3 {
		t.Errorf("texts: %v, want three", texts)
	}
	for _, f := range texts {
		if first, _, _ := strings.Cut(read(t, f), "\n"); !strings.Contains(first, "DO NOT SUBMIT") {
			t.Errorf("%s begins with %q", f, first)
		}
	}
}
