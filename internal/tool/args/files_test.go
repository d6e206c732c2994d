package args

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

func usage(t *testing.T, err error, want string) {
	t.Helper()
	if fault.Status(err) != fault.Usage || err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v, want wrong usage and %q", err, want)
	}
}

// shelf goes to a new folder with a few files.
func shelf(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, name := range []string{"a.exe", "b.exe", "with,comma.exe", "[c].exe", "sub/d.exe"} {
		os.MkdirAll(filepath.Dir(name), 0o755)
		if err := os.WriteFile(name, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestExpand(t *testing.T) {
	shelf(t)
	for in, want := range map[string]string{
		"b.exe,a.exe":          "b.exe a.exe", // the order given: the first policy of a merge decides
		" b.exe , ?.exe ":      "b.exe a.exe",
		"./a.exe,a.exe":        "./a.exe",
		"[c].exe":              "[c].exe",
		"*/*.exe":              filepath.FromSlash("sub/d.exe"),
		"*":                    "[c].exe a.exe b.exe with,comma.exe", // folders left out
		"sub/../a.exe,*a*.exe": "sub/../a.exe with,comma.exe",
	} {
		got, err := Files{In: in}.Expand()
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q, %v, want %s", in, got, err, want)
		}
	}
}

// TestExpandRefuses: each wrong name is wrong usage, and all of them are said.
func TestExpandRefuses(t *testing.T) {
	shelf(t)
	for in, want := range map[string]string{
		" ":               "-in= is missing",
		"a.exe,":          "stray comma",
		",a.exe":          "stray comma",
		"none.exe":        "there is no file none.exe",
		"none/none.exe":   "there is no file none/none.exe",
		"a.exe/none.exe":  "a.exe/none.exe",
		"*.dll":           "no file matches *.dll",
		"[":               "not a pattern",
		"sub":             "sub is a folder, not a file",
		"s*":              "no file matches s*",
		"sub,none,a.exe":  "there is no file none",
		"none,sub":        "sub is a folder",
		"@none.txt":       "none.txt",
		"@sub":            "sub: a folder, not a file",
		"@":               "reading the list",
		"a.exe\x00,b.exe": `a.exe\x00`,
	} {
		got, err := Files{In: in}.Expand()
		usage(t, err, want)
		if err != nil && len(got) > 0 && want == "stray comma" {
			t.Errorf("%q: names %q beside the error", in, got)
		}
	}
}

// utf16Text is text as PowerShell 5 writes it.
func utf16Text(text string, order binary.AppendByteOrder) []byte {
	b := order.AppendUint16(nil, 0xFEFF)
	for _, u := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, u)
	}
	return b
}

