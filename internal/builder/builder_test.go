package builder_test

import (
	"context"
	"debug/pe"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/builder/buildertest"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/spec"
)

func TestPlan(t *testing.T) {
	one := spec.Binary{ID: "a", Name: "a", Main: "."}
	for name, c := range map[string]struct {
		build spec.Build
		want  string // part of the error, or the folders
	}{
		"sorted": {
			spec.Build{Binaries: []spec.Binary{{ID: "b", Name: "b"}, one}, Targets: []string{"windows/arm64", "windows/amd64"}},
			"a_windows_amd64 a_windows_arm64 b_windows_amd64 b_windows_arm64",
		},
		"wrong system":       {spec.Build{Binaries: []spec.Binary{one}, Targets: []string{"linux/amd64"}}, `"linux/amd64" is not a target`},
		"wrong machine":      {spec.Build{Binaries: []spec.Binary{one}, Targets: []string{"windows/arm"}}, `"windows/arm" is not a target`},
		"no slash":           {spec.Build{Binaries: []spec.Binary{one}, Targets: []string{"windows"}}, `"windows" is not a target`},
		"target twice":       {spec.Build{Binaries: []spec.Binary{one}, Targets: []string{"windows/386", "windows/386"}}, "listed twice"},
		"same name":          {spec.Build{Binaries: []spec.Binary{one, {ID: "b", Name: "A"}}, Targets: []string{"windows/386"}}, "two binaries are called A.exe"},
		"same id":            {spec.Build{Binaries: []spec.Binary{one, {ID: "a", Name: "b"}}, Targets: []string{"windows/386"}}, `"a" is used twice`},
		"nothing to compile": {spec.Build{Targets: []string{"windows/386"}}, "nothing to compile"},
		"no target":          {spec.Build{Binaries: []spec.Binary{one}}, "nothing to compile"},
		"name missing":       {spec.Build{Binaries: []spec.Binary{{ID: "a"}}, Targets: []string{"windows/386"}}, "id or name is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			jobs, err := builder.Plan(&c.build)
			if err != nil {
				if !strings.Contains(err.Error(), c.want) || fault.Status(err) != fault.Usage {
					t.Errorf("got %v (status %d), want %q", err, fault.Status(err), c.want)
				}
				return
			}
			var dirs []string
			for _, j := range jobs {
				dirs = append(dirs, j.Artifact().Dir())
			}
			if got := strings.Join(dirs, " "); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestLDFlags(t *testing.T) {
	req := builder.Request{
		Variables: map[string]string{"main.version": "1.2.3", "main.commit": "abc"},
		Spec:      &spec.Build{LDFlags: []string{"-s", "-X main.name=The App -w"}},
	}
	got, err := builder.LDFlags(req, spec.Binary{GUI: true})
	if want := "-s -X 'main.name=The App' -w -H=windowsgui -X=main.commit=abc -X=main.version=1.2.3"; got != want || err != nil {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if len(req.Spec.LDFlags) != 2 {
		t.Error("LDFlags changed the spec")
	}
	if got, err := builder.LDFlags(builder.Request{Spec: &spec.Build{}}, spec.Binary{}); got != "" || err != nil {
		t.Errorf("no flags give %q, %v", got, err)
	}
}

func TestEnvironment(t *testing.T) {
	env := builder.Environment([]string{"PATH=/bin", "GOFLAGS=-tags=evil", "goarch=386", "GOEXPERIMENT=x", "CGO_ENABLED=1", "GOPROXY=off"},
		"GOARCH=arm64", "GOFLAGS=-mod=readonly")
	for name, want := range map[string]string{
		"PATH": "/bin", "GOPROXY": "off", "CGO_ENABLED": "0", "GOARCH": "arm64", "GOFLAGS": "-mod=readonly", "GOEXPERIMENT": "", "GOWORK": "off",
	} {
		if got := builder.Value(env, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if slices.Contains(env, "goarch=386") || slices.Contains(env, "GOFLAGS=-tags=evil") {
		t.Errorf("a variable survived in %q", env)
	}
}

func TestCheckPackages(t *testing.T) {
	root := buildertest.Module(t, map[string]string{
		"linux/main.go": "//go:build linux\n\npackage main\n\nfunc main() {}\n",
		"mixed/a.go":    "package a\n", "mixed/b.go": "package b\n",
	})
	for name, c := range map[string]struct{ main, want string }{
		"good":                     {"./cmd/app", ""},
		"folder missing":           {"./cmd/no", "build.binaries[0].main: package ./cmd/no:"},
		"library":                  {"./lib", "is a library (package lib)"},
		"several":                  {"./...", "packages, not for one"},
		"not for Windows":          {"./linux", "build constraints exclude all Go files"},
		"two packages in a folder": {"./mixed", "package ./mixed:"},
		"looks like a flag":        {"-toolexec=x", "package -toolexec=x"},
	} {
		t.Run(name, func(t *testing.T) {
			req := buildertest.Request(t, root)
			req.Spec.Binaries[0].Main = c.main
			err := builder.CheckPackages(t.Context(), req, os.Environ())
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err != nil && fault.Status(err) != fault.Usage {
				t.Errorf("status is %d, want %d", fault.Status(err), fault.Usage)
			}
		})
	}
}

func TestCheckPackagesReportsAll(t *testing.T) {
	req := buildertest.Request(t, buildertest.Module(t, nil))
	req.Spec.Binaries = []spec.Binary{{ID: "a", Main: "./a"}, {ID: "b", Main: "./lib"}}
	err := builder.CheckPackages(t.Context(), req, os.Environ())
	if err == nil || !strings.Contains(err.Error(), "binaries[0]") || !strings.Contains(err.Error(), "binaries[1]") {
		t.Errorf("got %v, want both binaries named", err)
	}
}

func TestFindGoMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := builder.FindGo(t.Context(), "", os.Environ())
	if err == nil || !strings.Contains(err.Error(), "https://go.dev/dl/") {
		t.Errorf("got %v, want a hint where to get Go", err)
	}
}

func TestCheckVCS(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed: apt-get install git")
	}
	req := buildertest.Request(t, buildertest.Module(t, nil))
	req.Spec.VCS = "on"
	check := func(want string) {
		t.Helper()
		err := builder.CheckVCS(t.Context(), req, os.Environ())
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	check("is not a git work tree")
	git(t, req.Root, "init", "-q")
	check("the work tree has 3 change(s)")
	git(t, req.Root, "add", ".")
	git(t, req.Root, "-c", "user.name=t", "-c", "user.email=t@example.test", "commit", "-qm", "x")
	check("")
	t.Setenv("PATH", t.TempDir())
	check("git is not in PATH")
	req.Spec.VCS = "off"
	check("")
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %q: %v\n%s", args, err, out)
	}
}

func artifact(t *testing.T, dir, id, arch string, content []byte) builder.Artifact {
	path := filepath.Join(dir, id+arch)
	buildertest.Write(t, path, string(content))
	return builder.Artifact{ID: id, Name: id + ".exe", GOOS: "windows", GOARCH: arch, Path: path}
}

func TestPlace(t *testing.T) {
	work, out := t.TempDir(), filepath.Join(t.TempDir(), "build")
	old := []string{"gone_windows_amd64/gone.exe", "b_windows_386/other.exe", "goreleaser.yaml"}
	for _, name := range append(old, "notes.txt", "folder/file") {
		buildertest.Write(t, filepath.Join(out, name), "old")
	}
	date := time.Unix(1_700_000_000, 0)
	got, err := builder.Place(t.Context(), []builder.Artifact{
		artifact(t, work, "b", "386", buildertest.Program(pe.IMAGE_FILE_MACHINE_I386)),
		artifact(t, work, "a", "arm64", buildertest.Program(pe.IMAGE_FILE_MACHINE_ARM64)),
	}, out, date)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Path != filepath.Join(out, "a_windows_arm64", "a.exe") || got[1].ID != "b" {
		t.Errorf("got %+v", got)
	}
	if st, err := os.Stat(got[1].Path); err != nil || !st.ModTime().Equal(date) {
		t.Errorf("modification time: %v, %v", st, err)
	}
	for _, name := range old {
		if _, err := os.Stat(filepath.Join(out, name)); err == nil {
			t.Errorf("%s of an earlier build is still there", name)
		}
	}
	for _, name := range []string{"notes.txt", "folder/file"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Errorf("%s, which is not ours, is gone", name)
		}
	}
}

func TestPlaceRefuses(t *testing.T) {
	amd64 := buildertest.Program(pe.IMAGE_FILE_MACHINE_AMD64)
	for name, c := range map[string]struct {
		made func(t *testing.T, dir string) []builder.Artifact
		want string
	}{
		"wrong machine": {func(t *testing.T, dir string) []builder.Artifact {
			return []builder.Artifact{artifact(t, dir, "a", "arm64", amd64)}
		}, "should be for windows/arm64"},
		"not a program": {func(t *testing.T, dir string) []builder.Artifact {
			return []builder.Artifact{artifact(t, dir, "a", "amd64", []byte("#!/bin/sh\n"))}
		}, "reading the compiled program a.exe"},
		"two for one place": {func(t *testing.T, dir string) []builder.Artifact {
			a := artifact(t, dir, "a", "amd64", amd64)
			return []builder.Artifact{a, a}
		}, "two programs want to be a_windows_amd64/a.exe"},
		"unknown machine": {func(t *testing.T, dir string) []builder.Artifact {
			return []builder.Artifact{artifact(t, dir, "a", "mips", amd64)}
		}, "windows/mips, which is not a target"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "build")
			_, err := builder.Place(t.Context(), c.made(t, t.TempDir()), out, time.Time{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("something was placed")
			}
		})
	}
}

func TestPlaceCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	made := []builder.Artifact{artifact(t, t.TempDir(), "a", "386", buildertest.Program(pe.IMAGE_FILE_MACHINE_I386))}
	if _, err := builder.Place(ctx, made, filepath.Join(t.TempDir(), "x"), time.Time{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestWorkshopRemovesLeftovers(t *testing.T) {
	out := filepath.Join(t.TempDir(), "dist", "build")
	first, err := builder.Workshop(out)
	if err != nil {
		t.Fatal(err)
	}
	second, err := builder.Workshop(out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(first); err == nil {
		t.Errorf("%s was left behind", first)
	}
	if filepath.Dir(second) != filepath.Dir(out) {
		t.Errorf("%s is not beside %s", second, out)
	}
}
