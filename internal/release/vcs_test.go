package release

import (
	"os/exec"
	"strings"
	"testing"
)

// With vcs: on the test identity signs programs that say +dirty; once the tree
// equals the commit they are compiled anew, though the commit is the same.
func TestStampedDirty(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed: install the package git")
	}
	p := newProject(t)
	p.setSpec("version: 1\nproject: {name: tiny, version: 1.3.0, company: Tiny Works}\nbuild: {builder: go, vcs: on, binaries: [{main: .}], targets: [windows/amd64]}\n")
	p.write(".gitignore", "dist/\n.hallmark/\nrelease.yaml\n")
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=Jo", "-c", "user.email=jo@example.com"}, args...)...)
		cmd.Dir = p.dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-qm", "x")
	git("tag", "v1.3.0")
	const built = "dist/build/tiny_windows_amd64/tiny.exe"
	p.write("notes.txt", "new\n")
	p.must("build")
	if !strings.Contains(p.read(built), "v1.3.0+dirty") || !strings.Contains(p.out.String(), "+dirty") {
		t.Errorf("with a new file the program does not say +dirty, or nothing says so:\n%s", p.out.String())
	}
	git("clean", "-qf", "notes.txt")
	p.must("build")
	const compiled = "ok      tiny.exe"
	if !strings.Contains(p.out.String(), compiled) {
		t.Errorf("there is no line of the compiled program:\n%s", p.out.String())
	}
	if got := p.read(built); strings.Contains(got, "+dirty") || !strings.Contains(got, "vcs.modified=false") {
		t.Error("after the file is gone the program still says +dirty")
	}
	p.must("build")
	if strings.Contains(p.out.String(), compiled) {
		t.Errorf("nothing changed, and it was compiled again:\n%s", p.out.String())
	}
}
