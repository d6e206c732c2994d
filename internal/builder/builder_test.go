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

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
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
		"levels":                 {spec.Build{Binaries: []spec.Binary{one}, Targets: []string{"windows/amd64/v3", "windows/amd64"}}, "a_windows_amd64 a_windows_amd64v3"},
		"a file is not compiled": {spec.Build{Binaries: []spec.Binary{one, {ID: "b", Name: "b", File: "b.exe"}}, Targets: []string{"windows/amd64"}}, "a_windows_amd64"},
		"a level of arm64":       {spec.Build{Binaries: []spec.Binary{one}, Targets: []string{"windows/arm64/v3"}}, `"windows/arm64/v3" is not a target`},
		"the lowest level":       {spec.Build{Binaries: []spec.Binary{one}, Targets: []string{"windows/amd64/v1"}}, `"windows/amd64/v1" is not a target`},
		"wrong system":           {spec.Build{Binaries: []spec.Binary{one}, Targets: []string{"linux/amd64"}}, `"linux/amd64" is not a target`},
		"wrong machine":          {spec.Build{Binaries: []spec.Binary{one}, Targets: []string{"windows/arm"}}, `"windows/arm" is not a target`},
		"no slash":               {spec.Build{Binaries: []spec.Binary{one}, Targets: []string{"windows"}}, `"windows" is not a target`},
		"target twice":           {spec.Build{Binaries: []spec.Binary{one}, Targets: []string{"windows/386", "windows/386"}}, "listed twice"},
		"same name":              {spec.Build{Binaries: []spec.Binary{one, {ID: "b", Name: "A"}}, Targets: []string{"windows/386"}}, "two binaries are called A.exe"},
		"same id":                {spec.Build{Binaries: []spec.Binary{one, {ID: "a", Name: "b"}}, Targets: []string{"windows/386"}}, `"a" is used twice`},
		"nothing to compile":     {spec.Build{Targets: []string{"windows/386"}}, "nothing to compile"},
		"no target":              {spec.Build{Binaries: []spec.Binary{one}}, "nothing to compile"},
		"name missing":           {spec.Build{Binaries: []spec.Binary{{ID: "a"}}, Targets: []string{"windows/386"}}, "id or name is missing"},
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
				dirs = append(dirs, j.Artifact().Key())
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

// check returns what Check says, as one text.
func check(t *testing.T, req builder.Request, env []string) string {
	t.Helper()
	found, err := builder.FindGo(t.Context(), req.Root, env)
	if err != nil {
		t.Fatal(err)
	}
	notes, problems, err := builder.Check(t.Context(), req, found, builder.List(req, env), env)
	var b strings.Builder
	for _, n := range notes {
		b.WriteString("note: " + n + "\n")
	}
	for _, p := range problems {
		b.WriteString(p.String() + "; " + p.Hint + "\n")
	}
	if err != nil {
		b.WriteString(err.Error())
	}
	return b.String()
}

