package secret

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/fault"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct{ in, wantErr string }{
		"none":              {"", ""},
		"variable":          {"env:PASS", ""},
		"file":              {"file:/run/secrets/p", ""},
		"windows file":      {`file:C:\keys\p.txt`, ""},
		"literal":           {"hunter2", "given as a reference"},
		"literal and colon": {"pass:word", "given as a reference"},
		"empty variable":    {"env:", "names no variable"},
		"dollar":            {"env:$PASS", "not followed by the name"},
		"braces":            {"env:{PASS}", "not followed by the name"},
		"value":             {"env:PASS=hunter2", "not followed by the name"},
		"empty file":        {"file:", "names no file"},
		"capital kind":      {"ENV:PASS", "given as a reference"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Parse(c.in)
			if c.wantErr == "" {
				if err != nil || string(r) != c.in {
					t.Fatalf("got %q, %v", r, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.wantErr) {
				t.Fatalf("got %v, want %q", err, c.wantErr)
			}
			if fault.Status(err) != fault.Usage || !strings.Contains(err.Error(), "hint: ") {
				t.Errorf("no usage error with a hint: %v", err)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "word") && name == "literal and colon" {
				t.Errorf("error repeats the secret: %v", err)
			}
		})
	}
}

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("lf", "s3cret\n")
	write("crlf", "s3cret\r\n")
	write("two", "s3cret\n\n")
	write("mark", "\xEF\xBB\xBFs3cret\r\n")
	write("utf16", "\xFF\xFEs\x003\x00c\x00r\x00e\x00t\x00\r\x00\n\x00")
	write("half", "\xFF\xFEs\x003")
	write("mark alone", "\xEF\xBB\xBF\r\n")
	write("latin", "s\xFCcret")
	write("space", " s3cret ")
	write("empty", "\n")
	write("huge", strings.Repeat("x", MaxSize+1))
	src := Source{Dir: dir, Getenv: func(n string) string { return map[string]string{"SET": "v\n"}[n] }}
	for name, c := range map[string]struct {
		ref           Ref
		want, wantErr string
	}{
		"none":          {"", "", ""},
		"variable":      {"env:SET", "v\n", ""},
		"unset":         {"env:UNSET", "", "environment variable UNSET is not set or empty\nhint: set UNSET, or refer to a file with file:PATH\nhint: a key without password, or with an empty one"},
		"lf":            {"file:lf", "s3cret", ""},
		"crlf":          {"file:crlf", "s3cret", ""},
		"Notepad":       {"file:mark", "s3cret", ""},
		"PowerShell 5":  {"file:utf16", "s3cret", ""},
		"half a letter": {"file:half", "", "half a character"},
		"only a mark":   {"file:mark alone", "", "is empty"},
		"not text":      {"file:latin", "s\xFCcret", ""},
		"only one cut":  {"file:two", "s3cret\n", ""},
		"spaces stay":   {"file:space", " s3cret ", ""},
		"absolute":      {Ref("file:" + filepath.Join(dir, "lf")), "s3cret", ""},
		"empty":         {"file:empty", "", "is empty\nhint: a key without password, or with an empty one"},
		"missing":       {"file:none", "", "none"},
		"folder":        {"file:.", "", "reading secret"},
		"huge":          {"file:huge", "", "larger than"},
		"literal":       {"hunter2", "", "given as a reference"},
		"unknown where": {"vault:x", "", "given as a reference"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := src.Resolve(c.ref)
			if c.wantErr == "" && (err != nil || string(b) != c.want) {
				t.Fatalf("got %q, %v; want %q", b, err, c.want)
			}
			if c.wantErr != "" && (err == nil || !strings.Contains(err.Error(), c.wantErr) || fault.Status(err) != fault.Usage) {
				t.Fatalf("got %v, want %q", err, c.wantErr)
			}
		})
	}
}

func TestResolveWarnsOfReadableFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no permission bits")
	}
	path := filepath.Join(t.TempDir(), "p")
	for mode, want := range map[os.FileMode]int{0o600: 0, 0o400: 0, 0o640: 1, 0o644: 1} {
		os.Remove(path)
		if err := os.WriteFile(path, []byte("s3cret"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		var got []string
		src := Source{Warn: func(s string) { got = append(got, s) }}
		if _, err := src.Resolve(Ref("file:" + path)); err != nil {
			t.Fatal(err)
		}
		if len(got) != want || want == 1 && !strings.Contains(got[0], path) {
			t.Errorf("mode %o: warnings %q", mode, got)
		}
		if strings.Contains(strings.Join(got, ""), "s3cret") {
			t.Error("the warning repeats the secret")
		}
	}
}

func TestMaskText(t *testing.T) {
	// The longest counts, in whatever order they are given, and one that is too
	// short is left alone.
	secrets := [][]byte{[]byte("abcabd"), []byte("abcabdef"), []byte("xyz"), []byte("q"), nil}
	const text = "abcabcabd-abcabdef-xyzxyz-abcab xy q abcabde"
	if got, want := MaskText(text, secrets...), "abc***-***-******-abcab xy q ***e"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := MaskText("pin 123456!"); got != "pin 123456!" {
		t.Errorf("without secrets: %q", got)
	}
}
