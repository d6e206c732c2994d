package gosource

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/builder/golist"
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

// files lists the files behind ./cmd/x of the module in root.
func files(t *testing.T, root, goarch string, tags ...string) []string {
	t.Helper()
	q := golist.Query{Root: root, Packages: []string{"./cmd/x", "./cmd/y"}, GOARCH: goarch, Tags: tags, Env: append(os.Environ(), "CGO_ENABLED=0")}
	packages, err := golist.List(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return Files(root, packages, "./cmd/x")
}

func module(t *testing.T) (base, root string) {
	base = t.TempDir()
	root = filepath.Join(base, "app")
	write(t, base, map[string]string{
		"app/go.mod":               "module example.com/app\n\ngo 1.26.0\n\nrequire example.com/lib v0.0.0\n\nreplace example.com/lib => ../lib\n",
		"app/cmd/x/main.go":        "package main\n\nimport (\n\t\"embed\"\n\n\t_ \"example.com/app/inner\"\n)\n\n//go:embed assets/*\nvar Assets embed.FS\n\nfunc main() {}\n",
		"app/cmd/x/only_arm64.go":  "package main\n",
		"app/cmd/x/main_test.go":   "package main\n",
		"app/cmd/x/tagged.go":      "//go:build extra\n\npackage main\n",
		"app/cmd/x/linux.go":       "//go:build linux\n\npackage main\n",
		"app/cmd/x/default.pgo":    "",
		"app/cmd/x/assets/one.txt": "1",
		"app/cmd/y/main.go":        "package main\n\nimport _ \"example.com/app/unused\"\n\nfunc main() {}\n",
		"app/inner/inner.go":       "package inner\n\nimport _ \"example.com/lib\"\n",
		"app/unused/unused.go":     "package unused\n",
		"lib/go.mod":               "module example.com/lib\n\ngo 1.26.0\n",
		"lib/lib.go":               "package lib\n",
	})
	return base, root
}

func TestFiles(t *testing.T) {
	base, root := module(t)
	want := []string{
		filepath.Join(base, "lib", "go.mod"), filepath.Join(base, "lib", "lib.go"),
		"cmd/x/assets/one.txt", "cmd/x/default.pgo", "cmd/x/main.go", "go.mod", "inner/inner.go",
	}
	slices.Sort(want)
	if got := files(t, root, "amd64"); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := files(t, root, "arm64"); !slices.Contains(got, "cmd/x/only_arm64.go") {
		t.Errorf("the architecture is not respected: %q", got)
	}
	if got := files(t, root, "amd64", "extra"); !slices.Contains(got, "cmd/x/tagged.go") {
		t.Errorf("tags are not respected: %q", got)
	}
}

// A new file counts when it is compiled or embedded, and no other.
func TestFresh(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"source":                   {"cmd/x/new.go", "package main\n", "cmd/x/new.go"},
		"source of a library":      {"inner/new.go", "package inner\n", "inner/new.go"},
		"assembler":                {"inner/new_amd64.s", "", "inner/new_amd64.s"},
		"resources":                {"cmd/x/rsrc_windows_amd64.syso", "", "cmd/x/rsrc_windows_amd64.syso"},
		"asset":                    {"cmd/x/assets/two.txt", "2", "cmd/x/assets/two.txt"},
		"asset in a new folder":    {"cmd/x/assets/deep/three.txt", "3", "cmd/x/assets/deep/three.txt"},
		"hidden in an asset":       {"cmd/x/assets/deep/.three", "3", ""},
		"test":                     {"cmd/x/new_test.go", "package main\n", ""},
		"another system":           {"cmd/x/new_linux.go", "package main\n", ""},
		"another machine":          {"cmd/x/new_arm64.go", "package main\n", ""},
		"another tag":              {"cmd/x/other.go", "//go:build other\n\npackage main\n", ""},
		"resources of another":     {"cmd/x/rsrc_windows_arm64.syso", "", ""},
		"no source":                {"cmd/x/notes.yaml", "a: b\n", ""},
		"in a folder not used":     {"unused/new.go", "package unused\n", ""},
		"in the root":              {"new.yaml", "", ""},
		"program nobody asked for": {"cmd/z/main.go", "package main\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, root := module(t)
			recorded := map[string]string{}
			for _, f := range files(t, root, "amd64") {
				recorded[f] = "hash"
			}
			if got := Fresh(root, recorded, "amd64", nil, false); len(got) > 0 {
				t.Fatalf("before: %q", got)
			}
			write(t, root, map[string]string{c.file: c.text})
			if got := strings.Join(Fresh(root, recorded, "amd64", nil, false), " "); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			after := files(t, root, "amd64")
			if slices.Contains(after, c.file) != (c.want != "") {
				t.Errorf("the go command does not agree: %q", after)
			}
		})
	}
}
