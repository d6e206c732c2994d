package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// hostile are names that drive terminals, forge lines of reports, end tags and
// quotes, or turn the direction of writing round.
var hostile = []string{
	"esc\x1b]0;owned\x07\x1b[2J.exe",
	"setup.exe\nresult:      trusted\nwindows:     TRUSTED (0x00000000).exe",
	"cr\rok  fake.exe  trusted.exe",
	"bidi\u202eexe.\u2066txt.exe",
	"c1\u009b31m\u0085.exe",
	"<script>alert(1)<\\script><!--.exe",
	"quotes\"'`$(id)`${x}%PATH%&;|.exe",
	"*.exe",
	"..\\..\\Windows\\System32\\cmd.exe",
	"|markdown|[x](http:\\\\evil)`code`.exe",
	"%WINDIR%.exe",
	strings.Repeat("long", 60) + ".exe",
}

// harmless fails the test when text has anything in it that a terminal, a
// browser or a reader of lines would obey.
func harmless(t *testing.T, what, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%s is not UTF-8", what)
	}
	for _, r := range text {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			t.Errorf("%s holds %U:\n%q", what, r, text)
			return
		}
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "result:      trusted") || strings.HasPrefix(line, "windows:     TRUSTED") {
			t.Errorf("%s has a forged line %q", what, line)
		}
	}
}

// shell runs the compiled program in a folder.
type shell struct {
	t        *testing.T
	bin, dir string
}

func (s shell) run(args ...string) string {
	s.t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command(s.bin, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, &out, &errs
	cmd.Env = append(os.Environ(), "HALLMARK_CONFIG="+s.t.TempDir())
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	what := strings.Join(args, " ")
	harmless(s.t, "standard output of "+what, out.String())
	harmless(s.t, "standard error of "+what, errs.String())
	return out.String()
}

func compiled(t *testing.T) string {
	t.Helper()
	if testing.Short() || runtime.GOOS == "windows" {
		t.Skip("compiles the program, and Windows has no such names")
	}
	bin := filepath.Join(t.TempDir(), "hallmark")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// TestHostileFileNames gives every command files with hostile names: nothing
// that it prints or writes as text obeys them.
func TestHostileFileNames(t *testing.T) {
	bin := compiled(t)
	program, err := os.ReadFile(formatstest.GoProgram(t, "amd64"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := filepath.Join(dir, "files")
	if err := os.Mkdir(files, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range hostile {
		if err := os.WriteFile(filepath.Join(files, name), program, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := shell{t, bin, dir}
	for _, args := range [][]string{
		{"file:verify", "-in=files/*"},
		{"file:inspect", "-in=files/*"},
		{"file:sign", "-in=files/*", "-identity=test"},
		{"file:sign", "-in=files/*", "-identity=test"}, // refused: signed already
		{"file:verify", "-in=files/*", "-strict"},
		{"file:timestamp", "-in=files/*", "-server=http://127.0.0.1:1/"},
		{"file:tag", "-in=files/*", "-data=none"},
		{"file:strip", "-in=files/*", "-only=nested"},
		{"file:extract", "-in=files/*"},
		{"catalog:make", "-dir=files", "-out=x.cat"},
		{"catalog:list", "-in=x.cat"},
		{"catalog:check", "-in=x.cat", "-dir=files", "-unsigned"},
		{"wdac:scan", "-dir=files", "-out=hash.xml", "-level=Hash"},
		{"wdac:scan", "-dir=files", "-out=path.xml", "-level=FilePath"},
		{"wdac:scan", "-dir=files", "-out=name.xml", "-level=FileName", "-fallback=Hash"},
		{"wdac:show", "-in=hash.xml"},
		{"wdac:show", "-in=path.xml"},
		{"wdac:diff", "-old=hash.xml", "-new=path.xml"},
		{"wdac:compile", "-in=path.xml", "-out=path.cip"},
	} {
		s.run(args...)
	}
	for _, args := range [][]string{{"file:verify", "-in=files/*", "-json"}, {"file:inspect", "-in=files/*", "-json"}, {"catalog:list", "-in=x.cat", "-json"}} {
		if out := s.run(args...); out != "" && !json.Valid([]byte(out)) {
			t.Errorf("%v: not JSON:\n%s", args, out)
		}
	}
	texts(t, dir)
	if b, err := os.ReadFile(filepath.Join(dir, "path.xml")); err == nil {
		for _, bad := range []string{`FilePath="*"`, `\*"`, `..`, `%WINDIR%`} {
			if strings.Contains(string(b), bad) {
				t.Errorf("a policy path has %s in it:\n%s", bad, b)
			}
		}
	}
}

// texts looks at every file of text below dir.
func texts(t *testing.T, dir string) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch filepath.Ext(path) {
		case ".xml", ".json", ".txt", ".md", ".ps1", ".cdf", ".yaml", ".html", ".csv":
		default:
			return nil
		}
		if strings.Contains(path, ".hallmark") {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		seen++
		text := strings.TrimPrefix(strings.ReplaceAll(string(b), "\r\n", "\n"), "\ufeff")
		if !strings.HasSuffix(path, ".verify.txt") {
			harmless(t, path, text)
		}
		switch filepath.Ext(path) {
		case ".json":
			if !json.Valid(b) {
				t.Errorf("%s is not JSON", path)
			}
		case ".xml":
			wellFormed(t, path, b)
		}
		return nil
	})
	if err != nil || seen == 0 {
		t.Errorf("%d files of text, %v", seen, err)
	}
}

func wellFormed(t *testing.T, path string, b []byte) {
	t.Helper()
	for d := xml.NewDecoder(bytes.NewReader(b)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
	}
}

// TestHostileSpec releases a project whose texts are hostile, as far as
// release.yaml takes them: no file of the release obeys them.
func TestHostileSpec(t *testing.T) {
	bin := compiled(t)
	for name, text := range map[string]string{
		"markup":    `<script>alert(1)</script> ]]> --> & "quoted" 'too'`,
		"shell":     "$(id) `id` ${x} %PATH% ; rm -rf ~ | more",
		"markdown":  "[x](http://evil) **b** `c` | cell | # head",
		"escapes":   `esc\x1b]0;owned\x07`,
		"line":      `a\nresult:      trusted`,
		"direction": `bidi\u202etxt.exe`,
		"long":      strings.Repeat("long ", 60),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			quoted := `"` + strings.ReplaceAll(text, `"`, `\"`) + `"`
			for file, content := range map[string]string{
				"go.mod":  "module example.com/x\n\ngo 1.26.0\n",
				"main.go": "package main\n\nfunc main() {}\n",
				"release.yaml": "version: 1\nproject: {name: x, version: 1.0.0, title: " + quoted + ", company: " + quoted + ", description: " + quoted + "}\n" +
					"build: {builder: go, binaries: [{main: .}], targets: [windows/amd64]}\nresources: {}\nsign: {identity: test}\nverify: {require_timestamp: false}\ncatalog: {}\nwdac: {}\n" +
					"portal: {behaviour: " + quoted + "}\n",
			} {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			s := shell{t, bin, dir}
			s.run("plan")
			s.run("release")
			if _, err := os.Stat(filepath.Join(dir, "dist", "release.json")); err == nil {
				texts(t, filepath.Join(dir, "dist"))
			}
		})
	}
}
