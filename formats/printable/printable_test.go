package printable_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/hallmark-dev/hallmark/formats/printable"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"plain text, C:\\x.exe": "plain text, C:\\x.exe",
		"Zürich 東京 Ω":           "Zürich 東京 Ω",
		"\x1b]0;t\x07":          `\x1b]0;t\a`,
		"a\nresult: trusted\r":  `a\nresult: trusted\r`,
		"\u009b31m":             `\u009b31m`,
		"exe.\u202efdp":         `exe.\u202efdp`,
		"a\u200bb\u2028c\ufeff": `a\u200bb\u2028c\ufeff`,
		"\xff\xc3":              `\xff\xc3`,
		"\U000e0001":            `\U000e0001`,
		"\x7f":                  `\x7f`,
	} {
		if got := printable.Text(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if printable.OK(in) != (in == want) {
			t.Errorf("%q: OK is %v", in, printable.OK(in))
		}
	}
	if got := printable.Lines("a\n\tb\x1b\r\n"); got != "a\n\tb\\x1b\\r\n" {
		t.Errorf("%q", got)
	}
	if got := printable.Short("äöü", 3); got != "ä…" {
		t.Errorf("%q", got)
	}
}

func TestMarkdown(t *testing.T) {
	for in, want := range map[string]string{
		"<script>alert(1)</script>": `\<script\>alert(1)\</script\>`,
		"a|b\n# c":                  `a\|b\\n# c`,
		"[x](http://y)":             `\[x\](http://y)`,
	} {
		if got := printable.Markdown(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := printable.MarkdownCode("a`|\n"); got != `a'\|\n` {
		t.Errorf("%q", got)
	}
}

// FuzzText: whatever goes in, only what can be printed comes out, and JSON keeps
// its value.
func FuzzText(f *testing.F) {
	f.Add("\x1b[31m\u009b\u202e\xff\n</script>\U000e0001\U0001f600")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range printable.Text(s) {
			if !unicode.IsPrint(r) {
				t.Errorf("%q lets %U through", s, r)
			}
		}
		b, err := printable.JSON(map[string]string{"v": s})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range string(b) {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Errorf("JSON of %q lets %U through", s, r)
			}
		}
		var back map[string]string
		if err := json.Unmarshal(b, &back); err != nil || back["v"] != strings.ToValidUTF8(s, "\ufffd") && !validated(back["v"], s) {
			t.Errorf("%q came back as %q: %v", s, back["v"], err)
		}
	})
}

// validated: package json replaces every invalid byte, ToValidUTF8 every run of them.
func validated(got, s string) bool { return got == string([]rune(s)) }
