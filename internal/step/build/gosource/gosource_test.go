package gosource

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		p := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestList(t *testing.T) {
	base := t.TempDir()
	root := filepath.Join(base, "app")
	write(t, base, map[string]string{
		"app/go.mod":               "module example.com/app\n\ngo 1.26.0\n\nrequire example.com/lib v0.0.0\n\nreplace example.com/lib => ../lib\n",
		"app/cmd/x/main.go":        "package main\n\nimport (\n\t_ \"embed\"\n\n\t_ \"example.com/app/inner\"\n)\n\n//go:embed assets/*\nvar _ string\n\nfunc main() {}\n",
		"app/cmd/x/only_arm64.go":  "package main\n",
		"app/cmd/x/main_test.go":   "package main\n",
		"app/cmd/x/tagged.go":      "//go:build extra\n\npackage main\n",
		"app/cmd/x/linux.go":       "//go:build linux\n\npackage main\n",
		"app/cmd/x/assets/one.txt": "1",
		"app/inner/inner.go":       "package inner\n\nimport _ \"example.com/lib\"\n",
		"app/unused/unused.go":     "package unused\n",
		"lib/go.mod":               "module example.com/lib\n\ngo 1.26.0\n",
		"lib/lib.go":               "package lib\n",
	})
	// A single embedded file needs a string; several need embed.FS, which
	// keeps this fixture compilable.
	write(t, root, map[string]string{"cmd/x/main.go": "package main\n\nimport (\n\t\"embed\"\n\n\t_ \"example.com/app/inner\"\n)\n\n//go:embed assets/*\nvar Assets embed.FS\n\nfunc main() {}\n"})
	got, err := List(context.Background(), Query{Root: root, Packages: []string{"./cmd/x"}, GOOS: "windows", GOARCHs: []string{"amd64", "arm64"}, Env: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		filepath.Join(base, "lib"), filepath.Join(base, "lib", "go.mod"), filepath.Join(base, "lib", "lib.go"),
		"cmd/x", "cmd/x/assets", "cmd/x/assets/one.txt", "cmd/x/main.go", "cmd/x/only_arm64.go", "go.mod", "inner", "inner/inner.go",
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	tagged, err := List(context.Background(), Query{Root: root, Packages: []string{"./cmd/x"}, GOOS: "windows", GOARCHs: []string{"amd64"}, Tags: []string{"extra"}, Env: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(tagged, "cmd/x/tagged.go") || slices.Contains(tagged, "cmd/x/only_arm64.go") {
		t.Errorf("tags or architecture are not respected: %q", tagged)
	}
}

func TestListNamesWhatIsMissing(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{"go.mod": "module example.com/app\n\ngo 1.26.0\n"})
	_, err := List(context.Background(), Query{Root: root, Packages: []string{"./cmd/none"}, GOOS: "windows", GOARCHs: []string{"amd64"}, Env: os.Environ()})
	if err == nil {
		t.Fatal("a missing package was accepted")
	}
}
