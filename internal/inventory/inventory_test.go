package inventory

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/formats/catalog"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func names(files []File) string {
	var out []string
	for _, f := range files {
		out = append(out, f.Name)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestMatch(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"a.txt": "a", "s/b.ps1": "b", "s/t/c.ps1": "c", "s/t/d.txt": "d", "dist/x.ps1": "x", ".git/config": "g"})
	for pattern, want := range map[string]string{
		"a.txt":       "a.txt",
		"*.txt":       "a.txt",
		"s/*":         "s/b.ps1",
		"s/**":        "s/b.ps1 s/t/c.ps1 s/t/d.txt",
		"**/*.ps1":    "s/b.ps1 s/t/c.ps1",
		"**":          "a.txt s/b.ps1 s/t/c.ps1 s/t/d.txt",
		"s/**/c.ps1":  "s/t/c.ps1",
		"s/?/[cd].*":  "s/t/c.ps1 s/t/d.txt",
		"./s/b.ps1":   "s/b.ps1",
		"s/t/../*":    "s/b.ps1",
		"**/t/**/d.*": "s/t/d.txt",
	} {
		got, err := Match(dir, []string{pattern}, "dist", ".git")
		if err != nil || names(got) != want {
			t.Errorf("%s: %s, %v", pattern, names(got), err)
		}
	}
	for pattern, want := range map[string]string{"nothing": "no file matches nothing", "x/*": "no file matches x/*", "s": "s is a folder", "s/t": "write s/t/**", "dist/**": "no file matches"} {
		if _, err := Match(dir, []string{pattern}, "dist"); fault.Status(err) != fault.Usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
	_, err := Match(dir, []string{"one", "two"})
	if err == nil || !strings.Contains(err.Error(), "one") || !strings.Contains(err.Error(), "two") {
		t.Errorf("not every pattern is reported: %v", err)
	}
}

func TestMakeAndCompare(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	put(t, dir, map[string]string{"a.txt": "a", "s/b.txt": "b", "s/same.txt": "b", "empty": ""})
	for name, c := range map[string]struct {
		attr            string
		changed         string // of a.txt
		missing, extra  string
		listed, members int
	}{
		"FilePath": {"FilePath", "a.txt", "s/b.txt", "new.txt", 3, 6},
		"File":     {"File", "a.txt", "", "new.txt s/same.txt", 3, 4},
		"none":     {"none", "", "", "a.txt new.txt", 3, 4},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			put(t, folder, map[string]string{"a.txt": "a", "s/b.txt": "b", "s/same.txt": "b", "empty": ""})
			files, err := Folder(folder)
			if err != nil {
				t.Fatal(err)
			}
			m, err := Make(ctx, files, Options{PathAttribute: c.attr, Options: catalog.Options{Time: time.Unix(1e9, 0)}})
			if err != nil {
				t.Fatal(err)
			}
			if len(m.Files) != c.listed || len(m.Members) != c.members || names(m.Empty) != "empty" {
				t.Errorf("%d listed, %d members, empty: %s", len(m.Files), len(m.Members), names(m.Empty))
			}
			if cmp, err := Compare(ctx, m.Catalog, folder); err != nil || len(cmp.Changed) != 0 || (c.attr == "FilePath" && !cmp.OK()) {
				t.Errorf("untouched: %+v, %v", cmp, err)
			}
			put(t, folder, map[string]string{"a.txt": "changed", "new.txt": "n"})
			if err := os.Remove(filepath.Join(folder, "s", "b.txt")); err != nil {
				t.Fatal(err)
			}
			cmp, err := Compare(ctx, m.Catalog, folder)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Join(cmp.Changed, " ") != c.changed || strings.Join(cmp.Extra, " ") != c.extra || cmp.OK() {
				t.Errorf("%+v", cmp)
			}
			if c.missing != "" && strings.Join(cmp.Missing, " ") != c.missing {
				t.Errorf("missing: %v", cmp.Missing)
			}
			if cmp.Unnamed != (c.attr == "none") {
				t.Errorf("Unnamed is %v", cmp.Unnamed)
			}
		})
	}
}

// TestCompareIgnoresForeignPaths: a catalog's names are compared, never opened.
func TestCompareIgnoresForeignPaths(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"in/a.txt": "a", "secret.txt": "s"})
	b, err := catalog.NewBuilder(catalog.Options{Time: time.Unix(1e9, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.AddFile(context.Background(), "x", strings.NewReader("s"), 1, catalog.Text("FilePath", `..\secret.txt`)); err != nil {
		t.Fatal(err)
	}
	c, err := b.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	cmp, err := Compare(context.Background(), c, filepath.Join(dir, "in"))
	if err != nil || strings.Join(cmp.Missing, "") != "../secret.txt" || strings.Join(cmp.Extra, "") != "a.txt" {
		t.Errorf("%+v %v", cmp, err)
	}
}

func TestMakeReportsEveryFile(t *testing.T) {
	dir := t.TempDir()
	damaged := "MSCF cut off"
	put(t, dir, map[string]string{"one.cab": damaged, "two.cab": damaged, "good": "g"})
	files, err := Folder(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Make(context.Background(), files, Options{})
	if err == nil || !strings.Contains(err.Error(), "one.cab") || !strings.Contains(err.Error(), "two.cab") {
		t.Errorf("%v", err)
	}
	if _, err := Make(context.Background(), nil, Options{}); err == nil {
		t.Error("a catalog of nothing is made")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Make(ctx, files, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestDefinition: the definition that is written makes the same catalog.
func TestDefinition(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	put(t, dir, map[string]string{"a.txt": "a", "s/b.txt": "b"})
	files, err := Folder(dir)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{PathAttribute: "FilePath", Options: catalog.Options{Time: time.Unix(1e9, 0), Attributes: Attributes(map[string]string{"OSAttr": "2:10.0"}, []string{"pci", "usb"})}}
	m, err := Make(ctx, files, o)
	if err != nil {
		t.Fatal(err)
	}
	text, err := m.Definition("x.cat", o)
	if err != nil {
		t.Fatal(err)
	}
	def, err := catalog.ParseCDF(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c, err := def.Build(ctx, Source(dir), time.Unix(1e9, 0), [16]byte{})
	if err != nil {
		t.Fatal(err)
	}
	if der, err := c.Marshal(); err != nil || !bytes.Equal(der, m.DER) {
		t.Errorf("the definition makes another catalog: %v\n%s", err, text)
	}
}

func TestInside(t *testing.T) {
	dir := t.TempDir()
	if rel, ok := Inside(dir, filepath.Join(dir, "a", "b")); !ok || rel != "a/b" {
		t.Errorf("%s %v", rel, ok)
	}
	if _, ok := Inside(filepath.Join(dir, "a"), filepath.Join(dir, "b")); ok {
		t.Error("outside is inside")
	}
}

// TestFolderThatIsALink: the folder that is named may be a link; links to
// folders in it stand for nothing.
func TestFolderThatIsALink(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"app/a.txt": "a", "app/s/b.txt": "b"})
	link := filepath.Join(dir, "link")
	formatstest.Symlink(t, "app", link)
	if err := os.Symlink("s", filepath.Join(dir, "app", "t")); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{filepath.Join(dir, "app"), link, link + string(filepath.Separator)} {
		got, err := Folder(d)
		if err != nil || names(got) != "a.txt s/b.txt" {
			t.Errorf("%s: %s, %v", d, names(got), err)
		}
	}
}
