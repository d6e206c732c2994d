package scaffold

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hallmark-dev/hallmark/internal/gitinfo"
)

// TestProjects inspects small projects that are built like real ones. Each
// archive ends with the file and the report that are expected.
func TestProjects(t *testing.T) {
	archives, err := filepath.Glob("testdata/projects/*.txtar")
	if err != nil || len(archives) < 10 {
		t.Fatalf("%d projects, %v", len(archives), err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			for _, f := range a.Files {
				files[f.Name] = strings.ReplaceAll(string(f.Data), "\r\n", "\n")
			}
			wantFile, wantReport := files["want/release.yaml"], files["want/report"]
			delete(files, "want/release.yaml")
			delete(files, "want/report")
			root := tree(t, files)
			git := repository{Info: gitinfo.Info{Commit: strings.Repeat("0", 40)}, Versions: []string{"v1.2.3"}}
			m, err := inspect(root, git)
			if err != nil {
				t.Fatal(err)
			}
			loads(t, root, m, git)
			b, err := render(m, false)
			if err != nil {
				t.Fatal(err)
			}
			if lines := strings.Count(string(b), "\n"); lines >= 40 {
				t.Errorf("the file has %d lines", lines)
			}
			report := strings.ReplaceAll(strings.Join(report(m, nil).Lines(), "\n")+"\n", root, "ROOT")
			if *update {
				golden(t, name, a, string(b), report)
				return
			}
			if string(b) != wantFile {
				t.Errorf("got\n%s\nwant\n%s", b, wantFile)
			}
			if report != wantReport {
				t.Errorf("got\n%s\nwant\n%s", report, wantReport)
			}
		})
	}
}

func golden(t *testing.T, name string, a *txtar.Archive, file, report string) {
	t.Helper()
	out := &txtar.Archive{Comment: a.Comment}
	for _, f := range a.Files {
		if !strings.HasPrefix(f.Name, "want/") {
			out.Files = append(out.Files, f)
		}
	}
	out.Files = append(out.Files, txtar.File{Name: "want/release.yaml", Data: []byte(file)}, txtar.File{Name: "want/report", Data: []byte(report)})
	if err := os.WriteFile(name, txtar.Format(out), 0o644); err != nil {
		t.Fatal(err)
	}
}
