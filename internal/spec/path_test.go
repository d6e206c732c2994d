package spec

import (
	"runtime"
	"strings"
	"testing"
)

func TestCheckPath(t *testing.T) {
	for path, want := range map[string]string{
		"assets/app.ico":          "",
		"./assets/../a.ico":       "",
		"assets/.hidden/a.b.c":    "",
		"console/com10.ico":       "",
		"nullable/auxiliary.txt":  "",
		"a b/c d.ico":             "",
		"Größe/日本.ico":            "",
		"/opt/keys/code.pfx":      "",
		`C:\keys\code.pfx`:        "",
		"c:/keys/code.pfx":        "",
		`\\server\share\code.pfx`: "",
		"//server/share/code.pfx": "",
		`\\?\C:\keys\code.pfx`:    "",

		"C:code.pfx":        "colon",
		"a.pfx:stream":      "colon",
		`keys\code.pfx`:     "backslash",
		`\keys\code.pfx`:    "backslash",
		"../code.pfx":       "leaves the project",
		"a/../../code.pfx":  "leaves the project",
		"NUL":               "device",
		"keys/con.pem":      "device",
		"keys/Com1 .x/a":    "device",
		"lpt³/a":            "device",
		"conin$":            "device",
		"keys./code.pfx":    "ends with a dot",
		"keys/code.pfx.":    "ends with a dot",
		"keys /code.pfx":    "ends with a blank",
		"keys/.../code.pfx": "ends with a dot",
		"a*.ico":            "in no name",
		"<a>.ico":           "in no name",
	} {
		got := checkPath(path)
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := checkGlob("a?/b*.[ch]"); got != "" {
		t.Errorf("a glob: %s", got)
	}
}

func TestForeign(t *testing.T) {
	here, there := []string{"/a", "a", "//server/share/a"}, []string{`C:\a`, "C:/a", `\\server\share\a`}
	if runtime.GOOS == "windows" {
		here, there = append(there, "a", "//server/share/a"), []string{"/a"}
	}
	for _, p := range here {
		if m := foreign(p); m != "" {
			t.Errorf("%s: %s", p, m)
		}
	}
	for _, p := range there {
		if foreign(p) == "" {
			t.Errorf("%s should mean nothing here", p)
		}
	}
}
