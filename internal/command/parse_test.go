package command

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/fault"
)

var some = []Target{
	{Name: "build"},
	{Name: "file:sign", Flags: []Flag{{"in", Text, "files"}, {"pages", Bool, "add page hashes"}, {"parallel", Int, "files at once"}, {"wait", Duration, "how long"}, {"share", Float, "part"}}},
	{Name: "plan"},
	{Name: "release"},
	{Name: "sign"},
}

func TestParse(t *testing.T) {
	calls, err := Parse(some, []string{"Release", "FILE:Sign", "-IN=a=b,c", "-pages", "-parallel=3", "-wait=90s", "-share=0.5", "build"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range calls {
		names = append(names, c.Target.Name)
	}
	if want := []string{"release", "file:sign", "build"}; !reflect.DeepEqual(names, want) {
		t.Errorf("calls %v, want %v", names, want)
	}
	want := map[string]any{"in": "a=b,c", "pages": true, "parallel": 3, "wait": 90 * time.Second, "share": 0.5}
	if !reflect.DeepEqual(calls[1].Values, want) {
		t.Errorf("values %v, want %v", calls[1].Values, want)
	}
	if calls, err := Parse(some, nil); len(calls) != 0 || err != nil {
		t.Errorf("no words: %v, %v", calls, err)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		words string
		want  []string // parts of the text, each from another problem or its hint
	}{
		"dry run":              {"release --dry-run", []string{"release has no flag --dry-run", "hallmark plan shows"}},
		"short dry run":        {"release -n", []string{"hallmark plan shows"}},
		"snapshot":             {"release --snapshot", []string{"hallmark release -snapshot"}},
		"verbose":              {"release -v", []string{"hallmark -v release"}},
		"help":                 {"plan --help", []string{"hallmark -h plan"}},
		"a machine":            {"release amd64", []string{`no target "amd64"`, "hallmark -l lists"}},
		"typing mistake":       {"release sgin", []string{`no target "sgin"`, "did you mean sign?"}},
		"namespace left out":   {"file:sgn", []string{"did you mean file:sign?"}},
		"flag misspelt":        {"file:sign -page", []string{"file:sign has no flag -page", "did you mean -pages?"}},
		"value left out":       {"file:sign -in", []string{"-in needs a value"}},
		"not a number":         {"file:sign -parallel=many", []string{"-parallel=many: want a whole number"}},
		"not a truth":          {"file:sign -pages=perhaps", []string{"-pages=perhaps: want true or false"}},
		"not a time":           {"file:sign -wait=3", []string{"-wait=3: want a time"}},
		"not a share":          {"file:sign -share=x", []string{"-share=x: want a number"}},
		"twice":                {"file:sign -in=a -in=b", []string{"-in is given twice"}},
		"flag before targets":  {"-in=a release", []string{"-in=a stands before any target"}},
		"all problems at once": {"relaese -x file:sign -q -parallel=a foo", []string{`"relaese"`, "no flag -q", "-parallel=a", `"foo"`}},
		"value apart":          {"file:sign -in a.exe", []string{"-in needs a value", `no target "a.exe"`}},
		"empty word":           {"release \x00", []string{"no target"}},
	} {
		t.Run(name, func(t *testing.T) {
			words := strings.Split(strings.ReplaceAll(c.words, "\x00", ""), " ")
			calls, err := Parse(some, words)
			if err == nil || calls != nil {
				t.Fatalf("accepted: %v", calls)
			}
			if got := fault.Status(err); got != fault.Usage {
				t.Errorf("status %d", got)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"sgin", "sign", 1}, {"sign", "sign", 0}, {"relaese", "release", 1}, {"plan", "clean", 2}, {"äb", "ab", 1}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) is %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

// TestTargetsAreComplete: the table has what a command line needs to know.
func TestTargetsAreComplete(t *testing.T) {
	all := Targets()
	if len(all) < 40 {
		t.Fatalf("only %d targets", len(all))
	}
	for _, name := range []string{"release", "file:sign", "wdac:scan", "catalog:check", "plan", "version"} {
		if _, ok := Find(all, name); !ok {
			t.Errorf("no target %s", name)
		}
	}
	for _, x := range all {
		if x.Synopsis == "" || strings.Contains(x.Name, " ") {
			t.Errorf("%+v has no help or a wrong name", x)
		}
	}
}
