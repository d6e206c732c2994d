package scaffold

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
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

// values are the keys and programs of a module as text, without what every
// new file has.
func values(m *module) map[string]string {
	out := map[string]string{}
	for path, f := range m.binaries() {
		switch path {
		case "version", "sign.identity", "timestamp.servers", "resources.manifest.execution_level", "portal.product":
		default:
			out[path] = plainText(f.value)
		}
	}
	return out
}

// loads makes sure that both forms of the file load as they are.
func loads(t *testing.T, root string, m *module, git repository) {
	t.Helper()
	for _, full := range []bool{false, true} {
		b, err := render(m, full)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := spec.Parse("release.yaml", b, tagged(root, git)); err != nil {
			t.Errorf("full %v: the file does not load: %v\n%s", full, err, b)
		}
	}
}

func TestInspect(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		git   repository
		want  map[string]string

		notWindows bool
	}{
		"a program at the root": {
			files: map[string]string{"go.mod": "module github.com/example/thing/v2 // comment\n", "main.go": "// Thing counts things.\npackage main\n\nvar version = \"dev\"\n\nfunc main() {}\n"},
			want: map[string]string{"project.name": "thing", "project.company": "example", "project.description": "Thing counts things.", "project.version": "0.1.0",
				"project.url": "https://github.com/example/thing", "project.repository": "https://github.com/example/thing",
				"build.variables": "{main.version: version}", "build.binaries[0].main": ".", "build.binaries[0].name": "thing"},
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
			git: repository{Author: "Jo Example"},
			want: map[string]string{"project.name": "app", "project.company": "Jo Example", "project.description": "A client for the server.", "project.version": "0.1.0",
				"build.variables": "{main.Version: version}", "build.binaries[0].main": "./cmd/client", "build.binaries[0].name": "client",
				"build.binaries[1].main": "./cmd/server", "build.binaries[1].name": "server"},
		},
		"only a program for development, a tag and a remote": {
			files: map[string]string{"go.mod": "module \"tool\"\n", "tools/gen/main.go": code},
			git:   repository{Info: gitinfo.Info{Commit: "c", Remote: "git@git.example.org:team/tool.git"}, Versions: []string{"v1.2.0", "nightly", "v1.10.0"}, Author: "Jo"},
			want: map[string]string{"project.name": "tool", "project.company": "team", "project.version": "git", "build.vcs": "on",
				"project.url": "https://git.example.org/team/tool", "project.repository": "https://git.example.org/team/tool",
				"build.binaries[0].main": "./tools/gen", "build.binaries[0].name": "gen"},
		},
		"two programs of one name": {
			files: map[string]string{"go.mod": "module codeberg.org/~jo/my_app.git\n", "a/run/main.go": code, "b/Run/main.go": code},
			want: map[string]string{"project.name": "my_app", "project.company": "jo", "project.version": "0.1.0",
				"project.url": "https://codeberg.org/~jo/my_app.git", "project.repository": "https://codeberg.org/~jo/my_app.git",
				"build.binaries[0].main": "./a/run", "build.binaries[0].name": "run", "build.binaries[1].main": "./b/Run", "build.binaries[1].name": "b-Run"},
		},
		"names that Windows does not take": {
			files: map[string]string{"go.mod": "module example.com/con\n", "cmd/nul/main.go": code},
			want: map[string]string{"project.name": "app", "project.company": "example.com", "project.version": "0.1.0",
				"build.binaries[0].main": "./cmd/nul", "build.binaries[0].name": "app"},
			notWindows: true,
		},
		"names of Windows' own programs": {
			files: map[string]string{"go.mod": "module example.com/suite\n", "cmd/find/main.go": code, "cmd/CMD/main.go": code, "cmd/ours/main.go": code},
			want: map[string]string{"project.name": "suite", "project.company": "example.com", "project.version": "0.1.0",
				"build.binaries[0].main": "./cmd/CMD", "build.binaries[0].name": "suite", "build.binaries[1].main": "./cmd/find", "build.binaries[1].name": "suite-find",
				"build.binaries[2].main": "./cmd/ours", "build.binaries[2].name": "ours"},
		},
		"a module in a folder src": {
			files: map[string]string{"go.mod": "module github.com/example/poet/src\n", "main.go": code},
			want: map[string]string{"project.name": "poet", "project.company": "example", "project.version": "0.1.0", "project.url": "https://github.com/example/poet",
				"project.repository": "https://github.com/example/poet", "build.binaries[0].main": ".", "build.binaries[0].name": "poet"},
		},
		"a module that is called src": {
			files: map[string]string{"go.mod": "module src\n", "main.go": code},
			git:   repository{Info: gitinfo.Info{Remote: "https://git.example.org/jo/verse.git"}},
			want: map[string]string{"project.name": "verse", "project.company": "jo", "project.version": "0.1.0", "project.url": "https://git.example.org/jo/verse",
				"project.repository": "https://git.example.org/jo/verse", "build.binaries[0].main": ".", "build.binaries[0].name": "verse"},
		},
		"a comment that is no description, a version that is no text": {
			files: map[string]string{"go.mod": "module example.com/x\n", "main.go": "// Zählt {{Dinge}}.\npackage main\n\nvar version = 3\n\nfunc main() {}\n"},
			want:  map[string]string{"project.name": "x", "project.company": "example.com", "project.version": "0.1.0", "build.binaries[0].main": ".", "build.binaries[0].name": "x"},
		},
		"a comment about source code": {
			files: map[string]string{"go.mod": "module example.com/x\n", "main.go": "// The main package for the x executable.\npackage main\n\nfunc main() {}\n",
				"README.md": "# x\n\n[![badge](a)](b)\n\nx is a program that does one thing well. And more.\n"},
			want: map[string]string{"project.name": "x", "project.description": "x is a program that does one thing well.", "project.company": "example.com", "project.version": "0.1.0",
				"build.binaries[0].main": ".", "build.binaries[0].name": "x"},
		},
		"a version in another package, imported in two steps": {
			files: map[string]string{"go.mod": "module example.com/x\n", "cmd/x/main.go": "package main\n\nimport \"example.com/x/internal/cli\"\n\nfunc main() { cli.Run() }\n",
				"internal/cli/cli.go":       "package cli\n\nimport \"example.com/x/internal/buildinfo\"\n\nfunc Run() { println(buildinfo.Version) }\n",
				"internal/buildinfo/b.go":   "package buildinfo\n\nvar (\n\tVersion = \"(devel)\"\n\tGitCommit string\n\tBuildDate, Other = \"unknown\", \"x\"\n)\n",
				"internal/version/other.go": "package version\n\nvar Version = \"dev\"\n"},
			git: repository{Info: gitinfo.Info{Commit: "c"}},
			want: map[string]string{"project.name": "x", "project.company": "example.com", "project.version": "0.1.0", "build.binaries[0].main": "./cmd/x", "build.binaries[0].name": "x",
				"build.variables": "{example.com/x/internal/buildinfo.BuildDate: commit_date, example.com/x/internal/buildinfo.GitCommit: commit, example.com/x/internal/buildinfo.Version: version}"},
		},
		"a shallow clone without tags": {
			files: map[string]string{"go.mod": "module example.com/x\n", "main.go": code},
			git:   repository{Info: gitinfo.Info{Commit: "c"}, Shallow: true},
			want:  map[string]string{"project.name": "x", "project.company": "example.com", "project.version": "git", "build.vcs": "on", "build.binaries[0].main": ".", "build.binaries[0].name": "x"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if c.notWindows && runtime.GOOS == "windows" {
				t.Skip("Windows cannot hold these files")
			}
			root := tree(t, c.files)
			m, err := inspect(root, c.git)
			if err != nil {
				t.Fatal(err)
			}
			if got := values(m); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %v\nwant %v", got, c.want)
			}
			loads(t, root, m, c.git)
		})
	}
}

