package resources

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/ledger"
	"github.com/hallmark-dev/hallmark/internal/spec"
	"github.com/hallmark-dev/hallmark/internal/spec/language"
	"github.com/hallmark-dev/hallmark/internal/step"
	"github.com/hallmark-dev/hallmark/internal/step/resources/resource"
)

// versionInfo turns the spec into the version information of one program.
func versionInfo(s *spec.Spec, a ledger.Artifact, b spec.Binary) (*resource.Version, error) {
	file, err := resource.ParseVersion(s.Resources.FileVersion)
	if err != nil {
		return nil, fault.New(fault.Usage, "resources.file_version: %w", err).Hint("write four numbers, such as 1.4.2.0")
	}
	core, prerelease, _ := strings.Cut(s.Resources.ProductVersion, "-")
	core, _, _ = strings.Cut(core, "+")
	product, err := resource.ParseVersion(core)
	if err != nil {
		product = file // the product's version is free text
	}
	v := &resource.Version{
		File: file, FileText: s.Resources.FileVersion,
		Product: product, ProductText: s.Resources.ProductVersion,
		Prerelease:       prerelease != "",
		OriginalFilename: a.Name,
		InternalName:     strings.TrimSuffix(a.Name, ".exe"),
		Strings:          map[uint16]resource.Strings{},
	}
	return v, addStrings(v, s.Resources, b)
}

func addStrings(v *resource.Version, r *spec.Resources, b spec.Binary) error {
	add := func(field, tag string, s resource.Strings) error {
		id, err := language.ID(tag)
		if err != nil {
			return fault.New(fault.Usage, "%s: %w", field, err)
		}
		if b.Description != "" && s.Description == r.Description {
			s.Description = b.Description
		}
		v.Strings[id] = s
		return nil
	}
	errs := []error{add("resources.language", r.Language,
		resource.Strings{Company: r.Company, Product: r.Product, Description: r.Description, Copyright: r.Copyright, Trademarks: r.Trademarks, Comments: r.Comments})}
	for _, tag := range slices.Sorted(maps.Keys(r.Translations)) {
		errs = append(errs, add("resources.translations."+tag, tag, resource.Strings(r.Translations[tag])))
	}
	return errors.Join(errs...)
}

// manifest is nil when the spec has none; a manifest of the program's own then
// stays.
func manifest(r *step.Run, b spec.Binary, v *resource.Version) ([]byte, error) {
	m := r.Spec.Resources.Manifest
	if m == nil {
		return nil, nil
	}
	if m.File != "" {
		return readManifest(r, m.File)
	}
	out := resource.Manifest{
		Name:    identityName(r.Spec.Project.Name + "." + b.Name),
		Level:   m.ExecutionLevel,
		DPI:     m.DPI,
		UTF8:    m.UTF8 == nil || *m.UTF8,
		Windows: m.MinimumWindows, UIAccess: m.UIAccess,
		LongPaths: m.LongPaths == nil || *m.LongPaths, CommonControls: m.CommonControls,
	}
	if v != nil {
		out.Version = v.File
	}
	if b.Description != "" {
		out.Description = b.Description
	} else {
		out.Description = r.Spec.Resources.Description
	}
	xml, err := out.XML()
	if err != nil {
		return nil, fault.New(fault.Usage, "resources.manifest: %w", err)
	}
	return xml, nil
}

func readManifest(r *step.Run, file string) ([]byte, error) {
	b, err := readBounded(r.Abs(filepath.ToSlash(file)), resource.MaxManifest)
	if err != nil {
		return nil, fault.New(fault.Usage, "resources.manifest.file: %w", err)
	}
	if err := resource.CheckManifest(b); err != nil {
		return nil, fault.New(fault.Usage, "resources.manifest.file: %s: %w", file, err)
	}
	return b, nil
}

// identityName keeps the characters that an assembly name may have (assemblyIdentity,
// attribute name; Microsoft Learn): letters, digits, dots, dashes.
func identityName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-':
			return r
		}
		return '-'
	}, s)
}
