package goreleaser

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/builder/buildertest"
	"github.com/hallmark-dev/hallmark/internal/builder/gobuild"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
	"github.com/hallmark-dev/hallmark/internal/spec"
)

// realLocator finds the real goreleaser, or skips the test.
func realLocator(t *testing.T) Locator {
	t.Helper()
	if testing.Short() {
		t.Skip("compiles with the real goreleaser: not in short mode")
	}
	_, err := Locator{}.Find(t.Context())
	switch {
	case err == nil:
		return Locator{}
	case os.Getenv("HALLMARK_REQUIRE_TOOLS") == "1":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
	return Locator{}
}

func contents(t *testing.T, made []builder.Artifact) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, a := range made {
		b, err := os.ReadFile(a.Path)
		if err != nil {
			t.Fatal(err)
		}
		all[a.File()] = b
	}
	return all
}

func sameAsGoBuild(t *testing.T, l Locator, req builder.Request) {
	t.Helper()
	other := req
	other.Root = buildertest.Module(t, nil)
	other.Out = filepath.Join(other.Root, "dist", "build")
	if req.Spec.VCS == "on" {
		other.Root, other.Out = req.Root, filepath.Join(req.Root, "dist", "other")
	}
	byGo, err := gobuild.Builder{}.Build(t.Context(), other)
	if err != nil {
		t.Fatal(err)
	}
	byGoreleaser, err := Builder{l}.Build(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	want, got := contents(t, byGo), contents(t, byGoreleaser)
	if len(got) == 0 || len(got) != len(want) {
		t.Fatalf("goreleaser made %d programs, go build %d", len(got), len(want))
	}
	for name := range want {
		if !bytes.Equal(got[name], want[name]) {
			t.Errorf("%s differs between goreleaser and go build", name)
		}
	}
}

func TestIdenticalBytes(t *testing.T) {
	l := realLocator(t)
	req := buildertest.Request(t, buildertest.Module(t, nil))
	req.Spec.Targets = []string{"windows/amd64", "windows/arm64", "windows/386"}
	req.Spec.Binaries = append(req.Spec.Binaries, spec.Binary{ID: "gui", Main: "./cmd/app", Name: "app-gui", GUI: true})
	req.Spec.Tags = []string{"one", "two"}
	req.Spec.LDFlags = []string{"-s", "-w", "-X 'main.unused={{ .Version }}'"}
	sameAsGoBuild(t, l, req)
}

// Without flags goreleaser must not bring its own.
func TestIdenticalBytesWithoutFlags(t *testing.T) {
	l := realLocator(t)
	req := buildertest.Request(t, buildertest.Module(t, nil))
	req.Spec.LDFlags, req.Variables = nil, nil
	sameAsGoBuild(t, l, req)
}

func TestIdenticalBytesWithVCS(t *testing.T) {
	l := realLocator(t)
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed: apt-get install git")
	}
	req := buildertest.Request(t, buildertest.Module(t, map[string]string{".gitignore": "dist/\n"}))
	req.Spec.VCS = "on"
	for _, args := range [][]string{
		{"init", "-q"}, {"add", "."}, {"-c", "user.name=t", "-c", "user.email=t@example.test", "commit", "-qm", "x"},
	} {
		cmd := exec.Command("git", args...)
		cmd.Dir = req.Root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	sameAsGoBuild(t, l, req)
}

// goreleaser insists on git; Builder helps out where there is none.
func TestWithoutGit(t *testing.T) {
	real, err := realLocator(t).Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	goCommand, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	formatstest.Symlink(t, goCommand, filepath.Join(bin, executable("go")))
	t.Setenv("PATH", bin)
	l := Locator{LookPath: func(name string) (string, error) {
		if name == "goreleaser" {
			return real.Path, nil
		}
		return "", errors.New("not found")
	}}
	made, err := Builder{l}.Build(t.Context(), buildertest.Request(t, buildertest.Module(t, nil)))
	if err != nil || len(made) != 1 {
		t.Errorf("got %+v, %v", made, err)
	}
}

func TestUserConfig(t *testing.T) {
	l := realLocator(t)
	root := buildertest.Module(t, map[string]string{"dist/kept.txt": "not goreleaser's to wipe", ".goreleaser.yaml": `version: 2
project_name: mine
before: {hooks: ["go version"]}
builds:
  - id: mine
    main: ./cmd/app
    binary: tools/mine
    goos: [windows, linux]
    goarch: [amd64]
    flags: [-trimpath]
    ldflags: ["-s -w -X main.version={{ .Version }}"]
binary_signs:
  - {cmd: "no-such-program", artifacts: binary}
archives: [{formats: [zip]}]
`})
	req := buildertest.Request(t, root)
	req.Spec = &spec.Build{Config: ".goreleaser.yaml"}
	made, err := Builder{l}.Build(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if len(made) != 1 || made[0].ID != "mine" || made[0].Name != "mine.exe" || made[0].GOARCH != "amd64" {
		t.Fatalf("got %+v", made)
	}
	if !bytes.Contains(contents(t, made)["mine_windows_amd64/mine.exe"], []byte(req.Version)) {
		t.Error("the program does not hold the version of the release")
	}
	if _, err := os.Stat(filepath.Join(root, "dist", "kept.txt")); err != nil {
		t.Error("goreleaser wiped the dist folder")
	}
}

func TestUserConfigWithLevels(t *testing.T) {
	l := realLocator(t)
	config := "version: 2\nbuilds: [{id: a, main: ./cmd/app, binary: a, goos: [windows], goarch: [amd64], goamd64: [v1, v3]}]\n"
	req := buildertest.Request(t, buildertest.Module(t, map[string]string{"my.yaml": config}))
	req.Spec = &spec.Build{Config: "my.yaml"}
	made, err := Builder{l}.Build(t.Context(), req)
	if err != nil || len(made) != 2 || made[0].Key() != "a_windows_amd64" || made[1].Key() != "a_windows_amd64v3" {
		t.Fatalf("got %+v, %v", made, err)
	}
	if bytes.Equal(contents(t, made)["a_windows_amd64/a.exe"], contents(t, made)["a_windows_amd64v3/a.exe"]) {
		t.Error("both levels have the same bytes")
	}
}

func TestUserConfigWrong(t *testing.T) {
	l := realLocator(t)
	for name, c := range map[string]struct{ config, want string }{
		"unknown field": {"version: 2\nbuilds: [{id: a, nonsense: 1}]\n", "nonsense"},
		"no Windows":    {"version: 2\nbuilds: [{id: a, main: ./cmd/app, binary: a, targets: [linux_amd64]}]\n", "built no program for Windows"},
	} {
		t.Run(name, func(t *testing.T) {
			req := buildertest.Request(t, buildertest.Module(t, map[string]string{"my.yaml": c.config}))
			req.Spec = &spec.Build{Config: "my.yaml"}
			if _, err := (Builder{l}).Build(t.Context(), req); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
