package scaffold

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/fault"
)

func TestCheck(t *testing.T) {
	files := map[string]string{
		"go.mod": "module example.com/app\n", "cmd/app/main.go": "package main\n\nvar version, commit string\n\nfunc main() {}\n", "cmd/gen/main.go": code,
		".goreleaser.yaml": "project_name: app\nbuilds:\n- main: ./cmd/app\n  ldflags: -s -w -X main.version={{.Version}} -X main.commit={{.Commit}}\n  goarch: [amd64, arm64]\n",
	}
	root := repositoryOf(t, files, []string{"tag", "v1.0.0"})
	o := Options{Root: root, File: filepath.Join(root, "release.yaml")}
	if _, err := Check(t.Context(), o); err == nil || fault.Status(err) != fault.Usage {
		t.Errorf("without a file: %v", err)
	}
	if _, err := Init(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if lines, err := Check(t.Context(), o); err != nil || len(lines) != 0 {
		t.Errorf("a new file: %q, %v", lines, err)
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"another program":      {"main: ./cmd/app", "main: ./cmd/gen", "build.binaries has ./cmd/gen, which would be left out: for development"},
		"a missing program":    {"main: ./cmd/app", "main: ./cmd/gen", "build.binaries lacks ./cmd/app; .goreleaser.yaml names it"},
		"another name":         {"name: app}", "name: tool}", "build.binaries calls ./cmd/app tool; .goreleaser.yaml says app"},
		"a variable less":      {"    main.commit: commit\n", "", "build.variables is {main.version: version}; .goreleaser.yaml says {main.commit: commit, main.version: version}"},
		"a fixed version":      {"version: git", "version: 1.0.0", "project.version is 1.0.0; git says git"},
		"a company is no sign": {"company:", "copyright: x\n  company: Acme #", ""},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(o.File)
			if err != nil {
				t.Fatal(err)
			}
			changed := strings.Replace(string(b), c.old, c.new, 1)
			if changed == string(b) {
				t.Fatalf("%q is not in\n%s", c.old, b)
			}
			other := o
			other.File = filepath.Join(t.TempDir(), "other.yaml")
			if err := os.WriteFile(other.File, []byte(changed), 0o600); err != nil {
				t.Fatal(err)
			}
			lines, err := Check(t.Context(), other)
			if err != nil || (c.want == "") != (len(lines) == 0) || !strings.Contains(strings.Join(lines, "\n"), c.want) {
				t.Errorf("got %q, %v; want %q", lines, err, c.want)
			}
		})
	}
	if err := os.WriteFile(o.File, []byte("a: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(t.Context(), o); err == nil || fault.Status(err) != fault.Usage {
		t.Errorf("no YAML: %v", err)
	}
}
