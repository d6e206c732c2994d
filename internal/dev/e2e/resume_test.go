package e2e

import (
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	sig "os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/rfc3161"
	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// stamps starts a time server that fails while bad returns true.
func stamps(t *testing.T, kind rfc3161.FaultKind, bad *atomic.Bool, asked chan<- struct{}) string {
	t.Helper()
	tsa := formatstest.NewPKI(t).TSA
	h, err := rfc3161.NewServer(rfc3161.ServerOptions{Key: tsa.Key, Certificate: tsa.Certificate, Chain: tsa.Chain, Fault: func(int) rfc3161.Fault {
		select {
		case asked <- struct{}{}:
		default:
		}
		if bad.Load() {
			return rfc3161.Fault{Kind: kind}
		}
		return rfc3161.Fault{}
	}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

// publisher makes a module that is signed by a PFX file and stamped by server.
func publisher(t *testing.T, server string) (dir string, env []string) {
	t.Helper()
	pki := formatstest.NewPKI(t)
	dir = module(t, `version: 1
project: {name: tiny, version: 1.2.3, company: Tiny Works, description: Prints its name.}
build: {builder: go, binaries: [{main: .}], targets: [windows/amd64]}
resources: {}
sign: {identity: "pkcs12:id.pfx", password: "env:PFX_PASSWORD"}
timestamp: {servers: ["`+server+`"], attempts: 1, request_timeout: 20s, budget: 20s}
verify: {roots: [root.pem], timestamp_roots: [tsaroot.pem]}
`)
	write(t, dir, "id.pfx", read(t, pki.Leaf.PFXFile(t, "secret")))
	write(t, dir, "root.pem", read(t, formatstest.PEMFile(t, pki.Root)))
	write(t, dir, "tsaroot.pem", read(t, formatstest.PEMFile(t, pki.TSARoot)))
	return dir, []string{"PFX_PASSWORD=secret"}
}

// TestTimestampOnAnotherMachine: the time servers cannot be reached where the
// key is. The folder goes to another machine, without key and password; there
// mage timestamp alone does it, and the files can be put together and judged.
func TestTimestampOnAnotherMachine(t *testing.T) {
	bin := program(t)
	var bad atomic.Bool
	bad.Store(true)
	dir, env := publisher(t, stamps(t, rfc3161.FaultDown, &bad, nil))
	if r := run(t, dir, env, bin, "release"); r.code != 4 || !strings.Contains(r.out, "nothing is lost") {
		t.Fatalf("exit status %d, want 4\n%s", r.code, r.out)
	}
	bad.Store(false)
	other := t.TempDir()
	if err := os.CopyFS(other, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(other, "id.pfx"))
	os.RemoveAll(filepath.Join(other, ".hallmark"))
	env = onlyGo(t)
	for _, step := range []string{"timestamp", "attach", "verify", "package", "sums"} {
		if r := run(t, other, env, bin, step); r.code != 0 {
			t.Fatalf("mage %s: exit status %d\n%s", step, r.code, r.out)
		}
	}
	pki := formatstest.NewPKI(t)
	exe := filepath.Join(other, filepath.FromSlash(tiny))
	if ok, out := formatstest.VerifyOssl(t, exe, formatstest.PEMFile(t, pki.Root), formatstest.PEMFile(t, pki.TSARoot)); !ok || !strings.Contains(out, "Timestamp verified using") {
		t.Errorf("osslsigncode does not accept the program with its timestamp:\n%s", out)
	}
	// Back where the key is, nothing has to be signed again.
	write(t, other, "id.pfx", read(t, filepath.Join(dir, "id.pfx")))
	if r := run(t, other, nil, bin, "release"); r.code != 0 || !strings.Contains(r.out, "everything is up to date") {
		t.Errorf("exit status %d, want everything up to date in\n%s", r.code, r.out)
	}
}

// TestInterrupted ends a release that waits for its time server, in the ways that
// people and systems have. Nothing half-written stays, and the next release
// goes on without a second signature.
func TestInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signals to send to another process")
	}
	bin := program(t)
	for name, signal := range signals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if sig.Ignored(signal) {
				t.Skip("the tests run with this signal ignored, as below nohup, and so does what they start")
			}
			var bad atomic.Bool
			bad.Store(true)
			asked := make(chan struct{}, 1)
			dir, env := publisher(t, stamps(t, rfc3161.FaultSlow, &bad, asked))
			interrupt(t, bin, dir, env, signal, asked)
			for f := range files(t, filepath.Join(dir, "dist")) {
				if strings.HasPrefix(filepath.Base(f), atomicfile.Prefix) || strings.HasPrefix(f, "release/") {
					t.Errorf("left behind: dist/%s", f)
				}
			}
			signature := filepath.Join(dir, "dist/stage/sign/tiny_windows_amd64/tiny.exe.p7s")
			before, err := os.Stat(signature)
			if err != nil {
				t.Fatal(err)
			}
			bad.Store(false)
			if r := run(t, dir, env, bin, "release"); r.code != 0 {
				t.Fatalf("the next release: exit status %d\n%s", r.code, r.out)
			}
			if after, err := os.Stat(signature); err != nil || !after.ModTime().Equal(before.ModTime()) {
				t.Errorf("the program was signed a second time (%v)", err)
			}
		})
	}
}

// interrupt releases until the time server is asked, sends the signal, and
// demands that the process ends soon and does not claim success.
func interrupt(t *testing.T, bin, dir string, env []string, signal os.Signal, asked <-chan struct{}) {
	t.Helper()
	cmd := exec.Command(bin, "release")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-asked:
	case err := <-done:
		t.Fatalf("the release ended before it asked for a timestamp: %v", err)
	}
	if err := cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			t.Errorf("after the signal: %v, want a failure", err)
		}
		if signal != os.Kill && (exit.ExitCode() != 1 || strings.Count(said.String(), "interrupted by") != 1) {
			t.Errorf("exit status %d, want 1; it says\n%s", exit.ExitCode(), said.String())
		}
	case <-time.After(15 * time.Second):
		cmd.Process.Kill()
		t.Error("15 s after the signal the release still runs")
	}
}
