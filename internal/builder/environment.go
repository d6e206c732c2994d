package builder

import (
	"slices"
	"strings"
)

// settings are the variables of the go command that change what a program
// consists of, with the values that a release uses. An empty variable would
// not do: the go command then looks into the file of go env -w.
//
// GOWORK is off because a workspace is not part of the module's commit: it may
// lie in a parent folder and silently swap dependencies.
var settings = []string{
	"CGO_ENABLED=0",
	"GO111MODULE=on",
	"GO386=sse2",
	"GOAMD64=v1",
	"GOARM64=v8.0",
	"GOFIPS140=off",
	"GOFLAGS=-trimpath",
	"GOWORK=off",
}

// dropped are variables that have no neutral value. GOOS and GOARCH are set
// for each job.
var dropped = []string{"GOEXPERIMENT", "GOOS", "GOARCH", "CC", "CXX"}

// Environment is the environment of a compilation: parent without what would
// change the bytes of the result, plus more (NAME=value), which wins.
func Environment(parent []string, more ...string) []string {
	set := append(slices.Clone(settings), more...)
	var env []string
	for _, entry := range parent {
		if name := variable(entry); !slices.Contains(dropped, name) && !names(set, name) {
			env = append(env, entry)
		}
	}
	return append(env, set...)
}

// Settings returns the fixed variables for a goreleaser configuration.
func Settings() []string { return slices.Clone(settings) }

// variable is the name in NAME=value, in capitals: Windows does not tell
// goflags from GOFLAGS.
func variable(entry string) string {
	name, _, _ := strings.Cut(entry, "=")
	return strings.ToUpper(name)
}

func names(set []string, name string) bool {
	return slices.ContainsFunc(set, func(entry string) bool { return variable(entry) == name })
}

// Value is that of the variable name in env, or empty.
func Value(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if variable(env[i]) == name {
			return env[i][len(name)+1:]
		}
	}
	return ""
}
