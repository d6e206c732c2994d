package resources

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tc-hib/winres"

	"github.com/hallmark-dev/hallmark/internal/console"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/winresource"
)

// withObject compiles a program that links a .syso file with the manifest.
func withObject(t *testing.T, manifest string) []byte {
	t.Helper()
	dir := t.TempDir()
	rs := &winres.ResourceSet{}
	if err := rs.Set(winres.RT_MANIFEST, winres.ID(1), 0x0409, []byte(manifest)); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := rs.WriteObject(&b, winres.ArchAMD64); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "rsrc_windows_amd64.syso"), b.Bytes())
	write(t, filepath.Join(dir, "go.mod"), []byte("module example.test/old\n\ngo 1.26\n"))
	write(t, filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() {}\n"))
	cmd := exec.Command("go", "build", "-trimpath", "-o", "app.exe", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return read(t, filepath.Join(dir, "app.exe"))
}

const administrator = `<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0"><dependency><dependentAssembly>` +
	`<assemblyIdentity type="win32" name="Microsoft.Windows.Common-Controls" version="6.0.0.0"/></dependentAssembly></dependency>` +
	`<trustInfo xmlns="urn:schemas-microsoft-com:asm.v3"><security><requestedPrivileges><requestedExecutionLevel level="requireAdministrator"/>` +
	`</requestedPrivileges></security></trustInfo></assembly>`

func TestReplacedManifest(t *testing.T) {
	program := withObject(t, administrator)
	for name, c := range map[string]struct {
		manifest *spec.Manifest
		warns    []string
		keeps    bool // the program's own manifest
	}{
		"loses both":       {&spec.Manifest{ExecutionLevel: "asInvoker"}, []string{"requireAdministrator (now asInvoker)", winresource.CommonControls}, false},
		"loses controls":   {&spec.Manifest{ExecutionLevel: "requireAdministrator"}, []string{winresource.CommonControls}, false},
		"asks for as much": {&spec.Manifest{ExecutionLevel: "requireAdministrator", CommonControls: true}, nil, false},
		"stays":            {nil, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := project(t)
			var out bytes.Buffer
			r.Console = console.New(&out, console.Options{})
			r.Spec.Resources.Manifest = c.manifest
			spec.Defaults(r.Spec)
			write(t, filepath.Join(r.Root, step.BuildDir, "app_windows_amd64", "app.exe"), program)
			u := unit(t, r)
			if _, err := u.Do(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := bytes.Contains(read(t, r.Abs(u.Outputs[0])), []byte(administrator)); got != c.keeps {
				t.Errorf("the program's own manifest is kept: %v, want %v", got, c.keeps)
			}
			if (out.Len() > 0) != (c.warns != nil) {
				t.Errorf("the console says %q", out.String())
			}
			for _, want := range c.warns {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing in %q", want, out.String())
				}
			}
		})
	}
}
