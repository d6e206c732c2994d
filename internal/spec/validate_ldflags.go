package spec

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/spec/ldflags"
)

// shellVariable is what a shell or a Makefile would have replaced.
var shellVariable = regexp.MustCompile("\\$[A-Za-z_({]|`|%[A-Za-z_]+%")

// linkerHint describes how a version gets into a program.
const linkerHint = "build.variables sets variables of the program to the version, the commit or its date: variables: {main.version: version}"

func (j *judgement) ldflags() {
	b := &j.spec.Build
	setAt := map[string]string{}
	for i, entry := range b.LDFlags {
		path := fmt.Sprintf("build.ldflags[%d]", i)
		if shellVariable.MatchString(entry) {
			j.refuse(true, path, fmt.Sprintf("%s looks like a variable of a shell, but nothing is expanded in this file", quote(entry)),
				linkerHint)
			continue
		}
		words, err := ldflags.Split(entry)
		if err == nil {
			_, err = ldflags.Join(words)
		}
		if err != nil {
			j.refuse(true, path, fmt.Sprintf("%s: %v", quote(entry), err), "write one flag an entry, such as -X=main.name=text; blanks in it need no quotes")
			continue
		}
		j.linkerWords(path, entry, words, setAt)
	}
	for _, name := range slices.Sorted(maps.Keys(b.Variables)) {
		j.refuse(setAt[name] != "", join("build.variables", name), "is also set by "+setAt[name], "keep one of the two")
	}
}

// linkerWords judges the words of one entry. setAt holds the paths of the
// entries that set a variable, by its name.
func (j *judgement) linkerWords(path, entry string, words []string, setAt map[string]string) {
	for _, w := range words {
		j.refuse(strings.HasPrefix(w, "-H") || strings.HasPrefix(w, "--H"), path,
			quote(entry)+" sets the subsystem, which belongs to build.binaries[].gui", "write gui: true at the program")
	}
	for _, a := range ldflags.Assignments(words) {
		name, _, found := strings.Cut(a, "=")
		if message, _ := Formats["variable"].Check(name); message != "" || !found {
			j.refuse(true, path, fmt.Sprintf("%s does not set a variable: -X needs a package, the name of a variable and a text", quote(entry)), "write -X=main.name=text")
			continue
		}
		j.refuse(setAt[name] != "", path, name+" is also set by "+setAt[name], "keep one of the two")
		setAt[name] = path
	}
}
