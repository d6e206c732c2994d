package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// git makes a repository of the project with one commit.
func (p *project) git(commands ...string) {
	p.t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		p.t.Skip("git is not installed: apt-get install git")
	}
	for _, c := range commands {
		cmd := exec.Command("git", strings.Fields(c)...)
		cmd.Dir = p.dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
			"GIT_AUTHOR_NAME=t", "GIT_AUTHOR_EMAIL=t@example.com", "GIT_COMMITTER_NAME=t", "GIT_COMMITTER_EMAIL=t@example.com")
		if out, err := cmd.CombinedOutput(); err != nil {
			p.t.Fatalf("git %s: %v\n%s", c, err, out)
		}
	}
}

// why is the plan's reason for the first unit of build.
func (p *project) why() string {
	p.t.Helper()
	states := p.plan()
	for _, s := range states {
		if s.Step.Name == "build" {
			return s.Units[0].Why
		}
	}
	return "there is no step build"
}

// Files beside the program count when Go compiles them, and are named.
func TestANewFileIsNamed(t *testing.T) {
	p := newProject(t)
	p.must()
	p.write("notes.yaml", "a: b\n")
	p.write("main_test.go", "package main\n")
	p.write("main_linux.go", "package main\n")
	if got := p.pending(); got != "" {
		t.Errorf("files that are not compiled make %q run", got)
	}
	p.write("more.go", "package main\n")
	if got := p.why(); got != "more.go is new" {
		t.Errorf("the reason is %q", got)
	}
	p.must()
	if err := os.Remove(p.path("more.go")); err != nil {
		t.Fatal(err)
	}
	if got := p.why(); got != "more.go is gone" {
		t.Errorf("the reason is %q", got)
	}
}

func TestEveryTargetIsAUnit(t *testing.T) {
	p := newProject(t)
	p.edit("targets: [windows/amd64]", "targets: [windows/amd64, windows/amd64/v3, windows/386]")
	p.must()
	for _, dir := range []string{"tiny_windows_amd64", "tiny_windows_amd64v3", "tiny_windows_386"} {
		if ok, out := formatstest.VerifyOssl(t, p.path("dist/release/"+dir+"/tiny.exe"), p.path("root.pem"), p.path("tsaroot.pem")); !ok {
			t.Errorf("%s: osslsigncode says\n%s", dir, out)
		}
	}
	for _, want := range []string{"tiny.exe  windows/386, windows/amd64, windows/amd64/v3  go1.", "tiny.exe windows/amd64/v3: not done yet"} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("the output does not name %q:\n%s", want, p.out.String())
		}
	}
	if p.read("dist/build/tiny_windows_amd64/tiny.exe") == p.read("dist/build/tiny_windows_amd64v3/tiny.exe") {
		t.Error("both levels have the same bytes")
	}
	p.edit("windows/amd64/v3, ", "")
	p.must()
	if _, err := os.Stat(p.path("dist/release/tiny_windows_amd64v3")); !os.IsNotExist(err) {
		t.Errorf("what is no longer a target is still there: %v", err)
	}
	if strings.Contains(p.read("dist/release.json"), "amd64v3") {
		t.Error("the ledger still knows it")
	}
}

// The linker would silently set nothing.
func TestMisspeltVariable(t *testing.T) {
	p := newProject(t)
	p.edit("main.version", "main.versoin")
	for name, run := range map[string]func() error{"release": func() error { return p.release() }, "plan": p.planned} {
		err := run()
		if fault.Status(err) != fault.Usage || !strings.Contains(err.Error(), "release.yaml: line 12: build.variables.main.versoin: ") || !strings.Contains(err.Error(), "did you mean main.version?") {
			t.Errorf("%s says %v", name, err)
		}
	}
	if _, err := os.Stat(p.path("dist/build")); !os.IsNotExist(err) {
		t.Errorf("something was built: %v", err)
	}
}

