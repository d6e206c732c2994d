package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestThirdParty makes a second module out of a go.mod that requires this one,
// a magefile of three lines and a main package; mage init writes its spec, and
// what it writes is released as it is, on a machine with only Go.
func TestThirdParty(t *testing.T) {
	// The tag, which changes nothing on its own, lets the build cache serve the
	// program of the other tests too.
	dir, env := t.TempDir(), onlyGo(t, "-mod=mod", "-tags=crashpoint")
	if err := requiring(dir, "example.com/other"); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "magefile.go", magefile)
	write(t, dir, "cmd/greet/main.go", "// Greet says hello.\npackage main\n\nfunc main() { println(\"hello\") }\n")
	mage := func(code int, args ...string) string {
		t.Helper()
		r := run(t, dir, env, "go", append([]string{"tool", "mage"}, args...)...)
		if r.code != code {
			t.Fatalf("mage %s: exit status %d, want %d\n%s", strings.Join(args, " "), r.code, code, r.out)
		}
		return r.out
	}
	if out := mage(2, "release"); !strings.Contains(out, "go tool mage init") {
		t.Errorf("without a spec nothing is said of mage init:\n%s", out)
	}
	mage(0, "init")
	written := read(t, filepath.Join(dir, "release.yaml"))
	mage(2, "init") // an existing spec is not overwritten
	mage(0, "plan")
	mage(0, "release")
	if read(t, filepath.Join(dir, "release.yaml")) != written {
		t.Error("the spec was changed")
	}
	programs := glob(t, dir, "dist/release/*/*.exe")
	if len(programs) == 0 {
		t.Fatal("no program was released")
	}
	accepted(t, dir, programs)
	if out := mage(0, "release"); !strings.Contains(out, "everything is up to date") {
		t.Errorf("the second release did something:\n%s", out)
	}
	// The other exit statuses reach the shell through go and mage, too.
	mage(3, "file:verify", "-in="+glob(t, dir, "dist/build/*/*.exe")[0])
	mage(4, "file:timestamp", "-in="+programs[0], "-server=http://127.0.0.1:1/", "-out="+filepath.Join(dir, "stamped.exe"))
	write(t, dir, "cmd/greet/main.go", "package main\n\nfunc main() { hello }\n")
	mage(1, "release")
	if out := mage(0, "version"); !strings.Contains(out, "hallmark") {
		t.Errorf("version says %q", out)
	}
	mage(0, "clean")
	if left := glob(t, dir, "dist/*"); len(left) != 0 {
		t.Errorf("clean left %v", left)
	}
}

// TestCompiledProgram releases a repository that has neither a magefile nor a
// word of us in its go.mod, with the program that people install.
func TestCompiledProgram(t *testing.T) {
	bin, dir, env := program(t), module(t, spec), onlyGo(t)
	os.Remove(filepath.Join(dir, "release.yaml"))
	os.RemoveAll(filepath.Join(dir, ".hallmark"))
	for _, args := range [][]string{{"init"}, {"doctor"}, {"release"}, {"plan"}} {
		if r := run(t, dir, env, bin, args...); r.code != 0 {
			t.Fatalf("%v: exit status %d\n%s", args, r.code, r.out)
		}
	}
	accepted(t, dir, glob(t, dir, "dist/release/*/*.exe"))
}

func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// accepted demands that osslsigncode accepts the programs with their
// timestamps against the exported test root.
func accepted(t *testing.T, dir string, programs []string) {
	t.Helper()
	root := filepath.Join(dir, "dist", "test-root.pem")
	for _, p := range programs {
		ok, out := formatstest.VerifyOssl(t, p, root, root)
		if !ok || !strings.Contains(out, "Timestamp verified using") {
			t.Errorf("osslsigncode does not accept %s with its timestamp:\n%s", p, out)
		}
	}
}
