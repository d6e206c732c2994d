package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/rfc3161"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestRefusedInputs: each bad input gives one clear error with the right exit
// status and a hint, and leaves nothing in dist/release.
func TestRefusedInputs(t *testing.T) {
	pki := formatstest.NewPKI(t)
	for name, c := range map[string]struct {
		spoil  func(*project)
		status int
		want   string // in the error
		hint   string // in the error
	}{
		"missing main package": {func(p *project) { p.edit("main: .", "main: ./cmd/none") }, fault.Usage, "./cmd/none", "hint:"},
		"build failure": {func(p *project) {
			p.write("main.go", "package main\n\nvar version string\n\nfunc main() { undefined() }\n")
		}, fault.Other, "undefined: undefined", ""},
		"wrong password":      {func(p *project) { p.env["PFX_PASSWORD"] = "wrong" }, fault.Usage, "password", "hint:"},
		"no password":         {func(p *project) { delete(p.env, "PFX_PASSWORD") }, fault.Usage, "PFX_PASSWORD", "hint:"},
		"expired certificate": {func(p *project) { p.identity(pki.Expired) }, fault.Usage, "expired", "hint:"},
		"no code signing EKU": {func(p *project) { p.identity(pki.WrongEKU) }, fault.Usage, "code signing", "hint:"},
		"key of another": {func(p *project) {
			p.copy("key.pem", pki.Second.KeyFile(p.t))
			p.copy("cert.pem", pki.Leaf.CertFile(p.t))
			p.edit("pkcs12:id.pfx\n  password: env:PFX_PASSWORD", "pem:key.pem,cert.pem")
		}, fault.Usage, "does not match", "hint:"},
		"missing PFX":           {func(p *project) { os.Remove(p.path("id.pfx")) }, fault.Usage, "id.pfx", ""},
		"untrusted root":        {func(p *project) { p.edit("roots: [root.pem]\n  ", "") }, fault.Usage, "chain is incomplete", "hint:"},
		"untrusted time server": {func(p *project) { p.edit("  timestamp_roots: [tsaroot.pem]\n", "") }, fault.Verification, "timestamp", ""},
		"wrong publisher":       {func(p *project) { p.edit("verify:\n", "verify:\n  publisher: Somebody Else\n") }, fault.Verification, "Somebody Else", "hint:"},
		"two binaries with one name": {func(p *project) {
			p.edit("[{main: .}]", "[{id: a, main: ., name: tiny}, {id: b, main: ., name: TINY}]")
		}, fault.Usage, "is also the name of", "hint:"},
		"a spec of 10 MB":      {func(p *project) { p.write("release.yaml", strings.Repeat("# padding\n", 1<<20)) }, fault.Usage, "release.yaml", "hint:"},
		"not a git repository": {func(p *project) { p.edit("version: 1.2.3", "version: git") }, fault.Usage, "project.version", "hint:"},
		"dist is a file":       {func(p *project) { p.write("dist", "") }, fault.Other, "dist", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t)
			p.t = t
			c.spoil(p)
			p.refused(c.status, c.want, c.hint)
		})
	}
}

// identity signs by id instead of the ordinary publisher.
func (p *project) identity(id *formatstest.Identity) {
	p.copy("id.pfx", id.PFXFile(p.t, "correct"))
}

// refused releases and checks how that fails.
func (p *project) refused(status int, want, hint string) {
	p.t.Helper()
	err := p.release()
	if err == nil {
		p.t.Fatalf("the release went through\n%s", p.out.String())
	}
	if got := fault.Status(err); got != status {
		p.t.Errorf("exit status is %d, want %d: %v", got, status, err)
	}
	for _, w := range []string{want, hint} {
		if !strings.Contains(err.Error(), w) {
			p.t.Errorf("error lacks %q: %v", w, err)
		}
	}
	if strings.Contains(err.Error(), "correct") || strings.Contains(p.out.String(), "correct") {
		p.t.Error("the password was shown")
	}
	if _, err := os.Stat(p.path(released)); err == nil && status != fault.Verification {
		p.t.Error("there is a program in dist/release")
	}
}

// TestTimeServerFaults: a failing server is exit status 4; nothing is lost;
// with the server back the release goes on without signing again.
func TestTimeServerFaults(t *testing.T) {
	for name, c := range map[string]struct {
		fault rfc3161.Fault
		want  string
	}{
		"down":          {rfc3161.Fault{Kind: rfc3161.FaultDown}, "EOF"},
		"slow":          {rfc3161.Fault{Kind: rfc3161.FaultSlow}, "no answer within"},
		"500":           {rfc3161.Fault{Kind: rfc3161.FaultStatus, Status: 500}, "500"},
		"429":           {rfc3161.Fault{Kind: rfc3161.FaultStatus, Status: 429, RetryAfter: "60"}, "429"},
		"garbage":       {rfc3161.Fault{Kind: rfc3161.FaultGarbage}, "response"},
		"wrong nonce":   {rfc3161.Fault{Kind: rfc3161.FaultNonce}, "nonce"},
		"wrong imprint": {rfc3161.Fault{Kind: rfc3161.FaultImprint}, "imprint"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t)
			var good atomic.Bool // the server runs in goroutines of its own
			p.setSpec(p.basic(p.stamps(func(int) rfc3161.Fault {
				if good.Load() {
					return rfc3161.Fault{}
				}
				return c.fault
			})))
			p.edit("request_timeout: 2s", "request_timeout: 1s")
			p.edit("budget: 4s", "budget: 1s")
			p.refused(fault.Service, c.want, "hint:")
			signature := p.stat("dist/stage/sign/tiny_windows_amd64/tiny.exe.p7s")
			good.Store(true)
			p.must()
			if got := p.stat("dist/stage/sign/tiny_windows_amd64/tiny.exe.p7s"); !got.Equal(signature) {
				t.Error("the program was signed a second time")
			}
		})
	}
}

func (p *project) stat(name string) time.Time {
	p.t.Helper()
	st, err := os.Stat(p.path(name))
	if err != nil {
		p.t.Fatal(err)
	}
	return st.ModTime()
}

// TestFullDisk releases into a file system that is too small for the program.
func TestFullDisk(t *testing.T) {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("making a small file system takes root on Linux")
	}
	p := newProject(t)
	mount(t, p.path("dist"), "size=64k")
	p.refused(fault.Other, "no space left", "")
	left, err := filepath.Glob(p.path("dist/*/*/*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestReadOnlyDist releases into a folder that cannot be written to.
func TestReadOnlyDist(t *testing.T) {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("making a read-only file system takes root on Linux")
	}
	p := newProject(t)
	mount(t, p.path("dist"), "ro,size=64k")
	p.refused(fault.Other, "read-only", "")
}

func mount(t *testing.T, dir, options string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("mounting a small file system: %v: %s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", dir).Run() })
}
