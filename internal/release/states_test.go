package release

import (
	"os"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// tagged makes the project's one commit v1.3.0 and lets the spec take the
// version from there. dist/ and .hallmark/ are not ignored.
func tagged(t *testing.T) *project {
	p := newProject(t)
	p.edit("version: 1.2.3", "version: git")
	p.git("init -q", "add .", "commit -q -m first", "tag v1.3.0")
	return p
}

// A real identity signs under the name of a tag what the tag names, and nothing
// else. What a release writes itself does not count.
func TestChangedFiles(t *testing.T) {
	p := tagged(t)
	p.must()
	p.must()
	if !strings.Contains(p.read(released), "1.3.0") {
		t.Error("the version is not in the program")
	}
	const built = "dist/build/tiny_windows_amd64/tiny.exe"
	before := p.read(built)
	p.write("main.go", strings.Replace(program, "dev", "other", 1))
	p.write("new/file.txt", "new")
	for name, run := range map[string]func() error{"release": func() error { return p.release() }, "sign": func() error { return p.release("build", "sign") }, "plan": p.planned} {
		err := run()
		if err == nil || !strings.Contains(err.Error(), "the files differ from the commit that v1.3.0 stands for: main.go, new/") || !strings.Contains(err.Error(), "release -snapshot") {
			t.Errorf("%s says %v", name, err)
		}
	}
	if p.read(built) != before {
		t.Error("something was built")
	}
	p.edit("version: git", "version: 1.3.0")
	if err := p.release(); err != nil {
		t.Errorf("a version that does not come from a tag: %v", err)
	}
}

func TestChangedFilesWithTheTestIdentity(t *testing.T) {
	p := tagged(t)
	p.setSpec("version: 1\nproject: {name: tiny, version: git, company: Tiny Works}\nbuild: {builder: go, binaries: [{main: .}], targets: [windows/amd64]}\nsign: {identity: test}\ntimestamp: {servers: [test]}\n")
	p.must()
	if !strings.Contains(p.out.String(), "warning  the files differ from the commit that v1.3.0 stands for: release.yaml") {
		t.Errorf("there is no warning:\n%s", p.out.String())
	}
}

func TestSnapshot(t *testing.T) {
	p := tagged(t)
	p.write("main.go", program+"// later\n")
	p.git("commit -q -a -m second")
	if err := p.release(); err == nil || !strings.Contains(err.Error(), "the last version is 1.3.0") {
		t.Errorf("between tags: %v", err)
	}
	if err := p.planned(); err != nil || !strings.Contains(p.out.String(), "will run") || !strings.Contains(p.out.String(), "a release would stop here") {
		t.Errorf("plan between tags: %v\n%s", err, p.out.String())
	}
	p.env = map[string]string{"RELEASE_SNAPSHOT": "1"} // without the password
	p.write("main.go", program+"// and changed\n")
	p.must()
	if !strings.Contains(p.read(released), "1.3.0-SNAPSHOT-") {
		t.Error("the program does not name the snapshot")
	}
	if ok, _ := formatstest.VerifyOssl(t, p.path(released), p.path("root.pem"), p.path("tsaroot.pem")); ok {
		t.Error("the real identity has signed a snapshot")
	}
	if ok, out := formatstest.VerifyOssl(t, p.path(released), p.path("dist/test-root.pem"), p.path("dist/test-root.pem")); !ok {
		t.Errorf("osslsigncode does not accept the signature of the test identity:\n%s", out)
	}
	p.env = map[string]string{"RELEASE_VERSION": "2.0.0-rc.1"}
	p.must()
	if !strings.Contains(p.read(released), "2.0.0-rc.1") {
		t.Error("the program does not have the version of the environment")
	}
	for _, env := range []map[string]string{{"RELEASE_SNAPSHOT": "yes!"}, {"RELEASE_SNAPSHOT": "1", "RELEASE_VERSION": "1.0.0"}} {
		p.env = env
		if err := p.release(); err == nil || !strings.Contains(err.Error(), "RELEASE_") {
			t.Errorf("%v: %v", env, err)
		}
	}
}

// A snapshot is not a release that must stay allowed.
func TestSnapshotIsNotRemembered(t *testing.T) {
	p := tagged(t)
	p.setSpec(p.spec + "wdac: {}\n")
	p.env["RELEASE_SNAPSHOT"] = "true"
	p.must()
	if _, err := os.Stat(p.path(".hallmark/wdac/history.json")); !os.IsNotExist(err) {
		t.Errorf("the snapshot is in the history of releases: %v", err)
	}
}

func TestDistIsAFile(t *testing.T) {
	p := newProject(t)
	p.write("dist", "a file")
	for what, run := range map[string]func() error{"release": func() error { return p.release() }, "plan": p.planned} {
		if err := run(); err == nil || !strings.Contains(err.Error(), "dist is a file") {
			t.Errorf("%s says %v", what, err)
		}
	}
}

// goreleaser empties the folder that it writes to.
func TestDoctorNoticesGoreleasersFolder(t *testing.T) {
	p := newProject(t)
	for text, rival := range map[string]bool{"version: 2\n": true, "dist: ./dist\n": true, "dist: out\n": false} {
		p.write(".goreleaser.yaml", text)
		d := examineDist(t.Context(), p.options())
		if d.missing != rival || strings.Contains(d.text, "the same folder") != rival {
			t.Errorf("%q: %+v", text, d)
		}
	}
}
