package release

import (
	"bytes"
	"debug/buildinfo"
	"os"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func TestReleaseIsCompleteAndAcceptedByOthers(t *testing.T) {
	p := newProject(t)
	p.must()
	for _, f := range []string{
		"dist/release.json", "dist/package/SHA256SUMS", "dist/build/tiny_windows_amd64/tiny.exe",
		"dist/evidence/tiny_windows_amd64/tiny.exe.verify.txt", "dist/evidence/tiny_windows_amd64/tiny.exe.verify.json",
		"dist/portal/tiny_windows_amd64/tiny.exe/additional-information.txt", "dist/portal/tiny_windows_amd64/tiny.exe/wdsi-fields.json",
		"dist/portal/tiny_windows_amd64/tiny.exe/verify.txt", "dist/portal/tiny_windows_amd64/tiny.exe/metadata.json", "dist/portal/tiny_windows_amd64/tiny.exe/build.json",
	} {
		if _, err := os.Stat(p.path(f)); err != nil {
			t.Error(err)
		}
	}
	exe := p.path(released)
	if ok, out := formatstest.VerifyOssl(t, exe, p.path("root.pem"), p.path("tsaroot.pem")); !ok || !strings.Contains(out, "Timestamp verified using") {
		t.Errorf("osslsigncode does not accept the program with its timestamp:\n%s", out)
	}
	if bi, err := buildinfo.ReadFile(exe); err != nil || bi.Main.Path != "example.com/tiny" {
		t.Errorf("build information is %v, %v", bi, err)
	}
	if !bytes.Contains([]byte(p.read(released)), []byte("1.2.3")) {
		t.Error("the version variable was not set")
	}
	text := p.read("dist/portal/tiny_windows_amd64/tiny.exe/additional-information.txt")
	if strings.Contains(text, "DO NOT SUBMIT") || !strings.Contains(text, "verified OK") {
		t.Errorf("the text is not ready to submit:\n%s", text)
	}
	if formatstest.MustRun(t, "sha256sum", "--version") != "" {
		checkSums(t, p)
	}
}

func checkSums(t *testing.T, p *project) {
	t.Chdir(p.path("dist/package"))
	formatstest.MustRun(t, "sha256sum", "--check", "--strict", "SHA256SUMS")
}

// TestOneFlippedByte flips a byte of code in the shipped file: every reader
// refuses it, and the next release puts it right without a new signature.
func TestOneFlippedByte(t *testing.T) {
	p := newProject(t)
	p.must()
	good := p.read(released)
	bad := []byte(good)
	bad[0x700] ^= 1
	p.write(released, string(bad))
	if ok, out := formatstest.VerifyOssl(t, p.path(released), p.path("root.pem"), p.path("tsaroot.pem")); ok {
		t.Errorf("osslsigncode accepts the changed program:\n%s", out)
	}
	err := p.release("verify")
	if fault.Status(err) != fault.Verification || !strings.Contains(err.Error(), "TRUST_E_BAD_DIGEST") {
		t.Errorf("verify says %v, want TRUST_E_BAD_DIGEST and status %d", err, fault.Verification)
	}
	if got := p.pending(); !strings.HasPrefix(got, "attach ") {
		t.Errorf("the plan is %q, want it to begin with attach", got)
	}
	p.must()
	if p.read(released) != good {
		t.Error("the release did not put the program right")
	}
}

func TestSecondRunDoesNothing(t *testing.T) {
	p := newProject(t)
	p.must()
	before := p.tree()
	p.must()
	if d := difference(before, p.tree()); d != "" {
		t.Errorf("the second run changed something: %s", d)
	}
	if !strings.Contains(p.out.String(), "everything is up to date") {
		t.Errorf("the second run does not say that nothing changed:\n%s", p.out.String())
	}
}

func TestAnEditInvalidatesWhatDependsOnIt(t *testing.T) {
	p := newProject(t)
	p.must()
	original := p.spec
	for name, c := range map[string]struct{ old, now, pending string }{
		"signature":        {"description: Tiny", "description: Other", "sign timestamp attach verify portal package sums"},
		"how often to ask": {"attempts: 1", "attempts: 2", ""},
		"stamp digest":     {"attempts: 1", "digest: sha384", "timestamp attach verify portal package sums"},
		"verification":     {"verify:\n", "verify:\n  publisher: Nobody\n", "verify portal"},
		"text":             {"behaviour: Prints", "behaviour: Writes", "portal"},
		"company":          {"Tiny Works", "Tiny Works Ltd", "resources sign timestamp attach verify portal package sums"},
		"linker flags":     {"builder: go\n", "builder: go\n  ldflags: [-s]\n", "build resources sign timestamp attach verify portal package sums"},
		"version":          {"1.2.3", "1.2.4", "build resources sign timestamp attach verify portal package sums"},
		"no resources":     {"resources: {}\n", "", "sign timestamp attach verify portal package sums"},
		"comment":          {"version: 1\n", "version: 1 # the format\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p.setSpec(original)
			p.edit(c.old, c.now)
			if got := p.pending(); got != c.pending {
				t.Errorf("the plan is to run %q, want %q", got, c.pending)
			}
		})
	}
	p.setSpec(original)
	p.write("main.go", program+"\n// changed\n")
	if got := p.pending(); !strings.HasPrefix(got, "build ") {
		t.Errorf("after a change of the source the plan is %q", got)
	}
}

func TestUnsignedRelease(t *testing.T) {
	p := newProject(t)
	p.setSpec("version: 1\nproject: {name: tiny, version: 1.2.3, company: Tiny Works}\nbuild: {builder: go, binaries: [{main: .}], targets: [windows/amd64]}\n")
	p.must()
	if p.read(released) != p.read("dist/build/tiny_windows_amd64/tiny.exe") {
		t.Error("the program is not what was built")
	}
	if err := p.release("sign"); fault.Status(err) != fault.Usage || !strings.Contains(err.Error(), "switched off") {
		t.Errorf("mage sign says %v", err)
	}
}

// TestSwitchingOffRemovesWhatWasMade: dist/ holds this release and nothing of
// an earlier one.
func TestSwitchingOffRemovesWhatWasMade(t *testing.T) {
	p := newProject(t)
	p.must()
	i := strings.Index(p.spec, "portal:")
	p.setSpec(p.spec[:i])
	p.must()
	if _, err := os.Stat(p.path("dist/portal")); !os.IsNotExist(err) {
		t.Errorf("dist/portal is still there: %v", err)
	}
}
