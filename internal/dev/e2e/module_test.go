package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// magefile is all that another repository needs.
const magefile = `//go:build mage

package main

import _ "github.com/hallmark-dev/hallmark/targets" // mage:import
`

// offline is the environment of the go commands that the tests start: nothing
// is fetched, and paths of folders do not spoil the build cache.
func offline(flags ...string) []string {
	return []string{"GOFLAGS=" + strings.Join(append(flags, "-trimpath"), " "), "GOPROXY=off", "GOWORK=off", "GOTOOLCHAIN=local", "CGO_ENABLED=0"}
}

// onlyGo is the environment of a machine that has Go, its module cache and
// nothing else: no git, no C compiler, no goreleaser, no caches of ours.
func onlyGo(t *testing.T, flags ...string) []string {
	t.Helper()
	home := t.TempDir()
	env := append(offline(flags...), "HOME="+home, "XDG_CACHE_HOME="+home, "LocalAppData="+home, "USERPROFILE="+home)
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
		env = append(env, name+"="+goEnv(t, name))
	}
	return append(env, "PATH="+filepath.Join(goEnv(t, "GOROOT"), "bin"))
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	b, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// requiring writes go.mod and go.sum of a module that requires this checkout.
// go get would do it with a network: what we require ourselves is known.
func requiring(dir, module string) error {
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		return err
	}
	ours, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return err
	}
	_, requires, _ := strings.Cut(string(ours), "\nrequire (")
	text := fmt.Sprintf("module %s\n\ngo 1.26.0\n\ntool github.com/magefile/mage\n\nrequire github.com/hallmark-dev/hallmark v0.0.0\n\n"+
		"replace github.com/hallmark-dev/hallmark => %s\n\nrequire (%s", module, root, requires)
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o644); err != nil {
		return err
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o644)
}

// compiled is the folder of the compiled program, once there is one.
var compiled string

// hallmark compiles the program, once, with the crash points in it.
var hallmark = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "hallmark-e2e-")
	if err != nil {
		return "", err
	}
	compiled = dir
	out := filepath.Join(dir, "hallmark")
	if runtime.GOOS == "windows" {
		out += ".exe"
	}
	cmd := exec.Command("go", "build", "-tags=crashpoint", "-o", out, "github.com/hallmark-dev/hallmark/cmd/hallmark")
	if b, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compiling hallmark: %v\n%s", err, b)
	}
	return out, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if compiled != "" {
		os.RemoveAll(compiled)
	}
	os.Exit(code)
}

func program(t *testing.T) string {
	t.Helper()
	path, err := hallmark()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// identity makes the test identity once: its RSA keys take seconds.
var identity = sync.OnceValues(func() (string, error) {
	bin, err := hallmark()
	if err != nil {
		return "", err
	}
	cmd := exec.Command(bin, "certs", "-identity=test")
	cmd.Dir = filepath.Dir(bin)
	if b, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("making the test identity: %v\n%s", err, b)
	}
	return filepath.Join(filepath.Dir(bin), ".hallmark"), nil
})

// module makes a small module with a spec in a new folder, and a test identity
// that is the same for all.
func module(t *testing.T, spec string) string {
	t.Helper()
	dir := t.TempDir()
	state, err := identity()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, ".hallmark"), os.DirFS(state)); err != nil {
		t.Fatal(err)
	}
	private(t, filepath.Join(dir, ".hallmark"))
	write(t, dir, "go.mod", "module example.com/tiny\n\ngo 1.26.0\n")
	write(t, dir, "main.go", "package main\n\nfunc main() { println(\"tiny\") }\n")
	write(t, dir, "release.yaml", spec)
	return dir
}

// private takes from others what the umask let them have: keys in a folder that
// others can write to are refused.
func private(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return os.Chmod(p, 0o700)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
