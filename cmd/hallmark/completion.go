package main

import (
	"embed"
	"fmt"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// completeWord is what the shells' scripts call: complete WORD…, where the last
// word is the one being typed.
const completeWord = "__complete"

//go:embed completion
var scripts embed.FS

// completion prints the completion script for a shell.
func (p program) completion(words []string) error {
	if len(words) == 1 {
		if script, err := scripts.ReadFile("completion/" + strings.ToLower(words[0])); err == nil {
			_, err = p.out.Write(script)
			return err
		}
	}
	return fault.New(fault.Usage, "completion: name one shell: bash, zsh, fish or powershell").
		Hint("bash: source <(%s)", command.Line("completion bash"))
}

// complete prints what the last word can become, one a line: the word, a tab,
// its meaning.
func (p program) complete(words []string) error {
	if len(words) == 0 {
		words = []string{""}
	}
	last := words[len(words)-1]
	all := command.Targets()
	if strings.HasPrefix(last, "-") {
		target := targetBefore(words[:len(words)-1])
		if target == nil {
			return nil
		}
		t, _ := command.Find(all, target[0])
		for _, f := range t.Flags {
			equals := "="
			if f.Kind == command.Bool {
				equals = ""
			}
			p.candidate(last, "-"+f.Name+equals, f.Help)
		}
		return nil
	}
	for _, t := range all {
		p.candidate(last, t.Name, t.Synopsis)
	}
	return nil
}

func (p program) candidate(typed, word, meaning string) {
	if strings.HasPrefix(strings.ToLower(word), strings.ToLower(typed)) {
		fmt.Fprintf(p.out, "%s\t%s\n", word, meaning)
	}
}
