package builder

import (
	"maps"
	"os/exec"
	"runtime"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
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
	var set []string
	for _, s := range settings {
		if !names(more, variable(s)) {
			set = append(set, s)
		}
	}
	set = append(set, more...)
	var env []string
	for _, entry := range parent {
		if name := variable(entry); !slices.Contains(dropped, name) && !names(set, name) {
			env = append(env, entry)
		}
	}
	return append(env, set...)
}

// Settings are the variables that decide the bytes of a compilation: the fixed
// ones, with what the spec says.
func Settings(req Request, job Job) []string {
	var more []string
	for _, name := range slices.Sorted(maps.Keys(req.Spec.Env)) {
		more = append(more, name+"="+req.Spec.Env[name])
	}
	if job.Target.Level != "" {
		more = append(more, "GOAMD64="+job.Target.Level)
	}
	if req.Work != "" {
		more = append(more, "GOWORK="+req.Work)
	}
	if IsDLL(job.Binary) {
		more = append(more, "CGO_ENABLED=1", "CC="+CCompiler(job.Target.GOARCH))
	}
	var out []string
	for _, s := range settings {
		if !names(more, variable(s)) {
			out = append(out, s)
		}
	}
	return append(out, more...)
}

// JobEnvironment is the environment to compile a job in: parent without what
// would change the bytes, and Settings.
func JobEnvironment(parent []string, req Request, job Job) []string {
	return Environment(parent, append(Settings(req, job), "GOOS="+job.Target.GOOS, "GOARCH="+job.Target.GOARCH)...)
}

// CCompiler is the name of the C compiler for Windows programs: gcc on Windows,
// elsewhere that of mingw-w64 for the machine.
func CCompiler(goarch string) string {
	if runtime.GOOS == "windows" {
		return "gcc"
	}
	return map[string]string{"amd64": "x86_64", "386": "i686", "arm64": "aarch64"}[goarch] + "-w64-mingw32-gcc"
}

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

// CheckCCompiler describes what to install when there is no C compiler for a DLL.
func CheckCCompiler(goarch string) error {
	cc := CCompiler(goarch)
	if _, err := exec.LookPath(cc); err != nil {
		return fault.New(fault.Other, "a DLL needs the C compiler %s, which is not in PATH", cc).
			Hint("install mingw-w64 for windows/%s (Debian: apt-get install gcc-mingw-w64; Windows: MSYS2 or WinLibs)", goarch)
	}
	return nil
}
