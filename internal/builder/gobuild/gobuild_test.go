package gobuild

import (
	"bytes"
	"context"
	"debug/pe"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/builder/buildertest"
	"github.com/hallmark-dev/hallmark/internal/childproc"
	"github.com/hallmark-dev/hallmark/internal/spec"
)

func build(t *testing.T, b Builder, req builder.Request) []builder.Artifact {
	t.Helper()
	got, err := b.Build(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBuildAllTargets(t *testing.T) {
	req := buildertest.Request(t, buildertest.Module(t, nil))
	req.Spec.Targets = []string{"windows/amd64", "windows/arm64", "windows/386"}
	req.Spec.Binaries = append(req.Spec.Binaries, spec.Binary{ID: "gui", Main: "./cmd/app", Name: "app-gui", GUI: true})
	got := build(t, Builder{}, req)
	if len(got) != 6 {
		t.Fatalf("got %d programs, want 6", len(got))
	}
	for _, a := range got {
		f, err := pe.Open(a.Path)
		if err != nil {
			t.Fatal(err)
		}
		want := uint16(pe.IMAGE_SUBSYSTEM_WINDOWS_CUI)
		if a.ID == "gui" {
			want = pe.IMAGE_SUBSYSTEM_WINDOWS_GUI
		}
		if s := subsystem(f); s != want {
			t.Errorf("%s/%s has subsystem %d, want %d", a.Key(), a.Name, s, want)
		}
		f.Close()
		if b := read(t, a.Path); !bytes.Contains(b, []byte(req.Version)) || bytes.Contains(b, []byte(req.Root)) {
			t.Errorf("%s lacks the version or holds the path of the source", a.Path)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(req.Root, "dist", ".hallmark-tmp-*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func subsystem(f *pe.File) uint16 {
	switch h := f.OptionalHeader.(type) {
	case *pe.OptionalHeader32:
		return h.Subsystem
	case *pe.OptionalHeader64:
		return h.Subsystem
	}
	return 0
}

// The user's settings must not change the bytes: neither the folder, nor the
// environment, nor a workspace above.
func TestSameBytesElsewhere(t *testing.T) {
	first := buildertest.Request(t, buildertest.Module(t, nil))
	want := read(t, build(t, Builder{}, first)[0].Path)

	above := t.TempDir()
	buildertest.Write(t, filepath.Join(above, "go.work"), "go 1.26\n\nuse ./deeper/down\n")
	root := filepath.Join(above, "deeper", "down")
	if err := os.MkdirAll(filepath.Dir(root), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(buildertest.Module(t, nil), root); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "GOFLAGS=-tags=other", "CGO_ENABLED=1", "GOAMD64=v3", "GOOS=linux", "GOARCH=arm64", "GOEXPERIMENT=arenas", "GOWORK=")
	got := read(t, build(t, Builder{Env: env}, buildertest.Request(t, root))[0].Path)
	if !bytes.Equal(got, want) {
		t.Error("the bytes differ")
	}
}

func TestInputsChangeBytes(t *testing.T) {
	req := buildertest.Request(t, buildertest.Module(t, map[string]string{
		"cmd/app/tagged.go": "//go:build extra\n\npackage main\n\nfunc init() { println(\"extra\") }\n",
	}))
	base := read(t, build(t, Builder{}, req)[0].Path)
	for name, change := range map[string]func(*builder.Request){
		"variables": func(r *builder.Request) { r.Variables = map[string]string{"main.version": "1.2.4-marker"} },
		"level":     func(r *builder.Request) { r.Spec.Targets = []string{"windows/amd64/v3"} },
		"flags":     func(r *builder.Request) { r.Spec.Flags = []string{"-gcflags=-N -l"} },
		"env":       func(r *builder.Request) { r.Spec.Env = map[string]string{"GOEXPERIMENT": "nogreenteagc"} },
		"tags":      func(r *builder.Request) { r.Spec.Tags = []string{"extra"} },
		"ldflags":   func(r *builder.Request) { r.Spec.LDFlags = nil },
	} {
		t.Run(name, func(t *testing.T) {
			changed, s := req, *req.Spec
			changed.Spec = &s
			change(&changed)
			if bytes.Equal(read(t, build(t, Builder{}, changed)[0].Path), base) {
				t.Error("the bytes are the same")
			}
		})
	}
}

func TestCompileError(t *testing.T) {
	req := buildertest.Request(t, buildertest.Module(t, map[string]string{"cmd/app/main.go": "package main\n\nfunc main() { undefinedThing() }\n"}))
	req.Spec.Targets = []string{"windows/amd64", "windows/arm64"}
	buildertest.Write(t, filepath.Join(req.Out, "app_windows_amd64", "app.exe"), "old")
	_, err := Builder{}.Build(t.Context(), req)
	var child *childproc.Error
	if !errors.As(err, &child) || !strings.Contains(child.Output, "undefined: undefinedThing") {
		t.Fatalf("got %v, want the compiler's words", err)
	}
	if !strings.Contains(err.Error(), "compiling app for windows/amd64, windows/arm64") || strings.Count(err.Error(), "undefined:") != 1 {
		t.Errorf("want one message for both targets, got %v", err)
	}
	if string(read(t, filepath.Join(req.Out, "app_windows_amd64", "app.exe"))) != "old" {
		t.Error("the earlier program was touched")
	}
}

func TestBuildRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*builder.Request)
		want   string
	}{
		"missing main package": {func(r *builder.Request) { r.Spec.Binaries[0].Main = "./cmd/none" }, "compiling app for windows/amd64"},
		"library":              {func(r *builder.Request) { r.Spec.Binaries[0].Main = "./lib" }, "reading the compiled program"},
		"wrong target":         {func(r *builder.Request) { r.Spec.Targets = []string{"darwin/arm64"} }, "not a target"},
		"goreleaser's config":  {func(r *builder.Request) { r.Spec.Config = ".goreleaser.yaml" }, "which the builder go cannot read"},
		"bad linker flag":      {func(r *builder.Request) { r.Spec.LDFlags = []string{"-nonsense"} }, "compiling app"},
	} {
		t.Run(name, func(t *testing.T) {
			req := buildertest.Request(t, buildertest.Module(t, nil))
			c.change(&req)
			_, err := Builder{}.Build(t.Context(), req)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if _, err := os.Stat(req.Out); err == nil {
				t.Error("something was left in the output folder")
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req := buildertest.Request(t, buildertest.Module(t, nil))
	if _, err := (Builder{}).Build(ctx, req); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// A DLL is compiled with cgo, by mingw.
func TestDLL(t *testing.T) {
	if err := builder.CheckCCompiler("amd64"); err != nil {
		t.Skip(err)
	}
	req := buildertest.Request(t, buildertest.Module(t, map[string]string{
		"cmd/lib/main.go": "package main\n\nimport \"C\"\n\nvar version string\n\n//export Version\nfunc Version() int { return len(version) }\n\nfunc main() {}\n",
	}))
	req.Spec.Binaries[0] = spec.Binary{ID: "lib", Main: "./cmd/lib", Name: "lib", Buildmode: "c-shared"}
	got := build(t, Builder{}, req)
	if len(got) != 1 || got[0].Name != "lib.dll" {
		t.Fatalf("got %+v", got)
	}
	f, err := pe.Open(got[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Characteristics&pe.IMAGE_FILE_DLL == 0 {
		t.Error("it is not a DLL")
	}
	first := read(t, got[0].Path)
	if !bytes.Equal(first, read(t, build(t, Builder{}, req)[0].Path)) {
		t.Error("a second build gives other bytes")
	}
	t.Setenv("PATH", os.Getenv("PATH")[:0]+t.TempDir())
	if _, err := (Builder{}).Build(t.Context(), req); err == nil || !strings.Contains(err.Error(), "needs the C compiler") {
		t.Errorf("without a compiler: %v", err)
	}
}

func TestVersion(t *testing.T) {
	v, err := Builder{}.Version(t.Context())
	if err != nil || !strings.HasPrefix(v, "go1.") {
		t.Errorf("got %q, %v", v, err)
	}
}
