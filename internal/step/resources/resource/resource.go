// Package resource puts Windows resources into a finished program: version
// information, the application manifest, the icon. Resources that are there
// already (from a .syso file) stay, except where the new ones take their
// place.
//
// The result depends on the input alone: no clock, no map order. The section
// is written by github.com/tc-hib/winres; what that library gets wrong or
// cannot do is refused or put right here (see program.go).
package resource

import (
	"context"
	"fmt"
	"io"

	"github.com/tc-hib/winres"
)

// Set is what goes into one program. Each part may be missing.
type Set struct {
	Version *Version
	// Manifest is the XML of the application manifest (see Manifest.XML).
	Manifest []byte
	Icon     *Icon
	// Replaced, if not nil, is called before a manifest of the program's own
	// gives way to Manifest.
	Replaced func(old []byte)
}

// File is where the program with its resources is written; *os.File is one.
// It should be empty.
type File interface {
	io.ReaderAt
	io.WriterAt
}

// Apply reads the program from src, of the given size in bytes, and writes a
// copy with the resources to dst. Memory use is bounded by the resources, not
// by the program. It refuses programs that carry an Authenticode signature
// (ErrSigned) and those whose form it cannot keep intact: damaged headers, data
// after the last section, sections after the resources.
func Apply(ctx context.Context, dst File, src io.ReaderAt, size int64, set Set) error {
	img, err := inspect(src, size)
	if err != nil {
		return err
	}
	old, err := existing(img, src)
	if err != nil {
		return err
	}
	resources, err := merge(old, set)
	if err != nil {
		return err
	}
	if resources.Count() == 0 {
		_, err := io.Copy(io.NewOffsetWriter(dst, 0), io.NewSectionReader(src, 0, size))
		return err
	}
	return write(ctx, dst, src, img, resources)
}

// existing loads the resources that the program has.
func existing(img *program, src io.ReaderAt) (t table, err error) {
	defer guard("reading the existing resources", &err)
	if img.resources == nil {
		return table{}, nil
	}
	rs, err := winres.LoadFromEXE(io.NewSectionReader(src, 0, img.Size))
	if err != nil {
		return nil, fmt.Errorf("reading the existing resources: %v", err)
	}
	return tableOf(rs), nil
}

func merge(t table, set Set) (*winres.ResourceSet, error) {
	if set.Version != nil {
		if err := set.Version.merge(t); err != nil {
			return nil, err
		}
	}
	if set.Manifest != nil {
		// Windows takes number 1, in whatever language, for the manifest of
		// the program ("Application manifests", Microsoft Learn).
		for _, k := range t.each(winres.RT_MANIFEST, winres.ID(1)) {
			if set.Replaced != nil {
				set.Replaced(t[k])
			}
		}
		t.remove(winres.RT_MANIFEST, winres.ID(1))
		t[key{winres.RT_MANIFEST, winres.ID(1), winres.LCIDDefault}] = set.Manifest
	}
	if set.Icon == nil {
		return t.set(nil, nil)
	}
	id := mainIcon(t)
	removeGroup(t, id)
	return t.set(set.Icon, id)
}

// guard turns a panic of the resource library on a damaged file into an error.
func guard(what string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: the program's structure is damaged (%v)", what, p)
	}
}
