package release

import (
	"archive/zip"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// published lists the files in dist/package.
func (p *project) published() string {
	p.t.Helper()
	entries, err := os.ReadDir(p.path("dist/package"))
	if err != nil {
		p.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// unzipped maps the names in an archive to their contents.
func (p *project) unzipped(name string) map[string]string {
	p.t.Helper()
	z, err := zip.OpenReader(p.path("dist/package/" + name))
	if err != nil {
		p.t.Fatal(err)
	}
	defer z.Close()
	out := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			p.t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			p.t.Fatal(err)
		}
		out[f.Name] = string(b)
	}
	return out
}

// What is published has names of its own and holds the verified programs;
// sha256sum agrees beside the downloaded files.
func TestPackage(t *testing.T) {
	p := newProject(t)
	p.write("README.md", "read me")
	p.write("LICENSE", "free")
	p.write("license.go", "package main\n")
	p.write("docs/guide.md", "guide")
	p.write("second/main.go", "package main\n\nfunc main() {}\n")
	p.edit("binaries: [{main: .}]\n  targets: [windows/amd64]", "binaries: [{main: .}, {main: ./second, name: second}]\n  targets: [windows/amd64, windows/arm64]")
	p.setSpec(p.spec + "catalog: {}\nwdac: {}\npackage: {formats: [zip, exe], files: [docs/*.md]}\n")
	p.must()
	want := "SHA256SUMS second_1.2.3_windows_amd64.exe second_1.2.3_windows_arm64.exe tiny_1.2.3.cat tiny_1.2.3_wdac.zip " +
		"tiny_1.2.3_windows_amd64.exe tiny_1.2.3_windows_amd64.zip tiny_1.2.3_windows_arm64.exe tiny_1.2.3_windows_arm64.zip"
	if got := p.published(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	inside := p.unzipped("tiny_1.2.3_windows_amd64.zip")
	for name, file := range map[string]string{
		"tiny.exe": released, "second.exe": "dist/release/second_windows_amd64/second.exe", "README.md": "README.md", "LICENSE": "LICENSE", "docs/guide.md": "docs/guide.md",
	} {
		if inside[name] != p.read(file) {
			t.Errorf("%s in the archive is not %s", name, file)
		}
		delete(inside, name)
	}
	if len(inside) > 0 {
		t.Errorf("the archive also holds %d files", len(inside))
	}
	kit := p.unzipped("tiny_1.2.3_wdac.zip")
	if kit["deploy.ps1"] != p.read("dist/wdac/deploy.ps1") || kit["tiny.xml"] == "" || kit["intune/oma-uri.json"] == "" {
		t.Errorf("the kit is not complete: %d files", len(kit))
	}
	download := t.TempDir()
	for _, name := range strings.Fields(p.published()) {
		if err := os.WriteFile(download+"/"+name, []byte(p.read("dist/package/"+name)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(download)
	formatstest.MustRun(t, "sha256sum", "--check", "--strict", "SHA256SUMS")
	if n := strings.Count(p.read("dist/package/SHA256SUMS"), "\n"); n != 8 {
		t.Errorf("SHA256SUMS has %d lines, want 8", n)
	}
	unzip(t, "tiny_1.2.3_windows_arm64.zip")
}

// unzip lets a program that is not ours read the archive.
func unzip(t *testing.T, file string) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: apt-get install python3")
	}
	const script = "import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\nprint(sorted(z.namelist()))"
	out, err := exec.Command(python, "-c", script, file).CombinedOutput()
	if err != nil || string(out) != "['LICENSE', 'README.md', 'docs/guide.md', 'second.exe', 'tiny.exe']\n" {
		t.Errorf("Python's zipfile says %v: %s", err, out)
	}
}

func TestPackageIsTheSameAgain(t *testing.T) {
	p := newProject(t)
	p.write("README.md", "read me")
	p.must()
	const name = "dist/package/tiny_1.2.3_windows_amd64.zip"
	before := p.read(name)
	for _, f := range []string{name, "README.md"} { // another time of the file is no other content
		b := p.read(f)
		if err := os.Remove(p.path(f)); err != nil {
			t.Fatal(err)
		}
		if f == "README.md" {
			p.write(f, b)
		}
	}
	p.must()
	if p.read(name) != before {
		t.Error("the archive has other bytes")
	}
	if got := p.pending(); got != "" {
		t.Errorf("still to do: %s", got)
	}
	p.write("README.md", "read this")
	if got := p.pending(); got != "package sums" {
		t.Errorf("after a change of README the plan is %q", got)
	}
	p.must()
	if p.unzipped("tiny_1.2.3_windows_amd64.zip")["README.md"] != "read this" {
		t.Error("the archive does not hold the new README")
	}
	p.edit("version: 1.2.3", "version: 1.2.4")
	p.must()
	if got := p.published(); got != "SHA256SUMS tiny_1.2.4_windows_amd64.zip" {
		t.Errorf("after a new version there is %s", got)
	}
}

func TestPackagePerProgram(t *testing.T) {
	p := newProject(t)
	p.write("second/main.go", "package main\n\nfunc main() {}\n")
	p.edit("binaries: [{main: .}]", "binaries: [{main: .}, {main: ./second, name: second}]")
	p.setSpec(p.spec + "package: {per: program}\n")
	p.must()
	if got := p.published(); got != "SHA256SUMS second_1.2.3_windows_amd64.zip tiny_1.2.3_windows_amd64.zip" {
		t.Errorf("got %s", got)
	}
}

func TestPackageRefuses(t *testing.T) {
	for name, c := range map[string]struct{ spec, want string }{
		"no file": {"package: {files: [nothing/*]}\n", "package.files"},
		"twice":   {"package: {files: [tiny.EXE]}\n", "two files in tiny_1.2.3_windows_amd64.zip would be called tiny.EXE"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t)
			p.write("tiny.EXE", "a text")
			p.setSpec(p.spec + c.spec)
			for what, run := range map[string]func() error{"release": func() error { return p.release() }, "plan": p.planned} {
				if err := run(); fault.Status(err) != fault.Usage || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s says %v", what, err)
				}
			}
		})
	}
}

// A program that is changed after it was verified is not packed.
func TestPackageHoldsWhatWasVerified(t *testing.T) {
	p := newProject(t)
	p.must("build", "resources", "sign", "timestamp", "attach", "verify")
	bad := []byte(p.read(released))
	bad[len(bad)/2] ^= 1
	p.write(released, string(bad))
	err := p.release("package")
	if fault.Status(err) != fault.Verification || !strings.Contains(err.Error(), "is not what the step attach wrote") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(p.path("dist/package/tiny_1.2.3_windows_amd64.zip")); !os.IsNotExist(err) {
		t.Errorf("the archive is there: %v", err)
	}
}
