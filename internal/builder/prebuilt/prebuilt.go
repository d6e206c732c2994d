// Package prebuilt finds the programs that something else has built
// (build.binaries[].file), and takes copies of them into the release.
package prebuilt

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/builder"
	"github.com/hallmark-dev/hallmark/internal/spec"
)

// Find returns the files that the entry's pattern names, with where they are
// as Path, sorted by machine. field is the path of the entry in the spec.
// There must be at least one, and not two for one machine.
func Find(root string, b spec.Binary, field string) ([]builder.Artifact, []spec.Problem) {
	field += ".file"
	files, err := match(root, b.File)
	if err != nil {
		return nil, []spec.Problem{{Path: field, Message: fmt.Sprintf("%q: %v", b.File, err)}}
	}
	var found []builder.Artifact
	var problems []spec.Problem
	for _, f := range files {
		a, problem := read(f, b)
		if problem != "" {
			problems = append(problems, spec.Problem{Path: field, Message: fmt.Sprintf("%s: %s", show(root, f), problem),
				Hint: "name programs and DLLs for Windows only, each machine once"})
			continue
		}
		if i := slices.IndexFunc(found, func(o builder.Artifact) bool { return o.GOARCH == a.GOARCH }); i >= 0 {
			problems = append(problems, spec.Problem{Path: field, Message: fmt.Sprintf("%s and %s are both for windows/%s", show(root, found[i].Path), show(root, f), a.GOARCH),
				Hint: "write a narrower pattern, or an entry with an id and a name for each"})
			continue
		}
		found = append(found, a)
	}
	if len(files) == 0 {
		problems = append(problems, spec.Problem{Path: field, Message: fmt.Sprintf("there is no file %q", b.File),
			Hint: "build it first; build.before can do that"})
	}
	builder.Sort(found)
	return found, problems
}

// match lists what a pattern finds. Only the pattern is one: the project's
// folder may have brackets in its name.
func match(root, pattern string) ([]string, error) {
	if filepath.IsAbs(filepath.FromSlash(pattern)) {
		return filepath.Glob(filepath.FromSlash(pattern))
	}
	names, err := fs.Glob(os.DirFS(root), path.Clean(pattern))
	for i, n := range names {
		names[i] = filepath.Join(root, filepath.FromSlash(n))
	}
	return names, err
}

func read(file string, b spec.Binary) (a builder.Artifact, problem string) {
	st, err := os.Stat(file)
	if err != nil {
		return a, err.Error()
	}
	if !st.Mode().IsRegular() {
		return a, "is not a file"
	}
	arch, err := builder.MachineOf(file)
	if err != nil {
		return a, fmt.Sprintf("is not a program for Windows: %v", err)
	}
	ext := strings.ToLower(filepath.Ext(file))
	if ext == "" {
		ext = ".exe"
	}
	return builder.Artifact{ID: b.ID, Name: b.Name + ext, GOOS: "windows", GOARCH: arch, Path: file}, ""
}

func show(root, file string) string {
	if rel, err := filepath.Rel(root, file); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return file
}

// Take copies the file of an artifact to the path to, with date as its
// modification time.
func Take(a builder.Artifact, to string, date time.Time) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("making the output folder: %w", err)
	}
	if err := atomicfile.Copy(to, a.Path, 0o644); err != nil {
		return err
	}
	if arch, err := builder.MachineOf(to); err != nil || arch != a.GOARCH { // it was replaced in between
		return fmt.Errorf("%s should be for windows/%s, but is for %s (%v)", a.Name, a.GOARCH, arch, err)
	}
	if date.IsZero() {
		return nil
	}
	if err := os.Chtimes(to, date, date); err != nil {
		return fmt.Errorf("setting the time of %s: %w", a.Name, err)
	}
	return nil
}
