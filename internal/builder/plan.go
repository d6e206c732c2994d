package builder

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/spec/ldflags"
)

// Target is an operating system, a machine, and the instruction set level that
// the programs may use.
type Target struct{ GOOS, GOARCH, Level string }

// String writes the target as in release.yaml: windows/amd64, windows/amd64/v3.
func (t Target) String() string {
	if t.Level != "" {
		return t.GOOS + "/" + t.GOARCH + "/" + t.Level
	}
	return t.GOOS + "/" + t.GOARCH
}

// Job is one program to compile: a binary for a target.
type Job struct {
	Binary spec.Binary
	Target Target
}

// Artifact is what the job makes; its Path is not set.
func (j Job) Artifact() Artifact {
	return Artifact{ID: j.Binary.ID, Name: j.Binary.Name + extension(j.Binary), GOOS: j.Target.GOOS, GOARCH: j.Target.GOARCH, Level: j.Target.Level}
}

// IsDLL reports whether a binary is compiled into a DLL, which needs cgo.
func IsDLL(b spec.Binary) bool { return b.Buildmode == "c-shared" }

func extension(b spec.Binary) string {
	if IsDLL(b) {
		return ".dll"
	}
	return ".exe"
}

// architectures that Go can compile for and that Windows still runs.
var architectures = []string{"amd64", "arm64", "386"}

// levels of GOAMD64 above the lowest, which all processors have.
var levels = []string{"v2", "v3", "v4"}

// ParseTarget reads windows/amd64, windows/arm64, windows/386 or
// windows/amd64/v2, v3, v4.
func ParseTarget(s string) (Target, error) {
	goos, rest, ok := strings.Cut(s, "/")
	goarch, level, leveled := strings.Cut(rest, "/")
	if !ok || goos != "windows" || !slices.Contains(architectures, goarch) || leveled && (goarch != "amd64" || !slices.Contains(levels, level)) {
		return Target{}, fault.New(fault.Usage, "build.targets: %q is not a target", s).
			Hint("the targets are windows/%s, and windows/amd64/%s", strings.Join(architectures, ", windows/"), strings.Join(levels, ", "))
	}
	return Target{goos, goarch, level}, nil
}

// Plan lists the programs that a release compiles, sorted by ID and target. Two binaries
// with one ID, or with one file name, are an error: the files of a release
// are told apart by name when they are published and listed.
func Plan(b *spec.Build) ([]Job, error) {
	targets, err := parseTargets(b.Targets)
	if err != nil {
		return nil, err
	}
	if err := distinct(b.Binaries); err != nil {
		return nil, err
	}
	var jobs []Job
	for _, binary := range b.Binaries {
		if binary.File != "" {
			continue
		}
		for _, t := range targets {
			jobs = append(jobs, Job{binary, t})
		}
	}
	if len(jobs) == 0 && !slices.ContainsFunc(b.Binaries, func(b spec.Binary) bool { return b.File != "" }) {
		return nil, fault.New(fault.Usage, "build: there is nothing to compile").
			Hint("name at least one program below build.binaries and one of build.targets")
	}
	slices.SortFunc(jobs, func(a, b Job) int { return strings.Compare(a.Artifact().Key(), b.Artifact().Key()) })
	return jobs, nil
}

func parseTargets(names []string) ([]Target, error) {
	var targets []Target
	for _, name := range names {
		t, err := ParseTarget(name)
		if err != nil {
			return nil, err
		}
		if slices.Contains(targets, t) {
			return nil, fault.New(fault.Usage, "build.targets: %s is listed twice", t)
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// distinct compares as Windows does, without regard to case.
func distinct(binaries []spec.Binary) error {
	ids, names := map[string]bool{}, map[string]bool{}
	for i, b := range binaries {
		id, name := strings.ToLower(b.ID), strings.ToLower(b.Name+extension(b))
		if b.ID == "" || b.Name == "" {
			return fault.New(fault.Usage, "build.binaries[%d]: id or name is missing", i)
		}
		if ids[id] {
			return fault.New(fault.Usage, "build.binaries[%d].id: %q is used twice", i, b.ID).
				Hint("give each binary an id of its own")
		}
		if b.File != "" {
			name = strings.ToLower(b.Name + path.Ext(b.File))
		}
		if names[name] {
			return fault.New(fault.Usage, "build.binaries[%d].name: two binaries are called %s", i, b.Name+extension(b)).
				Hint("give each binary a name of its own")
		}
		ids[id], names[name] = true, true
	}
	return nil
}

// LDFlags is the text after -ldflags= for one binary, empty when there are no
// flags. The loader of the spec has judged the entries.
func LDFlags(req Request, b spec.Binary) (string, error) {
	var words []string
	for _, entry := range req.Spec.LDFlags {
		w, err := ldflags.Split(entry)
		if err != nil {
			return "", fault.New(fault.Usage, "build.ldflags: %q: %w", entry, err)
		}
		words = append(words, w...)
	}
	if b.GUI {
		words = append(words, "-H=windowsgui")
	}
	for _, name := range slices.Sorted(maps.Keys(req.Variables)) {
		words = append(words, "-X="+name+"="+req.Variables[name])
	}
	text, err := ldflags.Join(words)
	if err != nil {
		return "", fault.New(fault.Usage, "build.ldflags: %w", err)
	}
	return text, nil
}

// Flags are the flags of go build beside -ldflags and -tags.
func Flags(b *spec.Build) []string {
	return append([]string{"-trimpath", fmt.Sprintf("-buildvcs=%t", b.VCS == "on")}, b.Flags...)
}
