package goreleaser

import (
	"bytes"
	"context"
	"debug/pe"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/builder/buildertest"
	"github.com/hallmark-dev/hallmark/internal/childproc"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/spec"
)

var update = flag.Bool("update", false, "write the golden files")

// TestMain lets copies of the test binary play goreleaser and the go command
// that builds it.
func TestMain(m *testing.M) {
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	switch {
	case os.Getenv("FAKE") == "":
		os.Exit(m.Run())
	case name == "go":
		os.Exit(playGo(os.Args[1:]))
	default:
		os.Exit(playGoreleaser(os.Args[1:]))
	}
}

// playGoreleaser writes a program and an entry for each target in the
// configuration, in an order that is not sorted.
func playGoreleaser(args []string) int {
	if args[0] == "--version" {
		fmt.Println("goreleaser: Release engineering, simplified.\n\nGitVersion:    " + os.Getenv("FAKE_VERSION"))
		return 0
	}
	if os.Getenv("FAKE") == "fail" {
		fmt.Fprintln(os.Stderr, "  ⨯ build failed after 0s   error=undefined: x")
		return 1
	}
	b, err := os.ReadFile(args[slices.Index(args, "--config")+1])
	if err != nil {
		return 1
	}
	var c config
	if err := yaml.Unmarshal(b, &c); err != nil {
		return 1
	}
	var entries []map[string]any
	for _, build := range c.Builds {
		for _, target := range build.Targets {
			parts := strings.SplitN(target, "_", 3)
			entries = append(entries, fakeProgram(c.Dist, build, parts[0], parts[1], target))
		}
	}
	slices.Reverse(entries)
	entries = append(entries, map[string]any{"name": "metadata.json", "path": "x", "type": "Metadata"})
	out, _ := json.Marshal(entries)
	if os.WriteFile(filepath.Join(c.Dist, "artifacts.json"), out, 0o644) != nil {
		return 1
	}
	return 0
}

func fakeProgram(dist string, b build, goos, goarch, target string) map[string]any {
	machine := map[string]uint16{"amd64": pe.IMAGE_FILE_MACHINE_AMD64, "arm64": pe.IMAGE_FILE_MACHINE_ARM64, "386": pe.IMAGE_FILE_MACHINE_I386}[goarch]
	path := filepath.Join(dist, b.ID+"_"+target, b.Binary+".exe")
	os.MkdirAll(filepath.Dir(path), 0o755)
	os.WriteFile(path, buildertest.Program(machine), 0o755)
	return map[string]any{
		"name": b.Binary + ".exe", "path": filepath.ToSlash(path), "goos": goos, "goarch": goarch, "target": target,
		"internal_type": 4, "type": "Binary", "extra": map[string]any{"ID": b.ID, "Binary": b.Binary, "Ext": ".exe"},
	}
}

// fake is a Locator whose PATH holds a goreleaser that says version.
func fake(t *testing.T, mode, version string) Locator {
	t.Helper()
	program := filepath.Join(t.TempDir(), executable("goreleaser"))
	copySelf(t, program)
	return Locator{
		Cache: t.TempDir(),
		Env:   append(os.Environ(), "FAKE="+mode, "FAKE_VERSION="+version),
		LookPath: func(name string) (string, error) {
			if name == "goreleaser" {
				return program, nil
			}
			return "", errors.New("not found")
		},
	}
}

