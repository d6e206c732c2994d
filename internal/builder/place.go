package builder

import (
	"context"
	"debug/pe"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
)

// ConfigFile is the name, in the output folder, of the goreleaser
// configuration that the programs were built with.
const ConfigFile = "goreleaser.yaml"

// machines are the values of the COFF header's Machine field (PE format,
// section "Machine types").
var machines = map[string]uint16{
	"amd64": pe.IMAGE_FILE_MACHINE_AMD64,
	"arm64": pe.IMAGE_FILE_MACHINE_ARM64,
	"386":   pe.IMAGE_FILE_MACHINE_I386,
}

// Workshop makes a temporary folder beside out, on the same file system, and
// removes those that an earlier run left when it was killed. The caller
// removes the folder.
func Workshop(out string) (string, error) {
	parent, prefix := filepath.Dir(out), atomicfile.Prefix+"build-"
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", fmt.Errorf("making the output folder: %w", err)
	}
	old, err := filepath.Glob(filepath.Join(parent, prefix+"*"))
	if err != nil {
		return "", fmt.Errorf("looking for old temporary folders: %w", err)
	}
	for _, dir := range old {
		if err := atomicfile.RemoveAll(dir); err != nil {
			return "", fmt.Errorf("removing an old temporary folder: %w", err)
		}
	}
	dir, err := os.MkdirTemp(parent, prefix)
	if err != nil {
		return "", fmt.Errorf("making a temporary folder: %w", err)
	}
	return dir, nil
}

// Place checks that made (with the paths where the compiler left them) are
// programs for the machines they claim, gives them date as modification time,
// moves them to their places below out and removes programs of earlier builds
// from there. Nothing is moved unless all are good.
func Place(ctx context.Context, made []Artifact, out string, date time.Time) ([]Artifact, error) {
	if err := unique(made); err != nil {
		return nil, err
	}
	for _, a := range made {
		if err := checkProgram(a); err != nil {
			return nil, err
		}
	}
	placed := slices.Clone(made)
	for i := range placed {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		if err := move(&placed[i], out, date); err != nil {
			return nil, err
		}
	}
	Sort(placed)
	return placed, removeStale(placed, out)
}

// Sort orders artifacts by ID, then target.
func Sort(list []Artifact) {
	slices.SortFunc(list, func(a, b Artifact) int { return strings.Compare(a.Dir()+"/"+a.Name, b.Dir()+"/"+b.Name) })
}

func unique(made []Artifact) error {
	seen := map[string]string{}
	for _, a := range made {
		key := strings.ToLower(a.Dir() + "/" + a.Name)
		if first, ok := seen[key]; ok {
			return fmt.Errorf("two programs want to be %s/%s: %s and %s", a.Dir(), a.Name, first, a.Path)
		}
		seen[key] = a.Path
	}
	return nil
}

func checkProgram(a Artifact) error {
	f, err := pe.Open(a.Path)
	if err != nil {
		return fmt.Errorf("reading the compiled program %s: %v", a.Name, err)
	}
	defer f.Close()
	want, ok := machines[a.GOARCH]
	if !ok || a.GOOS != "windows" {
		return fmt.Errorf("%s was compiled for %s/%s, which is not a target", a.Name, a.GOOS, a.GOARCH)
	}
	if f.Machine != want {
		return fmt.Errorf("%s should be for windows/%s (machine %#x), but its header says machine %#x", a.Name, a.GOARCH, want, f.Machine)
	}
	return nil
}

func move(a *Artifact, out string, date time.Time) error {
	dir := filepath.Join(out, a.Dir())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the output folder: %w", err)
	}
	if err := os.Chmod(a.Path, 0o644); err != nil {
		return fmt.Errorf("setting the mode of %s: %w", a.Name, err)
	}
	if !date.IsZero() {
		if err := os.Chtimes(a.Path, date, date); err != nil {
			return fmt.Errorf("setting the time of %s: %w", a.Name, err)
		}
	}
	to := filepath.Join(dir, a.Name)
	if err := atomicfile.Move(a.Path, to); err != nil {
		return fmt.Errorf("moving %s into place: %w", a.Name, err)
	}
	a.Path = to
	return nil
}

// removeStale removes the folders of programs that are no longer built, and
// files other than the program in the folders that are.
func removeStale(placed []Artifact, out string) error {
	keep := map[string]bool{}
	for _, a := range placed {
		keep[filepath.Join(out, a.Dir())], keep[a.Path] = true, true
	}
	return filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(out, path)
		if err != nil || keep[path] || !ours(rel) {
			return err
		}
		if err := atomicfile.RemoveAll(path); err != nil {
			return fmt.Errorf("removing a program of an earlier build: %w", err)
		}
		if d.IsDir() {
			return filepath.SkipDir
		}
		return nil
	})
}

// ours says whether a path below the output folder has the shape that the
// builders give their folders, or is the configuration of an earlier build.
func ours(rel string) bool {
	if rel == ConfigFile {
		return true
	}
	top, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
	return slices.ContainsFunc(architectures, func(arch string) bool { return strings.HasSuffix(top, "_windows_"+arch) })
}
