package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// oldModule is a product whose go.mod is behind ours: an older go line, and the
// debug settings that come with it, and an older x/crypto in a vendor folder,
// which shows which version it is.
var oldModule = map[string]string{
	"go.mod": "module example.com/old\n\ngo 1.23.0\n\nrequire golang.org/x/crypto v0.21.0\n",
	"go.sum": "golang.org/x/crypto v0.21.0 h1:X31++rzVUdKhX5sWmSOFZxx8UW/ldWx55cbf08iNAMA=\n" +
		"golang.org/x/crypto v0.21.0/go.mod h1:0BP7YvVV9gBbVKyeTG0Gyn+gZm94bibOW5BjDEYAOMs=\n",
	"main.go":            "// Old prints the version of what it was built with.\npackage main\n\nimport \"golang.org/x/crypto/marker\"\n\nvar version = \"dev\"\n\nfunc main() { println(version, marker.Version) }\n",
	"vendor/modules.txt": "# golang.org/x/crypto v0.21.0\n## explicit; go 1.18\ngolang.org/x/crypto/marker\n",
	"vendor/golang.org/x/crypto/marker/marker.go": "package marker\n\nconst Version = \"vendored x/crypto v0.21.0\"\n",
}

func oldProduct(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range oldModule {
		write(t, dir, name, text)
	}
	return dir
}

// plain compiles the product without us and returns the program's bytes.
func plain(t *testing.T, dir string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "old.exe")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -X=main.version=0.1.0", "-o", out, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOPROXY=off", "GOTOOLCHAIN=local")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, b)
	}
	return read(t, out)
}

// unchanged demands that the product's own files are as they were.
func unchanged(t *testing.T, dir string) {
	t.Helper()
	for name, text := range oldModule {
		if got := read(t, filepath.Join(dir, filepath.FromSlash(name))); got != text {
			t.Errorf("%s was changed:\n%s", name, got)
		}
	}
}

// TestProductStaysAsItIs releases a product with the program hallmark, and with
// the magefile that init -mage makes, and compares what is compiled with what
// plain go build makes of it.
func TestProductStaysAsItIs(t *testing.T) {
	env, hallmark := onlyGo(t), program(t)
	const compiled = "dist/build/old_windows_amd64/old.exe"
	t.Run("hallmark", func(t *testing.T) {
		dir := oldProduct(t)
		want := plain(t, dir)
		for _, args := range [][]string{{"init"}, {"release"}} {
			if r := run(t, dir, env, hallmark, args...); r.code != 0 {
				t.Fatalf("%v: exit status %d\n%s", args, r.code, r.out)
			}
		}
		if read(t, filepath.Join(dir, filepath.FromSlash(compiled))) != want {
			t.Error("the program differs from what go build makes")
		}
		unchanged(t, dir)
	})
	t.Run("init -mage", func(t *testing.T) {
		dir := oldProduct(t)
		want := plain(t, dir)
		if r := run(t, dir, env, hallmark, "init", "-mage"); r.code != 0 {
			t.Fatalf("init -mage: exit status %d\n%s", r.code, r.out)
		}
		made := read(t, filepath.Join(dir, "release", "go.mod"))
		if !strings.HasPrefix(made, "module example.com/old/release\n") || !strings.Contains(made, "tool github.com/magefile/mage") {
			t.Errorf("release/go.mod is\n%s", made)
		}
		// What go mod tidy fetches is known here: this checkout.
		if err := requiring(filepath.Join(dir, "release"), "example.com/old/release"); err != nil {
			t.Fatal(err)
		}
		mage := append(env, "GOFLAGS=-mod=mod -trimpath -tags=crashpoint")
		if r := run(t, filepath.Join(dir, "release"), mage, "go", "tool", "mage", "-w", "..", "release"); r.code != 0 {
			t.Fatalf("go tool mage -w .. release: exit status %d\n%s", r.code, r.out)
		}
		if read(t, filepath.Join(dir, filepath.FromSlash(compiled))) != want {
			t.Error("the program differs from what go build makes")
		}
		unchanged(t, dir)
		accepted(t, dir, glob(t, dir, "dist/release/*/*.exe"))
	})
	t.Run("the usual way would not", func(t *testing.T) {
		// With our requirements in the product's go.mod the program is another:
		// the test above can fail.
		dir := oldProduct(t)
		want := plain(t, dir)
		write(t, dir, "go.mod", strings.Replace(read(t, filepath.Join(dir, "go.mod")), "go 1.23.0", "go 1.26.0", 1))
		if plain(t, dir) == want {
			t.Error("a newer go line makes the same program")
		}
	})
}
