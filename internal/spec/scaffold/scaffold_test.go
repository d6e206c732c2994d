package scaffold

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/gitinfo"
	"github.com/hallmark-dev/hallmark/internal/spec"
)

var update = flag.Bool("update", false, "write what is made now into the golden files")

const code = "package main\n\nfunc main() {}\n"

// tree makes a folder of files.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		full := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestInspect(t *testing.T) {
	for name, c := range map[string]struct {
		files  map[string]string
		git    gitinfo.Info
		author string
		want   module
	}{
		"a program at the root": {
			files: map[string]string{"go.mod": "module github.com/example/thing/v2 // comment\n", "main.go": "// Thing counts things.\npackage main\n\nvar version = \"dev\"\n\nfunc main() {}\n"},
			want: module{path: "github.com/example/thing/v2", name: "thing", company: "example", description: "Thing counts things.",
				repository: "https://github.com/example/thing", version: "0.1.0", variable: "main.version", programs: []program{{".", "thing"}}},
		},
		"several programs and much else": {
			files: map[string]string{
				"go.mod":                "module example.com/app\n",
				"lib.go":                "package app\n",
				"magefile.go":           "//go:build mage\n\npackage main\n\nfunc main() {}\n",
				"cmd/server/main.go":    "package main\n\nvar Version string\n\nfunc main() {}\n",
				"cmd/client/main.go":    "// Command client is a client for the server.\npackage main\n\nfunc main() {}\n",
				"cmd/daemon/d_linux.go": code,
				"internal/gen/main.go":  code,
				"examples/a/main.go":    code,
				"testdata/x/main.go":    code,
				"vendor/x/main.go":      code,
				".hidden/main.go":       code,
				"nested/go.mod":         "module example.com/nested\n",
				"nested/main.go":        code,
			},
			author: "Jo Example",
			want: module{path: "example.com/app", name: "app", company: "Jo Example", description: "A client for the server.", version: "0.1.0",
				variable: "main.Version", programs: []program{{"./cmd/client", "client"}, {"./cmd/server", "server"}}},
		},
		"only a program for development, a tag and a remote": {
			files: map[string]string{"go.mod": "module \"tool\"\n", "tools/gen/main.go": code},
			git:   gitinfo.Info{Tags: []string{"v1.2.0", "v1.10.0"}, Remote: "git@git.example.org:team/tool.git"},
			want: module{path: "tool", name: "tool", company: "tool", repository: "https://git.example.org/team/tool", version: "1.10.0", tagged: true,
				programs: []program{{"./tools/gen", "gen"}}},
		},
		"two programs of one name": {
			files: map[string]string{"go.mod": "module codeberg.org/~jo/my_app.git\n", "a/run/main.go": code, "b/Run/main.go": code},
			want: module{path: "codeberg.org/~jo/my_app.git", name: "my_app", company: "jo", repository: "https://codeberg.org/~jo/my_app.git", version: "0.1.0",
				programs: []program{{"./a/run", "run"}, {"./b/Run", "b-Run"}}},
		},
		"names that Windows does not take": {
			files: map[string]string{"go.mod": "module example.com/con\n", "cmd/nul/main.go": code},
			want:  module{path: "example.com/con", name: "app", company: "example.com", version: "0.1.0", programs: []program{{"./cmd/nul", "app"}}},
		},
		"a comment that is no description, a version that is no text": {
			files: map[string]string{"go.mod": "module example.com/x\n", "main.go": "// Zählt {{Dinge}}.\npackage main\n\nvar version = 3\n\nfunc main() {}\n"},
			want:  module{path: "example.com/x", name: "x", company: "example.com", version: "0.1.0", programs: []program{{".", "x"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := tree(t, c.files)
			m, err := inspect(root, c.git, c.author)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*m, c.want) {
				t.Errorf("got  %+v\nwant %+v", *m, c.want)
			}
			b, err := render(m)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := spec.Parse("release.yaml", b, spec.Env{Root: root}); err != nil {
				t.Errorf("the file does not load: %v", err)
			}
		})
	}
}

