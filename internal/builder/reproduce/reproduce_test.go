package reproduce

import (
	"context"
	"debug/pe"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/builder/buildertest"
	"github.com/hallmark-dev/hallmark/internal/builder/gobuild"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// recorder keeps the requests that the inner builder gets.
type recorder struct {
	gobuild.Builder
	seen *[]builder.Request
}

func (r recorder) Build(ctx context.Context, req builder.Request) ([]builder.Artifact, error) {
	*r.seen = append(*r.seen, req)
	return r.Builder.Build(ctx, req)
}

func verify(t *testing.T, req builder.Request) {
	t.Helper()
	var seen []builder.Request
	b := &Builder{Builder: recorder{seen: &seen}}
	made, err := b.Build(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if len(made) != 1 || !strings.HasPrefix(made[0].Path, req.Out) {
		t.Errorf("got %+v, want the program of the first build", made)
	}
	if len(seen) != 2 || seen[0].Root == seen[1].Root || strings.HasPrefix(seen[1].Root, req.Root) {
		t.Errorf("the second build was not elsewhere: %+v", seen)
	}
	if _, err := b.Build(t.Context(), req); err != nil || len(seen) != 4 || seen[3].Root != seen[1].Root {
		t.Errorf("the copy is not used for all builds: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(seen[1].Root); err == nil {
		t.Errorf("the copy %s is still there", seen[1].Root)
	}
}

func TestSameBytes(t *testing.T) {
	root := buildertest.Module(t, map[string]string{
		"dist/old/main.go": "package broken\n\nimport \"\"\n",
		"real/asset.txt":   "asset",
	})
	verify(t, buildertest.Request(t, root))
	t.Run("with a link", func(t *testing.T) {
		formatstest.Symlink(t, "../real/asset.txt", filepath.Join(root, "lib", "link.txt"))
		verify(t, buildertest.Request(t, root))
	})
}

// The path of a replaced module is in the build information.
func TestReplacedModule(t *testing.T) {
	above := t.TempDir()
	buildertest.Write(t, filepath.Join(above, "shared", "lib", "go.mod"), "module example.test/shared\n\ngo 1.26\n")
	buildertest.Write(t, filepath.Join(above, "shared", "lib", "lib.go"), "package shared\n\nfunc Word() string { return \"replaced\" }\n")
	root := filepath.Join(above, "work", "app")
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		t.Fatal(err)
	}
	err := os.Rename(buildertest.Module(t, map[string]string{
		"go.mod":          "module example.test/app\n\ngo 1.26\n\nrequire example.test/shared v0.0.0\n\nreplace example.test/shared => ../../shared/lib\n",
		"cmd/app/main.go": "package main\n\nimport shared \"example.test/shared\"\n\nvar version string\n\nfunc main() { println(version, shared.Word()) }\n",
	}), root)
	if err != nil {
		t.Fatal(err)
	}
	verify(t, buildertest.Request(t, root))
}

func TestStampedFromClone(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed: apt-get install git")
	}
	top := t.TempDir()
	root := filepath.Join(top, "inner")
	if err := os.Rename(buildertest.Module(t, map[string]string{".gitignore": "dist/\n"}), root); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"init", "-q"}, {"add", "."}, {"-c", "user.name=t", "-c", "user.email=t@example.test", "commit", "-qm", "x"}, {"tag", "v1.2.3"},
	} {
		cmd := exec.Command("git", args...)
		cmd.Dir = top
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	req := buildertest.Request(t, root)
	req.Spec.VCS = "on"
	verify(t, req)
}

// unstable writes its own folder into the programs.
type unstable struct {
	change func(*[]builder.Artifact, string)
}

func (unstable) Name() string                            { return "unstable" }
func (unstable) Version(context.Context) (string, error) { return "1", nil }

func (u unstable) Build(_ context.Context, req builder.Request) ([]builder.Artifact, error) {
	made := []builder.Artifact{{ID: "app", Name: "app.exe", GOOS: "windows", GOARCH: "386", Path: filepath.Join(req.Out, "app.exe")}}
	if err := os.MkdirAll(req.Out, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(made[0].Path, buildertest.Program(pe.IMAGE_FILE_MACHINE_I386), 0o644); err != nil {
		return nil, err
	}
	u.change(&made, req.Root)
	return made, nil
}

func TestDifferencesAreNamed(t *testing.T) {
	root := buildertest.Module(t, nil)
	appendTo := func(path, s string) {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(s); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		change func(made *[]builder.Artifact, at string)
		want   string
	}{
		"byte": {func(m *[]builder.Artifact, at string) { appendTo((*m)[0].Path, "same"+at) }, "app_windows_386/app.exe: the first difference is at byte "},
		"length": {func(m *[]builder.Artifact, at string) {
			appendTo((*m)[0].Path, strings.Repeat("x", boolToInt(at == root)))
		}, "one is longer; they are equal up to byte"},
		"missing":  {func(m *[]builder.Artifact, at string) { *m = (*m)[:boolToInt(at == root)] }, "was not made the second time"},
		"one more": {func(m *[]builder.Artifact, at string) { *m = (*m)[:boolToInt(at != root)] }, "was made only the second time"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := (&Builder{Builder: unstable{c.change}}).Build(t.Context(), buildertest.Request(t, root))
			if err == nil || !strings.Contains(err.Error(), c.want) || fault.Status(err) != fault.Verification {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestFailureOfTheSecondBuild(t *testing.T) {
	root := buildertest.Module(t, nil)
	if err := os.Remove(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	_, err := (&Builder{Builder: unstable{func(*[]builder.Artifact, string) {}}}).Build(t.Context(), buildertest.Request(t, root))
	if err == nil || !strings.Contains(err.Error(), "building a second time: reading go.mod") {
		t.Errorf("got %v", err)
	}
}
