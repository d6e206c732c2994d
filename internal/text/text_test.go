package text

import "testing"

func TestDecode(t *testing.T) {
	for name, c := range map[string]struct {
		in, want string
		fails    bool
		marked   bool
	}{
		"plain":              {in: "a\r\nü", want: "a\r\nü"},
		"empty":              {in: "", want: ""},
		"UTF-8 with mark":    {in: "\xEF\xBB\xBFa\n", want: "a\n", marked: true},
		"UTF-16":             {in: "\xFF\xFEa\x00\xFC\x00\n\x00", want: "aü\n", marked: true},
		"UTF-16, big endian": {in: "\xFE\xFF\x00a\x00\n", want: "a\n", marked: true},
		"surrogates":         {in: "\xFF\xFE\x3D\xD8\x00\xDE", want: "😀", marked: true},
		"half a character":   {in: "\xFF\xFEa", fails: true, marked: true},
		"UTF-16, no mark":    {in: "a\x00b\x00", fails: true},
		"Latin 1":            {in: "\xFC", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode([]byte(c.in))
			if got != c.want || (err != nil) != c.fails {
				t.Errorf("got %q, %v", got, err)
			}
			if Marked([]byte(c.in)) != c.marked {
				t.Errorf("Marked is %v", !c.marked)
			}
		})
	}
}
