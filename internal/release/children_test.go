//go:build unix

package release

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// eavesdrop puts a program of each name into PATH that notes its arguments and
// its environment in the returned file and then runs the real one, if there is
// one.
func eavesdrop(t *testing.T, names ...string) (log string) {
	t.Helper()
	dir := t.TempDir()
	log = filepath.Join(t.TempDir(), "log")
	for _, name := range names {
		real, err := exec.LookPath(name)
		if err != nil {
			real = "false"
		}
		text := "#!/bin/sh\n{ echo \"== " + name + " $*\"; env; } >>'" + log + "'\nexec '" + real + "' \"$@\"\n"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return log
}

func heard(t *testing.T, log string) string {
	t.Helper()
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// committed makes the project a repository, so that git is asked about it.
func committed(p *project) {
	p.t.Helper()
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-q", "-m", "x"}} {
		if out, err := exec.Command("git", append([]string{"-C", p.dir}, args...)...).CombinedOutput(); err != nil {
			p.t.Skipf("git: %v\n%s", err, out)
		}
	}
}

// TestChildrenGetNoSecrets: no compiler, hook or git sees a variable that the
// spec refers to as a secret; all else reaches them.
func TestChildrenGetNoSecrets(t *testing.T) {
	p := newProject(t)
	committed(p)
	t.Setenv("PFX_PASSWORD", "marker-of-the-password")
	t.Setenv("ORDINARY", "ordinary-value")
	log := eavesdrop(t, "go", "git", "goreleaser")
	p.must()
	got := heard(t, log)
	for _, want := range []string{"== go env", "== go list", "== go build", "== git --no-pager", "status --porcelain", "ORDINARY=ordinary-value"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q was not run, so nothing is proved about it", want)
		}
	}
	p.edit("builder: go", "builder: goreleaser")
	if err := p.release(); err == nil {
		t.Log("there is a goreleaser, and it has built")
	}
	if err := Doctor(context.Background(), p.options()); err != nil {
		t.Log(err) // the stand-in for goreleaser need not work
	}
	got = heard(t, log)
	if !strings.Contains(got, "== goreleaser") {
		t.Error("goreleaser was not run, so nothing is proved about it")
	}
	if strings.Contains(got, "marker-of-the-password") {
		t.Errorf("the password is in the environment of a child:\n%s", got)
	}
}

// TestChildrenGetNoPIN: a PIN is named in the identity's short form.
func TestChildrenGetNoPIN(t *testing.T) {
	p := newProject(t)
	committed(p)
	p.edit("identity: pkcs12:id.pfx", "identity: pkcs11:token=t;object=o?module-path=/none.so&pin-source=env:TOKEN_PIN")
	p.edit("  password: env:PFX_PASSWORD\n", "")
	t.Setenv("TOKEN_PIN", "marker-of-the-pin")
	log := eavesdrop(t, "go", "git")
	p.pending()
	if err := Doctor(context.Background(), p.options()); err == nil {
		t.Error("there is no such token")
	}
	got := heard(t, log)
	if !strings.Contains(got, "== go env") || !strings.Contains(got, "== git") || strings.Contains(got, "marker-of-the-pin") {
		t.Errorf("heard was\n%s", got)
	}
}

// TestDoctorOutlivesBrokenPrograms: what is wrong with one program is said, and
// everything else is still checked.
func TestDoctorOutlivesBrokenPrograms(t *testing.T) {
	for name, c := range map[string]struct{ program, script, want string }{
		"git is silent":        {"git", "exit 0", "git --version prints nothing"},
		"git fails":            {"git", "echo broken >&2; exit 3", "broken"},
		"git prints bytes":     {"git", `printf '\377\000\033[2J'`, ""},
		"go is silent":         {"go", "exit 0", "go env"},
		"go prints null":       {"go", "echo null", "prints no version"},
		"go prints {}":         {"go", "echo '{}'", "prints no version"},
		"go fails":             {"go", "exit 3", "asking go"},
		"goreleaser is silent": {"goreleaser", "exit 0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t)
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, c.program), []byte("#!/bin/sh\n"+c.script+"\n"), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
			err := Doctor(t.Context(), p.options())
			out := p.out.String()
			if c.want != "" && err == nil {
				t.Error("nothing is wrong")
			}
			for _, want := range []string{" Go ", " git ", " goreleaser ", " release.yaml ", " identity ", " time server ", " roots ", c.want} {
				if !strings.Contains(out, want) {
					t.Errorf("no line about %q in\n%s", want, out)
				}
			}
		})
	}
}

// TestPanicIsOneResult: a check that panics is reported as the others are.
func TestPanicIsOneResult(t *testing.T) {
	d := isolated(t.Context(), nil, checkup{"x", func(context.Context, []string) diagnosis { panic("boom") }})
	if d.ok || d.missing || d.what != "x" || !strings.Contains(d.text, "boom") {
		t.Errorf("%+v", d)
	}
}