func TestBefore(t *testing.T) {
	p := newProject(t)
	p.write("gen/main.go", "package main\n\nimport \"os\"\n\nfunc main() {\n\tb, _ := os.ReadFile(\"words.txt\")\n\tos.WriteFile(\"generated.go\", []byte(\"package main\\n\\nvar words = `\"+string(b)+os.Getenv(\"SUFFIX\")+\"`\\n\\nfunc init() { println(words) }\\n\"), 0o644)\n}\n")
	p.write("words.txt", "a first text")
	p.write(".gitignore", "dist/\n.hallmark/\ngenerated.go\n")
	p.edit("builder: go\n", "builder: go\n  before: [go run ./gen]\n  env: {SUFFIX: \" and an end\"}\n")
	p.git("init -q", "add .", "commit -q -m first")
	p.must()
	if !strings.Contains(p.read(released), "a first text and an end") {
		t.Error("the program does not hold what was generated")
	}
	if p.must(); !strings.Contains(p.out.String(), "everything is up to date") {
		t.Errorf("the second run does something:\n%s", p.out.String())
	}
	p.write("words.txt", "another text")
	if got := p.pending(); !strings.HasPrefix(got, "before") {
		t.Errorf("after a change of what is read the plan is %q", got)
	}
	p.must()
	if !strings.Contains(p.read(released), "another text") {
		t.Error("the program does not hold what was generated the second time")
	}
	if err := os.Remove(p.path("generated.go")); err != nil {
		t.Fatal(err)
	}
	if got := p.pending(); !strings.HasPrefix(got, "before build") {
		t.Errorf("without the generated file the plan is %q", got)
	}
	p.must("build")
	if _, err := os.Stat(p.path("generated.go")); err != nil {
		t.Errorf("mage build does not run the commands: %v", err)
	}
	p.edit("  before: [go run ./gen]\n  env: {SUFFIX: \" and an end\"}\n", "")
	p.must()
	if _, err := os.Stat(p.path("generated.go")); err != nil {
		t.Errorf("a file of the project is removed with the step: %v", err)
	}
}

func TestBeforeFails(t *testing.T) {
	p := newProject(t)
	p.edit("builder: go\n", "builder: go\n  before: [no-such-program x]\n")
	if err := p.release(); err == nil || !strings.Contains(err.Error(), "no-such-program is not in PATH") {
		t.Errorf("a program that is missing: %v", err)
	}
	p.edit("no-such-program x", "go vet ./none")
	if err := p.release(); err == nil || !strings.Contains(err.Error(), `build.before: "go vet ./none"`) {
		t.Errorf("a program that fails: %v", err)
	}
	if _, err := os.Stat(p.path("dist/build")); !os.IsNotExist(err) {
		t.Errorf("something was built: %v", err)
	}
}

// What something else has built goes through the same steps.
func TestProgramsThatAreThere(t *testing.T) {
	p := newProject(t)
	p.copy("bin/amd64/Thing.exe", formatstest.GoProgram(t, "amd64"))
	p.copy("bin/arm64/Thing.exe", formatstest.GoProgram(t, "arm64"))
	p.edit("binaries: [{main: .}]\n  targets: [windows/amd64]\n  variables: {main.version: version}\n", "binaries: [{file: bin/*/Thing.exe, description: A thing}]\n")
	p.edit("  builder: go\n", "")
	p.must()
	for _, dir := range []string{"Thing_windows_amd64", "Thing_windows_arm64"} {
		exe := p.path("dist/release/" + dir + "/Thing.exe")
		if ok, out := formatstest.VerifyOssl(t, exe, p.path("root.pem"), p.path("tsaroot.pem")); !ok {
			t.Errorf("%s: osslsigncode says\n%s", dir, out)
		}
	}
	if p.must(); !strings.Contains(p.out.String(), "everything is up to date") {
		t.Errorf("the second run does something:\n%s", p.out.String())
	}
	p.copy("bin/amd64/Thing.exe", formatstest.GoProgram(t, "386"))
	if got := p.why(); !strings.Contains(got, "not done yet") { // it is another program now
		t.Errorf("the reason is %q", got)
	}
	p.must()
	if _, err := os.Stat(p.path("dist/release/Thing_windows_amd64")); !os.IsNotExist(err) {
		t.Errorf("the program for amd64 is still there: %v", err)
	}
	for name, c := range map[string]struct{ file, want string }{
		"none":     {"other/*.exe", `there is no file "other/*.exe"`},
		"two":      {"*/*/*.exe", "are both for windows/arm64"},
		"not a PE": {"*.go", "main.go: is not a program for Windows"},
	} {
		p.copy("more/x/again.exe", formatstest.GoProgram(t, "arm64"))
		spec := p.spec
		p.edit("{file: bin/*/Thing.exe,", "{file: \""+c.file+"\", name: Thing,")
		for what, run := range map[string]func() error{"release": func() error { return p.release() }, "plan": p.planned} {
			if err := run(); fault.Status(err) != fault.Usage || !strings.Contains(err.Error(), "build.binaries[0].file: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %s says %v", name, what, err)
			}
		}
		p.setSpec(spec)
	}
}