func TestRepository(t *testing.T) {
	for name, c := range map[string]struct{ remote, module, want string }{
		"scp form":           {"git@github.com:o/r.git", "x", "https://github.com/o/r"},
		"ssh":                {"ssh://git@git.example.com:2222/o/r.git", "x", "https://git.example.com/o/r"},
		"https with a token": {"https://user:token@github.com/o/r.git", "x", "https://github.com/o/r"},
		"https with a port":  {"https://git.example.com:8443/o/r/", "x", "https://git.example.com:8443/o/r"},
		"git":                {"git://git.example.com/r", "x", "https://git.example.com/r"},
		"a folder":           {"/srv/git/r.git", "x", ""},
		"a Windows folder":   {`C:\git\r`, "x", ""},
		"a file URL":         {"file:///srv/git/r.git", "x", ""},
		"a local name":       {"git@server:r.git", "x", ""},
		"the module":         {"", "github.com/o/r/sub/v3", "https://github.com/o/r"},
		"folder and module":  {"/srv/git/r.git", "gitlab.com/o/r", "https://gitlab.com/o/r"},
		"no forge":           {"", "example.com/a/b", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := repository(c.remote, c.module); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestGolden shows the whole file for two programs, and that every line that
// is off can be taken into use: uncommented all at once, nothing is wrong but
// combinations and files that are not there.
func TestGolden(t *testing.T) {
	root := tree(t, map[string]string{
		"go.mod":             "module github.com/example/app\n",
		"cmd/server/main.go": "// Server answers requests over HTTP.\npackage main\n\nvar version string\n\nfunc main() {}\n",
		"cmd/client/main.go": code,
	})
	m, err := inspect(root, gitinfo.Info{}, "")
	if err != nil {
		t.Fatal(err)
	}
	b, err := render(m)
	if err != nil {
		t.Fatal(err)
	}
	const file = "testdata/release.yaml"
	if *update {
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != strings.ReplaceAll(string(want), "\r\n", "\n") {
		t.Errorf("%s differs; got:\n%s", file, b)
	}
	all := regexp.MustCompile(`(?m)^( *)#([^\s#])`).ReplaceAllString(string(b), "$1$2")
	if strings.Count(all, "\n") != strings.Count(string(b), "\n") || all == string(b) {
		t.Fatal("nothing was uncommented")
	}
	_, err = spec.Parse("release.yaml", []byte(all), spec.Env{Root: root})
	combination := regexp.MustCompile(`cannot be |has no meaning|there is no file|is not among|is wdac.level already|needs verify|is not allowed in`)
	for _, line := range strings.Split(err.Error(), "\n") {
		if !strings.HasPrefix(line, "hint: ") && !combination.MatchString(line) {
			t.Errorf("uncommented: %s", line)
		}
	}
}

func TestInit(t *testing.T) {
	good := map[string]string{"go.mod": "module example.com/app\n", "main.go": code}
	for name, c := range map[string]struct {
		files map[string]string
		force bool
		want  string
	}{
		"fresh":             {files: good},
		"exists":            {files: map[string]string{"go.mod": good["go.mod"], "main.go": code, "release.yaml": "mine\n"}, want: "exists already"},
		"exists, forced":    {files: map[string]string{"go.mod": good["go.mod"], "main.go": code, "release.yaml": "mine\n"}, force: true},
		"no module":         {files: map[string]string{"main.go": code}, want: "reading the module"},
		"no module line":    {files: map[string]string{"go.mod": "go 1.26\n", "main.go": code}, want: "there is no module line"},
		"no program":        {files: map[string]string{"go.mod": good["go.mod"], "lib.go": "package app\n"}, want: "has no main package that builds for Windows"},
		"other system only": {files: map[string]string{"go.mod": good["go.mod"], "main_linux.go": code}, want: "has no main package that builds for Windows"},
	} {
		t.Run(name, func(t *testing.T) {
			root := tree(t, c.files)
			file := filepath.Join(root, "release.yaml")
			before, _ := os.ReadFile(file)
			err := Init(context.Background(), Options{Root: root, File: file, Force: c.force})
			if c.want != "" {
				after, _ := os.ReadFile(file)
				if err == nil || !strings.Contains(err.Error(), c.want) || fault.Status(err) != fault.Usage || string(before) != string(after) {
					t.Errorf("got %v, want %q; file before %q, after %q", err, c.want, before, after)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := spec.Load(file, spec.Env{Root: root}); err != nil {
				t.Errorf("the file does not load: %v", err)
			}
		})
	}
}

// TestInitInRepository takes version, repository and company from real git.
func TestInitInRepository(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed: install the package git")
	}
	root := tree(t, map[string]string{"go.mod": "module app\n", "main.go": code})
	for _, args := range [][]string{
		{"init", "-q"}, {"config", "user.name", "Jo Example"}, {"config", "user.email", "jo@example.com"},
		{"remote", "add", "origin", "git@git.example.com:jo/app.git"}, {"add", "."}, {"commit", "-q", "-m", "x"}, {"tag", "v3.1.4"},
	} {
		cmd := exec.Command(git, args...)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	file := filepath.Join(root, "release.yaml")
	if err := Init(context.Background(), Options{Root: root, File: file}); err != nil {
		t.Fatal(err)
	}
	s, err := spec.Load(file, spec.Env{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	if s.Project.Version != "3.1.4" || s.Project.Company != "Jo Example" || s.Project.Repository != "https://git.example.com/jo/app" {
		t.Errorf("got %+v", s.Project)
	}
}
