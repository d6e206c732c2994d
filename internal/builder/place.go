package builder

import (
	"context"
	"debug/pe"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
)

// machines are the values of the COFF header's Machine field (PE format,
// section "Machine types").
var machines = map[string]uint16{
	"amd64": pe.IMAGE_FILE_MACHINE_AMD64,
	"arm64": pe.IMAGE_FILE_MACHINE_ARM64,
	"386":   pe.IMAGE_FILE_MACHINE_I386,
}

// Workshop makes a temporary folder beside out, on the same file system. The
// caller removes the folder; atomicfile.Sweep removes those that an earlier run
// left.
func Workshop(out string) (string, error) {
	parent := filepath.Dir(out)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", fmt.Errorf("making the output folder: %w", err)
	}
	dir, err := os.MkdirTemp(parent, atomicfile.Prefix+"build-")
	if err != nil {
		return "", fmt.Errorf("making a temporary folder: %w", err)
	}
	return dir, nil
}

// Place checks that made (with the paths where the compiler left them) are
// programs for the machines they claim, gives them date as modification time
// and moves them to their places below out. Nothing is moved unless all are
// good.
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
	return placed, nil
}

// Sort orders artifacts by ID, then target.
func Sort(list []Artifact) {
	slices.SortFunc(list, func(a, b Artifact) int { return strings.Compare(a.File(), b.File()) })
}

func unique(made []Artifact) error {
	seen := map[string]string{}
	for _, a := range made {
		key := strings.ToLower(a.File())
		if first, ok := seen[key]; ok {
			return fmt.Errorf("two programs would both be %s/%s: %s and %s", a.Key(), a.Name, first, a.Path)
		}
		seen[key] = a.Path
	}
	return nil
}

func checkProgram(a Artifact) error {
	machine, err := machineOf(a.Path)
	if err != nil {
		return fmt.Errorf("reading the compiled program %s: %v", a.Name, err)
	}
	want, ok := machines[a.GOARCH]
	if !ok || a.GOOS != "windows" {
		return fmt.Errorf("%s was compiled for %s/%s, which is not a target", a.Name, a.GOOS, a.GOARCH)
	}
	if machine != want {
		return fmt.Errorf("%s should be for windows/%s (machine %#x), but its header says machine %#x", a.Name, a.GOARCH, want, machine)
	}
	return nil
}

// MachineOf reads from a PE file which machine it is for: amd64, arm64 or 386.
func MachineOf(file string) (goarch string, err error) {
	m, err := machineOf(file)
	if err != nil {
		return "", err
	}
	for arch, value := range machines {
		if value == m {
			return arch, nil
		}
	}
	return "", fmt.Errorf("it is for the machine %#x, which is not one of %s", m, strings.Join(architectures, ", "))
}

func machineOf(file string) (uint16, error) {
	f, err := pe.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.Machine, nil
}

func move(a *Artifact, out string, date time.Time) error {
	dir := filepath.Join(out, a.Key())
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
