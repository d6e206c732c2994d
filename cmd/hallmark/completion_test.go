package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// TestCompletionInShells has real shells complete lines with the scripts that
// the program prints.
func TestCompletionInShells(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the program")
	}
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "hallmark"), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for shell, driver := range map[string]string{
		"bash": `source <(hallmark completion bash)
COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
COMP_LINE="hallmark $LINE"; COMP_POINT=${#COMP_LINE}
compopt() { :; }
_hallmark
last=${LINE##* }
case $last in *:*) prefix=${last%"${last##*:}"};; *) prefix=;; esac
for c in "${COMPREPLY[@]}"; do echo "$prefix$c"; done`,
		"zsh": `autoload() { :; }; compdef() { :; }; compset() { :; }; _files() { echo files; }
source <(hallmark completion zsh)
compadd() { shift 3; print -l -- "$@"; }
_describe() { local c; for c in "${(@P)2}"; do c=${c//\\:/$'\1'}; c=${c%%:*}; print -r -- "${c//$'\1'/:}"; done; }
words=(hallmark ${(s: :)LINE}); [[ $LINE == *' ' ]] && words+=(''); CURRENT=${#words}
_hallmark`,
		"fish": `hallmark completion fish | source
complete -C "hallmark $LINE" | cut -f1`,
	} {
		t.Run(shell, func(t *testing.T) {
			path := formatstest.Tool(t, shell)
			for line, want := range map[string][]string{
				"file:str":            {"file:strip"},
				"releas":              {"release"},
				"file:strip -che":     {"-checksum="},
				"file:sign -pag":      {"-pages"},
				"build file:strip -o": {"-only=", "-out="},
				"nothing-like-it":     nil,
			} {
				cmd := exec.Command(path, "-c", driver)
				cmd.Env = append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"), "LINE="+line, "HOME="+dir)
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("%s: %v", line, err)
				}
				got := strings.Fields(string(out))
				if len(got) != len(want) {
					t.Errorf("%s: completed to %q, want %q", line, got, want)
					continue
				}
				for _, w := range want {
					if !strings.Contains(" "+strings.Join(got, " ")+" ", " "+w+" ") {
						t.Errorf("%s: completed to %q, want %q", line, got, want)
					}
				}
			}
		})
	}
}