func TestLists(t *testing.T) {
	shelf(t)
	text := "# two programs\r\n\r\n?.exe\r\n  with,comma.exe  \r\nwith,comma.exe"
	want := []string{"a.exe", "b.exe", "with,comma.exe"}
	for name, b := range map[string][]byte{
		"UTF-8":           []byte(text),
		"UTF-8 with mark": []byte("\xEF\xBB\xBF" + text),
		"UTF-16LE":        utf16Text(text, binary.LittleEndian),
		"UTF-16BE":        utf16Text(text, binary.BigEndian),
	} {
		os.WriteFile("list.txt", b, 0o600)
		got, err := Files{In: "@list.txt"}.Expand()
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, c := range map[string]struct {
		list []byte
		want string
	}{
		"empty":          {nil, "names no file"},
		"comments":       {[]byte("\n# nothing\n"), "names no file"},
		"a mark alone":   {[]byte("\xEF\xBB\xBF"), "names no file"},
		"a program":      {[]byte("MZ\x90\x00\x03"), "list.txt: not text"},
		"UTF-16, no BOM": {[]byte("a\x00.\x00e\x00x\x00e\x00"), "not text"},
		"half":           {[]byte("\xFF\xFEa"), "half a character"},
		"all missing":    {[]byte("one.exe\ntwo.exe\n"), "two.exe"},
	} {
		t.Run(name, func(t *testing.T) {
			os.WriteFile("list.txt", c.list, 0o600)
			_, err := Files{In: "@list.txt"}.Expand()
			usage(t, err, c.want)
		})
	}
}

func TestLinks(t *testing.T) {
	shelf(t)
	formatstest.Symlink(t, "a.exe", "link.exe")
	os.Symlink("none", "broken.dll")
	os.Symlink("sub", "folder.dll")
	got, err := Files{In: "link.exe"}.Jobs("")
	if err != nil || len(got) != 1 || filepath.Base(got[0].Out) != "a.exe" {
		t.Errorf("%v, %v", got, err)
	}
	_, err = Files{In: "link.exe,a.exe"}.Jobs("")
	usage(t, err, "would both become")
	_, err = Files{In: "broken.dll"}.Expand()
	usage(t, err, "broken.dll is a broken link")
	_, err = Files{In: "*.dll"}.Expand()
	usage(t, err, "broken.dll is a broken link")
	_, err = Files{In: "folder.dll"}.Expand()
	usage(t, err, "folder.dll is a folder")
}

func TestDestinations(t *testing.T) {
	shelf(t)
	for name, c := range map[string]struct {
		files  Files
		suffix string
		want   string // of the first, or the error
	}{
		"in place":     {Files{In: "b.exe"}, "", "b.exe"},
		"beside it":    {Files{In: "b.exe"}, ".p7s", "b.exe.p7s"},
		"a folder":     {Files{In: "b.exe", Out: "sub"}, ".p7s", filepath.FromSlash("sub/b.exe.p7s")},
		"a file":       {Files{In: "b.exe", Out: "new.exe"}, ".p7s", "new.exe"},
		"several":      {Files{In: "?.exe", Out: "new"}, "", "new is not a folder"},
		"equal names":  {Files{In: "d.exe,sub/d.exe", Out: "sub"}, "", "would both become"},
		"nothing":      {Files{In: "none"}, "", "there is no file"},
		"two missings": {Files{In: "none,neither"}, "", "neither"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "equal names" {
				os.WriteFile("d.exe", nil, 0o600)
			}
			jobs, err := c.files.Jobs(c.suffix)
			if err == nil && filepath.Base(jobs[0].Out) == filepath.Base(c.want) && strings.HasSuffix(jobs[0].Out, c.want) {
				return
			}
			usage(t, err, c.want)
		})
	}
}

// TestFoldLetters: what Windows does for names, a pattern does too.
func TestFoldLetters(t *testing.T) {
	for in, want := range map[string]string{
		"dist/*.Exe":    "dist/*.[eE][xX][eE]",
		`App\x?.dll`:    `App\[xX]?.[dD][lL][lL]`,
		"[a-c]b*":       "[a-c][bB]*",
		"no/pattern.go": "no/pattern.go",
		"*/sub/*":       "*/sub/*",
	} {
		got := foldLetters(in)
		if got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
		if _, err := filepath.Match(got, ""); err != nil {
			t.Errorf("%s: %v", got, err)
		}
	}
	if ok, _ := filepath.Match(foldLetters("*.EXE"), "a.exe"); !ok {
		t.Error("*.EXE does not match a.exe")
	}
}

func TestRead(t *testing.T) {
	shelf(t)
	if b, err := Read("file", "a.exe"); err != nil || string(b) != "a.exe" {
		t.Errorf("%q, %v", b, err)
	}
	for path, want := range map[string]string{"": "-file= must be given", "none": "-file: ", "sub": "-file: open sub: a folder, not a file"} {
		_, err := Read("file", path)
		usage(t, err, want)
	}
	for path, want := range map[string]string{"": "-dir= must be given", "none": "there is no folder none", "a.exe": "a.exe is a file, not a folder"} {
		usage(t, Folder("dir", path), want)
	}
	if err := Folder("dir", "sub"); err != nil {
		t.Error(err)
	}
	_, err := Open("none.exe")
	usage(t, err, "opening the file")
	if err != nil && strings.Contains(err.Error(), "none.exe") {
		t.Errorf("the file is named, which Each does: %v", err)
	}
}

func TestFlags(t *testing.T) {
	usage(t, Need("in", "x", "out", "", "name", " "), "-out= and -name= must be given")
	_, err := Choice("color", "blue", map[string]int{"": 0, "red": 1, "green": 2})
	usage(t, err, `-color: "blue" is not one of green, red`)
	_, err = Digest("md5")
	usage(t, err, "-digest: ")
	_, err = Secret("password", "hunter2")
	usage(t, err, "-password: ")
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("the password is shown")
	}
}