func TestCheck(t *testing.T) {
	root := buildertest.Module(t, map[string]string{
		"linux/main.go": "//go:build linux\n\npackage main\n\nfunc main() {}\n",
		"mixed/a.go":    "package a\n", "mixed/b.go": "package b\n",
		"needs/main.go":  "package main\n\nimport _ \"example.com/other\"\n\nfunc main() {}\n",
		"cgo/cgo.go":     "package cgo\n\nimport \"C\"\n",
		"usescgo/m.go":   "package main\n\nimport _ \"example.test/app/cgo\"\n\nfunc main() {}\n",
		"stub/real.go":   "package stub\n\nimport \"C\"\n",
		"stub/stub.go":   "//go:build !cgo\n\npackage stub\n",
		"usesstub/m.go":  "package main\n\nimport _ \"example.test/app/stub\"\n\nvar version string\n\nfunc main() {}\n",
		"info/info.go":   "package info\n\nconst c = \"c\"\n\nvar (\n\tTag = \"a\" + c\n\tN = 1\n\tF = f()\n\tB []byte\n)\n\nfunc f() string { return c }\n",
		"usesinfo/m.go":  "package main\n\nimport _ \"example.test/app/info\"\n\nvar version = \"dev\"\n\nfunc main() {}\n",
		"lib/sub/sub.go": "package sub\n",
	})
	for name, c := range map[string]struct {
		main, want string
		variables  []string
	}{
		"good":                     {main: "./cmd/app"},
		"folder missing":           {main: "./cmd/no", want: "build.binaries[0].main: package ./cmd/no:"},
		"library":                  {main: "./lib", want: "is a library (package lib)"},
		"several":                  {main: "./...", want: "packages, not one"},
		"not for Windows":          {main: "./linux", want: "build constraints exclude all Go files"},
		"two packages in a folder": {main: "./mixed", want: "package ./mixed:"},
		"looks like a flag":        {main: "-toolexec=x", want: "package -toolexec=x"},
		"a module that is missing": {main: "./needs", want: "no required module provides package example.com/other"},
		"needs cgo":                {main: "./usescgo", want: "the package example.test/app/cgo needs cgo, which a release does not use; use a package without cgo"},
		"cgo left out":             {main: "./usesstub", want: "note: example.test/app/stub has cgo files, which a release leaves out"},
		"misspelt variable":        {main: "./cmd/app", variables: []string{"main.versoin"}, want: "build.variables.main.versoin: the package main has no string variable versoin, so the linker would set nothing; did you mean main.version?"},
		"good variables":           {main: "./usesinfo", variables: []string{"main.version", "example.test/app/info.Tag"}},
		"a number":                 {main: "./usesinfo", variables: []string{"example.test/app/info.N"}, want: "info.N is not of the type string"},
		"a slice":                  {main: "./usesinfo", variables: []string{"example.test/app/info.B"}, want: "info.B is not of the type string"},
		"a constant":               {main: "./usesinfo", variables: []string{"example.test/app/info.c"}, want: "info.c is a constant"},
		"from a function":          {main: "./usesinfo", variables: []string{"example.test/app/info.F"}, want: "info.F gets its value from a function"},
		"unknown name":             {main: "./usesinfo", variables: []string{"example.test/app/info.Commit"}, want: "its string variables are Tag"},
		"package of another path":  {main: "./usesinfo", variables: []string{"example.com/info.Tag"}, want: "no program contains the package example.com/info; did you mean example.test/app/info?"},
		"package not in it":        {main: "./cmd/app", variables: []string{"example.test/app/lib/sub.X"}, want: "no program contains the package example.test/app/lib/sub"},
	} {
		t.Run(name, func(t *testing.T) {
			req := buildertest.Request(t, root)
			req.Spec.Binaries[0].Main = c.main
			req.Spec.Variables = map[string]string{}
			for _, v := range c.variables {
				req.Spec.Variables[v] = "version"
			}
			got := check(t, req, os.Environ())
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A variable set by -X must exist as well as one of build.variables.
func TestCheckLDFlags(t *testing.T) {
	req := buildertest.Request(t, buildertest.Module(t, nil))
	req.Spec.LDFlags = []string{"-s -X main.version=1", "-X=main.verison=1"}
	if got := check(t, req, os.Environ()); !strings.Contains(got, "build.ldflags[1]: the package main has no string variable verison") || strings.Contains(got, "ldflags[0]") {
		t.Errorf("got %q", got)
	}
}

func TestCheckReportsAll(t *testing.T) {
	req := buildertest.Request(t, buildertest.Module(t, nil))
	req.Spec.Binaries = []spec.Binary{{ID: "a", Name: "a", Main: "./a"}, {ID: "b", Name: "b", Main: "./lib"}}
	if got := check(t, req, os.Environ()); !strings.Contains(got, "binaries[0]") || !strings.Contains(got, "binaries[1]") {
		t.Errorf("got %q, want both binaries named", got)
	}
}

func TestCheckWorkspace(t *testing.T) {
	above := t.TempDir()
	root := filepath.Join(above, "app")
	if err := os.Rename(buildertest.Module(t, map[string]string{
		"cmd/app/main.go": "package main\n\nimport _ \"example.test/other\"\n\nfunc main() {}\n",
	}), root); err != nil {
		t.Fatal(err)
	}
	buildertest.Write(t, filepath.Join(above, "go.work"), "go 1.26\n\nuse (\n\t./app\n\t./other\n)\n")
	buildertest.Write(t, filepath.Join(above, "other", "go.mod"), "module example.test/other\n\ngo 1.26\n")
	buildertest.Write(t, filepath.Join(above, "other", "other.go"), "package other\n")
	req := buildertest.Request(t, root)
	got := check(t, req, os.Environ())
	if !strings.Contains(got, "does not use "+filepath.Join(above, "go.work")+"; build.workspace: on uses it") || !strings.Contains(got, "note: "+filepath.Join(above, "go.work")+" is not used") {
		t.Errorf("got %q", got)
	}
	req.Spec.Workspace, req.Work = "on", filepath.Join(above, "go.work")
	if got := check(t, req, os.Environ()); got != "" {
		t.Errorf("with the workspace: %q", got)
	}
}

func TestCheckStoredExperiment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	buildertest.Write(t, file, "GOEXPERIMENT=arenas\n")
	req := buildertest.Request(t, buildertest.Module(t, nil))
	env := append(os.Environ(), "GOENV="+file)
	if got := check(t, req, env); !strings.Contains(got, "GOEXPERIMENT=arenas") {
		t.Errorf("got %q", got)
	}
	req.Spec.Env = map[string]string{"GOEXPERIMENT": "none"}
	if got := check(t, req, env); got != "" {
		t.Errorf("a value of the spec's own: %q", got)
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
		_, err := builder.CheckVCS(t.Context(), req, os.Environ())
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	check("is not a git work tree")
	git(t, req.Root, "init", "-q")
	check("the work tree has 3 change(s)")
	req.Trying = true
	if note, err := builder.CheckVCS(t.Context(), req, os.Environ()); err != nil || !strings.Contains(note, "+dirty") {
		t.Errorf("for trying out: %q, %v", note, err)
	}
	req.Spec.Reproducible = "verify"
	check("the work tree has 3 change(s)")
	req.Trying, req.Spec.Reproducible = false, ""
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
		}, "two programs would both be a_windows_amd64/a.exe"},
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

// Two builds may run at once; what a killed one left goes at the next start.
func TestWorkshop(t *testing.T) {
	out := filepath.Join(t.TempDir(), "dist", "build")
	first, err := builder.Workshop(out)
	if err != nil {
		t.Fatal(err)
	}
	second, err := builder.Workshop(out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(first); err != nil || filepath.Dir(second) != filepath.Dir(out) {
		t.Errorf("%s: %v; %s must be beside %s", first, err, second, out)
	}
	if err := atomicfile.Sweep(filepath.Dir(out)); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{first, second} {
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s was left behind", dir)
		}
	}
}