func copySelf(t *testing.T, to string) {
	t.Helper()
	in, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestBuildWithFake(t *testing.T) {
	req := buildertest.Request(t, buildertest.Module(t, nil))
	req.Spec.Targets = []string{"windows/386", "windows/amd64"}
	made, err := Builder{fake(t, "build", "2.15.1")}.Build(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range made {
		rel, _ := filepath.Rel(req.Out, a.Path)
		got = append(got, filepath.ToSlash(rel))
	}
	if want := []string{"app_windows_386/app.exe", "app_windows_amd64/app.exe"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	kept, err := os.ReadFile(ConfigPath(req, made[0]))
	if err != nil || !bytes.Contains(kept, []byte("dist: dist/goreleaser")) {
		t.Errorf("the configuration is not kept: %v\n%s", err, kept)
	}
	left, _ := filepath.Glob(filepath.Join(req.Root, "dist", ".hallmark-tmp-*"))
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestBuildFailureShowsOutput(t *testing.T) {
	req := buildertest.Request(t, buildertest.Module(t, nil))
	_, err := Builder{fake(t, "fail", "2.15.1")}.Build(t.Context(), req)
	var child *childproc.Error
	if !errors.As(err, &child) || !strings.Contains(child.Output, "undefined: x") {
		t.Errorf("got %v, want goreleaser's words", err)
	}
	if _, err := os.Stat(req.Out); err == nil {
		t.Error("something was left in the output folder")
	}
}

func TestBuildRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*builder.Request)
		want   string
	}{
		"wrong target":   {func(r *builder.Request) { r.Spec.Targets = []string{"plan9/386"} }, "not a target"},
		"no config file": {func(r *builder.Request) { r.Spec.Config = "none.yaml" }, "there is no file none.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			req := buildertest.Request(t, buildertest.Module(t, nil))
			c.change(&req)
			if _, err := (Builder{fake(t, "build", "2.15.1")}).Build(t.Context(), req); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// Compiling goreleaser takes minutes; a release does not start it unasked.
func TestBuildDoesNotInstall(t *testing.T) {
	l := fake(t, "build", "1.0.0")
	var notice bytes.Buffer
	l.Notice = &notice
	_, err := Builder{l}.Build(t.Context(), buildertest.Request(t, buildertest.Module(t, nil)))
	if !IsNotInstalled(err) || !strings.Contains(err.Error(), "goreleaser:install") || notice.Len() > 0 {
		t.Errorf("got %v; %q", err, notice.String())
	}
}

func TestFind(t *testing.T) {
	for version, want := range map[string]string{
		"2.15.1": "2.15.1", "v2.15.0": "2.15.0", "2.99.3": "2.99.3",
		"2.14.9": "", "1.99.0": "", "3.0.0": "", "(devel)": "", "": "",
	} {
		t.Run(version, func(t *testing.T) {
			var log bytes.Buffer
			l := fake(t, "build", version)
			l.Log = &log
			tool, err := l.Find(t.Context())
			if want == "" {
				if !IsNotInstalled(err) || !strings.Contains(err.Error(), "hallmark goreleaser:install") || !strings.Contains(log.String(), "passing over") {
					t.Errorf("got %v, %v; log %q", tool, err, log.String())
				}
				return
			}
			if err != nil || tool.Version != want || tool.From != "PATH" || !strings.Contains(log.String(), "from PATH") {
				t.Errorf("got %+v, %v; log %q", tool, err, log.String())
			}
		})
	}
}

func TestFindCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fake(t, "build", "2.15.1").Find(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestGenerateGolden(t *testing.T) {
	req := buildertest.Request(t, "/nowhere")
	req.Spec.Binaries = append(req.Spec.Binaries, spec.Binary{ID: "tray", Main: "./cmd/tray", Name: "tray", GUI: true})
	req.Spec.Targets = []string{"windows/amd64", "windows/arm64", "windows/386"}
	req.Spec.Tags = []string{"a", "b"}
	req.Spec.LDFlags = []string{"-s", "-X 'main.text={{ not a template }}'"}
	got, err := generate(req, "dist/goreleaser")
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "generated.yaml")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v; got\n%s\nwant\n%s", err, got, want)
	}
}

func TestAdapt(t *testing.T) {
	root := buildertest.Module(t, map[string]string{"my.yaml": `version: 2
dist: dist # would be wiped
snapshot:
  version_template: "{{ .Tag }}-next"
binary_signs:
  - cmd: signer
notarize: {macos: []}
builds:
  - id: mine # kept
`})
	req := buildertest.Request(t, root)
	req.Spec.Config = "my.yaml"
	got, err := adapt(req, "/tmp/x")
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := yaml.Unmarshal(got, &c); err != nil {
		t.Fatal(err)
	}
	if c["dist"] != "/tmp/x" || c["binary_signs"] != nil || c["notarize"] != nil || !strings.Contains(fmt.Sprint(c["snapshot"]), req.Version) {
		t.Errorf("got\n%s", got)
	}
	if !bytes.Contains(got, []byte("id: mine # kept")) {
		t.Errorf("the builds have changed:\n%s", got)
	}
}

func TestAdaptRefuses(t *testing.T) {
	for name, content := range map[string]string{"a list": "- a\n", "empty": "", "not YAML": "a: [", "too large": strings.Repeat("#", maxConfig+1)} {
		req := buildertest.Request(t, buildertest.Module(t, map[string]string{"my.yaml": content}))
		req.Spec.Config = "my.yaml"
		if _, err := adapt(req, "x"); err == nil || fault.Status(err) != fault.Usage || !strings.Contains(err.Error(), "my.yaml") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestReadArtifacts(t *testing.T) {
	entry := func(id, name, goos, kind string) string {
		return fmt.Sprintf(`{"name":%q,"path":"dist/%s","goos":%q,"goarch":"amd64","type":%q,"extra":{"ID":%q}}`, name, name, goos, kind, id)
	}
	for name, c := range map[string]struct{ json, want string }{
		"sorted, Windows programs only": {"[" + strings.Join([]string{
			entry("b", "b.exe", "windows", "Binary"), entry("c", "c", "linux", "Binary"), entry("d", "d.zip", "windows", "Archive"), entry("a", "sub/a.exe", "windows", "Binary"),
		}, ",") + "]", "a/a.exe b/b.exe"},
		"none for Windows":  {"[" + entry("a", "a", "linux", "Binary") + "]", "built no program for Windows"},
		"not JSON":          {"[{", "reading goreleaser's results"},
		"leaves the folder": {"[" + entry("../x", "a.exe", "windows", "Binary") + "]", "cannot be part of a file name"},
		"no ID":             {"[" + entry("", "a.exe", "windows", "Binary") + "]", "cannot be part of a file name"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "artifacts.json")
			buildertest.Write(t, path, c.json)
			made, err := readArtifacts(path, "/root")
			if err != nil {
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %q", err, c.want)
				}
				return
			}
			var got []string
			for _, a := range made {
				got = append(got, a.ID+"/"+a.Name)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	if _, err := readArtifacts(filepath.Join(t.TempDir(), "none"), ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want os.ErrNotExist", err)
	}
}
