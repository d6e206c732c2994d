// Package resources is the step that puts Windows resources into copies of the
// compiled programs: version information, application manifest, icon.
package resources

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/step/resources/resource"
)

// Step stamps one program a unit.
func Step() step.Step {
	return step.Step{
		Name:    "resources",
		Does:    "put version information, manifest and icon into the programs",
		Enabled: func(s *spec.Spec) bool { return s.Resources != nil },
		Units:   units,
	}
}

// config is what decides the resources, beside the files.
type config struct {
	Resources   spec.Resources
	Version     string // of the project
	Project     string
	Description string `json:",omitempty"` // of this program
}

func units(_ context.Context, r *step.Run) ([]step.Unit, error) {
	return r.PerArtifact(func(a ledger.Artifact) step.Unit {
		b := binary(r.Spec, a)
		u := step.Unit{
			Name:    a.File(),
			Config:  config{*r.Spec.Resources, r.Spec.Project.Version, r.Spec.Project.Name, b.Description},
			Inputs:  []string{a.Path},
			Outputs: []string{r.Stamped(a)},
			Do:      func(ctx context.Context) (step.Result, error) { return do(ctx, r, a) },
		}
		for _, file := range []string{icon(r.Spec, b), manifestFile(r.Spec)} {
			if file != "" {
				u.Inputs = append(u.Inputs, filepath.ToSlash(file))
			}
		}
		return u
	})
}

// binary is the program's entry in the spec; with a goreleaser configuration
// there may be none.
func binary(s *spec.Spec, a ledger.Artifact) spec.Binary {
	i := slices.IndexFunc(s.Build.Binaries, func(b spec.Binary) bool { return b.ID == a.ID })
	if i < 0 {
		return spec.Binary{ID: a.ID, Name: strings.TrimSuffix(a.Name, ".exe")}
	}
	return s.Build.Binaries[i]
}

func icon(s *spec.Spec, b spec.Binary) string {
	if b.Icon != "" {
		return b.Icon
	}
	return s.Resources.Icon
}

func manifestFile(s *spec.Spec) string {
	if s.Resources.Manifest == nil {
		return ""
	}
	return s.Resources.Manifest.File
}

func do(ctx context.Context, r *step.Run, a ledger.Artifact) (step.Result, error) {
	set, err := collect(r, a)
	if err != nil {
		return step.Result{}, err
	}
	set.Replaced = func(old []byte) { warnReplaced(r, a.File(), old, set.Manifest) }
	if err := apply(ctx, r, a.Path, r.Stamped(a), *set); err != nil {
		return step.Result{}, explain(err)
	}
	return step.Result{Note: note(set), Facts: map[string]string{
		"file_version":      set.Version.FileText,
		"original_filename": set.Version.OriginalFilename,
	}}, nil
}

func note(set *resource.Set) string {
	parts := []string{"version " + set.Version.FileText}
	if set.Manifest != nil {
		parts = append(parts, "manifest")
	}
	if set.Icon != nil {
		parts = append(parts, "icon")
	}
	return strings.Join(parts, ", ")
}

func apply(ctx context.Context, r *step.Run, from, to string, set resource.Set) error {
	src, err := os.Open(r.Abs(from))
	if err != nil {
		return fmt.Errorf("reading the compiled program: %w", err)
	}
	st, err := src.Stat()
	if err != nil {
		src.Close()
		return fmt.Errorf("reading the compiled program: %w", err)
	}
	return r.Rewrite(to, src, func(dst *os.File) error {
		return resource.Apply(ctx, dst, src, st.Size(), set)
	})
}

func explain(err error) error {
	if errors.Is(err, resource.ErrSigned) {
		return fault.New(fault.Other, "%w", err).
			Hint("remove the signing from the build, or delete the section resources from release.yaml")
	}
	return err
}

// collect reports everything that is wrong with the resources at once.
func collect(r *step.Run, a ledger.Artifact) (*resource.Set, error) {
	b := binary(r.Spec, a)
	version, err1 := versionInfo(r.Spec, a, b)
	manifest, err2 := manifest(r, b, version)
	icon, err3 := readIcon(r, icon(r.Spec, b))
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	return &resource.Set{Version: version, Manifest: manifest, Icon: icon}, nil
}

func readIcon(r *step.Run, file string) (*resource.Icon, error) {
	if file == "" {
		return nil, nil
	}
	b, err := readBounded(r.Abs(filepath.ToSlash(file)), resource.MaxIcon)
	if err != nil {
		return nil, fault.New(fault.Usage, "reading the icon: %w", err)
	}
	icon, err := resource.ParseIcon(b)
	if err != nil {
		return nil, fault.New(fault.Usage, "%s: %w", file, err).Hint("save it as an .ico file, or as a square .png file of 256 pixels")
	}
	return icon, nil
}

func readBounded(path string, limit int64) ([]byte, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.Size() > limit {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", path, st.Size(), limit)
	}
	return os.ReadFile(path)
}
