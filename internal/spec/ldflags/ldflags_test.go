package ldflags

import (
	"slices"
	"testing"
)

func TestSplit(t *testing.T) {
	for entry, want := range map[string][]string{
		"":                                 nil,
		"-s":                               {"-s"},
		" -s\t-w ":                         {"-s", "-w"},
		"-X main.a=b":                      {"-X", "main.a=b"},
		"-X main.a=The App":                {"-X", "main.a=The App"},
		"-X=main.a=The App -s":             {"-X=main.a=The App", "-s"},
		"-s -X main.a=The App -X main.b=1": {"-s", "-X", "main.a=The App", "-X", "main.b=1"},
		"-X 'main.a=The App' -s":           {"-X", "main.a=The App", "-s"},
		`-X "main.a=it's" x`:               {"-X", "main.a=it's", "x"},
		"-X main.a=it's here":              {"-X", "main.a=it's here"},
		"-extldflags '-static -s'":         {"-extldflags", "-static -s"},
		"-r dir other":                     {"-r", "dir", "other"},
		"''":                               {""},
	} {
		got, err := Split(entry)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v, want %q", entry, got, err, want)
		}
	}
	if _, err := Split("-X 'main.a=b"); err == nil {
		t.Error("an open quotation mark was accepted")
	}
}

func TestAssignments(t *testing.T) {
	got := Assignments([]string{"-s", "-X", "main.a=1", "-X=main.b=2", "--X=main.c=3", "--X", "main.d=4", "main.e=5", "-X"})
	if want := []string{"main.a=1", "main.b=2", "main.c=3", "main.d=4", ""}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What is joined must come apart again, by the go command's rules, which are
// those of Words.
func TestJoin(t *testing.T) {
	words := []string{"-s", "-X=main.a=The App", "-X=main.b=it's", "-X=main.d=say \"hi\"", "-X=main.e='q'", ""}
	text, err := Join(words)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Words(text); err != nil || !slices.Equal(got, words) {
		t.Errorf("%s came apart as %q, %v", text, got, err)
	}
	if _, err := Join([]string{`it's "so"`}); err == nil {
		t.Error("a word with both quotation marks was accepted")
	}
}