func TestAddress(t *testing.T) {
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
			if got := address(c.remote, c.module); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestGolden shows both files for two programs, and that every line that is
// off can be taken into use: uncommented all at once, nothing is wrong but
// combinations and files that are not there.
func TestGolden(t *testing.T) {
	root := tree(t, map[string]string{
		"go.mod":             "module github.com/example/app\n",
		"cmd/server/main.go": "// Server answers requests over HTTP.\npackage main\n\nvar version string\n\nfunc main() {}\n",
		"cmd/client/main.go": code,
		"cmd/gen/main.go":    code,
	})
	m, err := inspect(root, repository{})
	if err != nil {
		t.Fatal(err)
	}
	for file, full := range map[string]bool{"testdata/release.yaml": true, "testdata/short.yaml": false} {
		b, err := render(m, full)
		if err != nil {
			t.Fatal(err)
		}
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
		if !full {
			if err != nil {
				t.Errorf("the short file uncommented: %v", err)
			}
			continue
		}
		combination := regexp.MustCompile(`cannot be |has no effect|there is no file|is not among|is wdac.level already|needs verify|is not allowed in`)
		for _, line := range strings.Split(err.Error(), "\n") {
			if !strings.HasPrefix(line, "hint: ") && !combination.MatchString(line) {
				t.Errorf("uncommented: %s", line)
			}
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
		"cgo only":          {files: map[string]string{"go.mod": good["go.mod"], "main.go": "package main\n\nimport \"C\"\n\nfunc main() {}\n"}, want: "needs cgo"},
	} {
		t.Run(name, func(t *testing.T) {
			root := tree(t, c.files)
			file := filepath.Join(root, "release.yaml")
			before, _ := os.ReadFile(file)
			_, err := Init(context.Background(), Options{Root: root, File: file, Force: c.force})
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
			if _, err := os.Stat(filepath.Join(root, ".gitignore")); err == nil {
				t.Error("a .gitignore was made outside of a repository")
			}
		})
	}
}

// repositoryOf makes a real repository of the files, with the commands.
func repositoryOf(t *testing.T, files map[string]string, commands ...[]string) string {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed: install the package git")
	}
	root := tree(t, files)
	for _, args := range append([][]string{
		{"init", "-q"}, {"config", "user.name", "Jo Example"}, {"config", "user.email", "jo@example.com"}, {"add", "."}, {"commit", "-q", "-m", "x"},
	}, commands...) {
		cmd := exec.Command(git, args...)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	return root
}

// TestInitInRepository takes version, repository and company from real git,
// 3 commits after the tag.
func TestInitInRepository(t *testing.T) {
	root := repositoryOf(t, map[string]string{"go.mod": "module app\n", "main.go": code},
		[]string{"remote", "add", "origin", "git@git.example.com:team/app.git"}, []string{"tag", "v3.1.4"}, []string{"commit", "-q", "--allow-empty", "-m", "y"})
	file := filepath.Join(root, "release.yaml")
	r, err := Init(context.Background(), Options{Root: root, File: file})
	if err != nil {
		t.Fatal(err)
	}
	s, err := spec.Load(file, tagged(root, askGit(context.Background(), root)))
	if err != nil {
		t.Fatal(err)
	}
	if s.Project.Version != "3.1.4" || s.Project.Company != "team" || s.Project.Repository != "https://git.example.com/team/app" {
		t.Errorf("got %+v", s.Project)
	}
	if got, err := os.ReadFile(filepath.Join(root, ".gitignore")); err != nil || string(got) != "dist/\n.hallmark/\n" {
		t.Errorf(".gitignore is %q, %v", got, err)
	}
	if lines := strings.Join(r.Lines(), "\n"); !strings.Contains(lines, "app.exe from .") || !strings.Contains(lines, "added dist/ and .hallmark/") ||
		!strings.Contains(lines, "project.description, which portal needs") || !strings.Contains(lines, `"team" is a guess`) {
		t.Errorf("the report says\n%s", lines)
	}
}

func TestIgnore(t *testing.T) {
	for name, c := range map[string]struct{ before, after string }{
		"nothing there":       {"", "dist/\n.hallmark/\n"},
		"no line break":       {"*.exe", "*.exe\ndist/\n.hallmark/\n"},
		"Windows line breaks": {"*.exe\r\n", "*.exe\r\ndist/\r\n.hallmark/\r\n"},
		"one there":           {"/dist\n", "/dist\n.hallmark/\n"},
		"both there":          {"dist\r\n/.hallmark/\r\n", "dist\r\n/.hallmark/\r\n"},
		"others like it":      {"web/dist/\n!dist/\n#dist/\n", "web/dist/\n!dist/\n#dist/\ndist/\n.hallmark/\n"},
	} {
		t.Run(name, func(t *testing.T) {
			root := tree(t, map[string]string{".gitignore": c.before})
			for range 2 { // a second time nothing is added
				if _, err := ignore(root, true); err != nil {
					t.Fatal(err)
				}
				if got, _ := os.ReadFile(filepath.Join(root, ".gitignore")); string(got) != c.after {
					t.Errorf("got %q, want %q", got, c.after)
				}
			}
		})
	}
}
