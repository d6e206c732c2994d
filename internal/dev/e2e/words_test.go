package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// foreignMagefile imports the targets under a prefix and has targets of its own.
const foreignMagefile = `//go:build mage

package main

import (
	"os"

	_ "github.com/hallmark-dev/hallmark/targets" // mage:import win
)

var Aliases = map[string]any{"d": Deploy}

// Deploy leaves a file behind.
func Deploy() error { return os.WriteFile("deployed", nil, 0o644) }

// Greet takes a name and a flag.
func Greet(name string, loud *bool) error { return os.WriteFile("greeted-"+name, nil, 0o644) }
`

// TestWordsAreJudgedBeforeAnythingRuns: with mage, too, a word that nobody
// knows ends the run before its first target, whoever wrote that target.
func TestWordsAreJudgedBeforeAnythingRuns(t *testing.T) {
	dir, env := t.TempDir(), onlyGo(t, "-mod=mod", "-tags=crashpoint")
	if err := requiring(dir, "example.com/words"); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "magefile.go", foreignMagefile)
	for line, want := range map[string]string{
		"deploy win:release --dry-run": "go tool mage win:plan",
		"deploy win:release sgin":      "did you mean win:sign?",
		"d win:release -v":             "go tool mage -v win:release",
		"greet you -loud depoly":       "did you mean deploy?",
		"deploy release":               "did you mean win:release?",
	} {
		r := run(t, dir, env, "go", append([]string{"tool", "mage"}, strings.Fields(line)...)...)
		if r.code != 2 || !strings.Contains(r.out, want) {
			t.Errorf("%s: exit status %d, want 2 and %q\n%s", line, r.code, want, r.out)
		}
	}
	if left := append(glob(t, dir, "deployed"), glob(t, dir, "greeted-*")...); len(left) != 0 {
		t.Errorf("targets ran: %q", left)
	}
	if r := run(t, dir, env, "go", "tool", "mage", "d", "greet", "you", "-loud", "win:version"); r.code != 0 {
		t.Fatalf("right words are refused: %d\n%s", r.code, r.out)
	}
	for _, file := range []string{"deployed", "greeted-you"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Errorf("a target did not run: %v", err)
		}
	}
}
