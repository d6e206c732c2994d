package secret

import (
	"runtime"
	"slices"
	"strings"
)

// Withhold is an environment without the variables that hold the secrets: what
// a child program does not have, it cannot print. Names are compared as the
// system compares them.
func Withhold(env []string, secrets ...Ref) []string {
	out := make([]string, 0, len(env))
	for _, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		if !slices.ContainsFunc(secrets, func(r Ref) bool { return r.variable(name) }) {
			out = append(out, entry)
		}
	}
	return out
}

// variable tells whether r refers to the environment variable name.
func (r Ref) variable(name string) bool {
	want, ok := strings.CutPrefix(string(r), "env:")
	if runtime.GOOS == "windows" {
		return ok && strings.EqualFold(want, name)
	}
	return ok && want == name
}