// A DLL is built with mingw, and signed like a program.
func TestDLL(t *testing.T) {
	if err := builder.CheckCCompiler("amd64"); err != nil {
		t.Skip(err)
	}
	p := newProject(t)
	p.write("lib/lib.go", "package main\n\nimport \"C\"\n\n//export Three\nfunc Three() int { return 3 }\n\nfunc main() {}\n")
	p.edit("binaries: [{main: .}]", "binaries: [{main: .}, {id: lib, main: ./lib, name: lib, buildmode: c-shared}]")
	p.must()
	if ok, out := formatstest.VerifyOssl(t, p.path("dist/release/lib_windows_amd64/lib.dll"), p.path("root.pem"), p.path("tsaroot.pem")); !ok {
		t.Errorf("osslsigncode says\n%s", out)
	}
	if p.must(); !strings.Contains(p.out.String(), "everything is up to date") {
		t.Errorf("the second run does something:\n%s", p.out.String())
	}
}

func TestWorkspace(t *testing.T) {
	p := newProject(t)
	p.write("go.work", "go 1.26.0\n\nuse (\n\t.\n\t./other\n)\n")
	p.write("other/go.mod", "module example.com/other\n\ngo 1.26.0\n")
	p.write("other/other.go", "package other\n\nconst Word = \"from the workspace\"\n")
	p.write("main.go", "package main\n\nimport \"example.com/other\"\n\nvar version string\n\nfunc main() { println(version, other.Word) }\n")
	err := p.release()
	if err == nil || !strings.Contains(err.Error(), "no required module provides package example.com/other") || !strings.Contains(err.Error(), "build.workspace: on uses it") {
		t.Errorf("without the workspace: %v", err)
	}
	p.edit("builder: go\n", "builder: go\n  workspace: on\n  reproducible: verify\n")
	p.must()
	if !strings.Contains(p.read(released), "from the workspace") {
		t.Error("the program does not hold the text of the other module")
	}
	p.write("other/other.go", "package other\n\nconst Word = \"something else\"\n")
	if got := p.why(); got != "other/other.go changed" {
		t.Errorf("the reason is %q", got)
	}
	p.edit("  workspace: on\n  reproducible: verify\n", "  workspace: on\n")
	if err := os.Remove(p.path("go.work")); err != nil {
		t.Fatal(err)
	}
	if err := p.release(); fault.Status(err) != fault.Usage || !strings.Contains(err.Error(), "build.workspace: there is no go.work") {
		t.Errorf("without a go.work: %v", err)
	}
}

// What cannot be compiled is refused by plan as by release.
func TestPlanRefusesWhatReleaseRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(p *project)
		want   string
	}{
		"a module of its own": {func(p *project) {
			p.write("cmd/app/go.mod", "module example.com/nested\n")
			p.write("cmd/app/main.go", program)
			p.edit("{main: .}", "{main: ./cmd/app}")
		}, "is in a module of its own, cmd/app/go.mod"},
		"cgo": {func(p *project) { p.write("main.go", "package main\n\nimport \"C\"\n\nfunc main() {}\n") }, "needs cgo, which a release does not use"},
		"a module that is missing": {func(p *project) {
			p.write("main.go", "package main\n\nimport _ \"example.com/none\"\n\nvar version string\n\nfunc main() {}\n")
		}, "no required module provides package example.com/none"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t)
			c.change(p)
			for what, run := range map[string]func() error{"release": func() error { return p.release() }, "plan": p.planned} {
				if err := run(); fault.Status(err) != fault.Usage || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s says %v", what, err)
				}
			}
			if _, err := os.Stat(filepath.Join(p.dir, "dist", "build")); !os.IsNotExist(err) {
				t.Errorf("something was built: %v", err)
			}
		})
	}
}
