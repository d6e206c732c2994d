package command

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// listing is what a compiled magefile prints for -l.
func listing(names ...string) string {
	return "About this project.\n\nTargets:\n  " + strings.Join(names, "    does a thing.\n  ") + "    does a thing.\n\n* default target\n"
}

func own() []string {
	var names []string
	for _, x := range some {
		names = append(names, x.Name)
	}
	return names
}

func TestMagefileJudges(t *testing.T) {
	plain := append(own(), "deploy", "greet", "tune")
	plain[3] += "*"
	var prefixed []string
	for _, x := range own() {
		prefixed = append(prefixed, "win:"+x)
	}
	prefixed = append(prefixed, "release", "deploy")
	for name, c := range map[string]struct {
		listed []string
		words  string
		wrong  string // part of the error, "" if the words are right
	}{
		"only ours":                        {plain, "release plan", ""},
		"theirs":                           {plain, "deploy release", ""},
		"theirs in another case":           {plain, "Deploy", ""},
		"their argument":                   {plain, "greet world release", ""},
		"their argument and a typo":        {plain, "greet world relase", "did you mean release?"},
		"their flags":                      {plain, "tune -level=3 -fast plan", ""},
		"their target without flags":       {plain, "deploy -x", `-x stands before`},
		"an alias of theirs":               {plain, "dp release", ""},
		"a typo after theirs":              {plain, "deploy release --dry-run", "no flag --dry-run"},
		"near one of theirs":               {plain, "depoly", "did you mean deploy?"},
		"a prefix":                         {prefixed, "win:release win:file:sign -in=a", ""},
		"a prefix, wrong flag":             {prefixed, "win:release -n", "win:release has no flag -n"},
		"ours without the prefix":          {prefixed, "win:build plan", "did you mean win:plan?"},
		"theirs of the same name":          {prefixed, "release", ""},
		"theirs of the same name, flagged": {prefixed, "release -x", "-x stands before"},
		"cannot be asked":                  {nil, "release deploy", `no target "deploy"`},
	} {
		t.Run(name, func(t *testing.T) {
			ask := func(args ...string) (string, error) {
				switch {
				case c.listed == nil:
					return "", errors.New("broken")
				case args[0] == "-l":
					return listing(c.listed...), nil
				case strings.EqualFold(args[1], "greet"):
					return "Greet greets.\n\nUsage:\n\n\tmage greet <name>\n\n", nil
				case args[1] == "tune":
					return "Usage:\n\n\tmage tune [<flags>]\n\nFlags:\n\n\t-level=<int>", nil
				}
				return "Usage:\n\n\tmage " + args[1] + "\n\n", nil
			}
			err := magefile{ask: ask, aliases: func() []string { return []string{"DP"} }}.judge(some, strings.Fields(c.words))
			if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("got %v, want %q", err, c.wrong)
			}
		})
	}
}

func TestMagefileIsNotAskedWithoutNeed(t *testing.T) {
	ask := func(...string) (string, error) { t.Error("asked"); return "", nil }
	if err := (magefile{ask: ask}).judge(some, []string{"release", "file:sign", "-in=x"}); err != nil {
		t.Error(err)
	}
}

func TestMagefileWords(t *testing.T) {
	for name, c := range map[string]struct {
		args string
		env  string
		want []string
		runs bool
	}{
		"targets":        {"release plan", "", []string{"release", "plan"}, true},
		"options":        {"-v -t 3m release -x", "", []string{"release", "-x"}, true},
		"list":           {"-l", "", nil, false},
		"help":           {"-h release", "", nil, false},
		"wrong option":   {"-q release", "", nil, false},
		"mage asks help": {"release", "MAGEFILE_HELP", nil, false},
		"mage asks list": {"", "MAGEFILE_LIST", nil, false},
		"default target": {"", "", []string{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			getenv := func(n string) string {
				if n == c.env {
					return "1"
				}
				return ""
			}
			words, runs := magefileWords(strings.Fields(c.args), getenv)
			if runs != c.runs || !slices.Equal(words, c.want) {
				t.Errorf("got %q, %v", words, runs)
			}
		})
	}
}

func TestAliases(t *testing.T) {
	dir := t.TempDir()
	source := "//go:build mage\n\npackage main\n\nvar Aliases = map[string]interface{}{\n\t\"r\": Release,\n\t`all`: Release,\n}\n\nfunc Release() {}\n"
	if err := os.WriteFile(filepath.Join(dir, "magefile.go"), []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "broken.go"), []byte("package"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := aliases(dir, filepath.Join(dir, "absent")); !slices.Equal(got, []string{"r", "all"}) {
		t.Errorf("got %q", got)
	}
}

func TestLine(t *testing.T) {
	hash := strings.Repeat("0a", 32)
	for name, c := range map[string]struct {
		args   []string
		parent string
		onPath bool
		words  string
		want   string
	}{
		"installed":           {[]string{"/usr/bin/hallmark", "release"}, "/bin/sh", true, "plan", "hallmark plan"},
		"on Windows":          {[]string{"hallmark.exe"}, "", false, "plan", "hallmark plan"},
		"no words":            {[]string{"hallmark"}, "", false, "", "hallmark"},
		"mage":                {[]string{"/home/u/.magefile/" + hash, "release"}, "/usr/bin/mage", false, "init -force", "mage init -force"},
		"mage on Windows":     {[]string{hash + ".exe"}, `/c/bin/mage.exe`, false, "plan", "mage plan"},
		"go tool mage":        {[]string{"/x/" + hash}, "/home/u/.cache/go-build/cd/cd31-d/mage", true, "plan", "go tool mage plan"},
		"parent not known":    {[]string{"/x/" + hash}, "", true, "plan", "mage plan"},
		"mage not on path":    {[]string{"/x/" + hash}, "", false, "plan", "go tool mage plan"},
		"prefix":              {[]string{"/x/" + hash, "win:file:sign", "-in=a"}, "/usr/bin/mage", true, "file:sign -in=b", "mage win:file:sign -in=b"},
		"prefix, an option":   {[]string{"/x/" + hash, "win:release"}, "/usr/bin/mage", true, "-l", "mage -l"},
		"foreign target":      {[]string{"/x/" + hash, "db:migrate"}, "/usr/bin/mage", true, "plan", "mage plan"},
		"compiled magefile":   {[]string{"./release-tool"}, "", true, "plan", "release-tool plan"},
		"a test":              {[]string{"/tmp/command.test"}, "", true, "plan", "hallmark plan"},
		"nothing to go by":    {nil, "", false, "plan", "hallmark plan"},
		"namespaces unmasked": {[]string{"/x/" + hash, "file:sign"}, "/usr/bin/mage", true, "sign", "mage sign"},
	} {
		t.Run(name, func(t *testing.T) {
			p := process{args: c.args, parent: func() string { return c.parent }, onPath: func(string) bool { return c.onPath }}
			if got := p.line(some, c.words); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
