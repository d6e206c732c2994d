package inventory

import (
	"bytes"
	"context"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/hallmark-dev/hallmark/formats/catalog"
	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/pinned"
)

// Options say what catalog is made.
type Options struct {
	catalog.Options
	// PathAttribute names the attribute that holds each file's name, with
	// backslashes: FilePath, File, or none.
	PathAttribute string
}

// Listed is a file that the catalog lists.
type Listed struct {
	File
	// Kind is PE, CAB or flat, and decides what the digests are over.
	Kind string
	// SHA256 and SHA1 are the digests by which Windows finds the file, in
	// upper-case hexadecimal digits; SHA256 is empty in version 1.
	SHA256, SHA1 string
	// SameAs names the file of equal contents that stands in the list for
	// this one; usually empty.
	SameAs string
}

// Made is a catalog with an account of what is in it.
type Made struct {
	*catalog.Catalog
	// DER is the unsigned catalog.
	DER []byte
	// Files are in the order of their names.
	Files []Listed
	// Empty are files of no bytes, which no catalog can list.
	Empty []File
}

// Make lists files in an unsigned catalog. Every file that cannot be listed is
// in the error, but for empty ones: Windows cannot run them either.
func Make(ctx context.Context, files []File, o Options) (*Made, error) {
	switch o.PathAttribute {
	case "", "none", "File", "FilePath":
	default:
		return nil, fmt.Errorf("path attribute %q is not FilePath, File or none", o.PathAttribute)
	}
	o.KeepDuplicates = o.PathAttribute == "FilePath" // Test-FileCatalog reads one path of each entry
	b, err := catalog.NewBuilder(o.Options)
	if err != nil {
		return nil, err
	}
	m := &Made{Files: make([]Listed, 0, len(files))}
	var errs []error
	for part := range slices.Chunk(files, atOnce) {
		errs = append(errs, m.addAll(ctx, b, part, o))
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if len(m.Files) == 0 {
		return nil, fault.New(fault.Usage, "there is no file that a catalog can list")
	}
	if m.Catalog, err = b.Catalog(); err != nil {
		return nil, err
	}
	m.DER, err = m.Marshal()
	return m, err
}

// atOnce is how many files' digests are held at a time: they take more memory
// than what is written of them.
const atOnce = 1000

// addAll hashes files and adds them.
func (m *Made) addAll(ctx context.Context, b *catalog.Builder, files []File, o Options) error {
	digests, err := digestAll(ctx, files, b.DigestOptions())
	if err != nil {
		return err
	}
	for i, f := range files {
		if digests[i] == nil {
			m.Empty = append(m.Empty, f)
			continue
		}
		if err := m.add(b, f, digests[i], o); err != nil {
			return err
		}
	}
	return nil
}

func (m *Made) add(b *catalog.Builder, f File, d *catalog.Digests, o Options) error {
	var attrs []catalog.Attribute
	if o.PathAttribute == "File" || o.PathAttribute == "FilePath" {
		attrs = append(attrs, catalog.Text(o.PathAttribute, strings.ReplaceAll(f.Name, "/", `\`)))
	}
	n := len(b.Duplicates())
	if err := b.Add(catalog.File{Name: f.Name, Attributes: attrs, Digests: d}); err != nil {
		return err
	}
	l := Listed{File: f, Kind: d.Kind.String(), SHA1: tag(d.Hash[crypto.SHA1]), SHA256: tag(d.Hash[crypto.SHA256])}
	if dups := b.Duplicates(); len(dups) > n {
		l.SameAs = dups[n].Of
	}
	m.Files = append(m.Files, l)
	return nil
}

func tag(digest []byte) string { return strings.ToUpper(hex.EncodeToString(digest)) }

// digestAll hashes files side by side; nil stands for an empty one.
func digestAll(ctx context.Context, files []File, o catalog.DigestOptions) ([]*catalog.Digests, error) {
	out := make([]*catalog.Digests, len(files))
	errs := make([]error, len(files))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		g.Go(func() error {
			d, err := digest(ctx, f, o)
			if errors.Is(err, catalog.ErrEmpty) {
				return nil
			}
			if err != nil {
				errs[i] = fmt.Errorf("%s: %w", printable.Text(f.Name), err)
			}
			out[i] = d
			return nil
		})
	}
	g.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return out, errors.Join(errs...)
}

// digest hashes one file and makes sure that it was left alone meanwhile.
func digest(ctx context.Context, f File, o catalog.DigestOptions) (*catalog.Digests, error) {
	if f.Open != nil {
		return digestSource(ctx, f, o)
	}
	in, err := os.Open(f.Path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	before, err := in.Stat()
	if err != nil {
		return nil, err
	}
	d, err := catalog.Digest(ctx, in, before.Size(), o)
	if changed := pinned.Unchanged(f.Path, in, before); changed != nil {
		return nil, changed
	}
	return d, err
}

func digestSource(ctx context.Context, f File, o catalog.DigestOptions) (*catalog.Digests, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return catalog.Digest(ctx, in.Reader, in.Size, o)
}

// Definition returns the CDF from which makecat makes the same catalog, but for
// identifier and time, when it is run in a folder that holds the files by
// their names.
func (m *Made) Definition(name string, o Options) ([]byte, error) {
	v := o.Version
	if v == 0 {
		v = catalog.V2
	}
	w := catalog.NewCDFWriter(&catalog.CDF{Name: name, Version: v, PageHashes: o.PageHashes, Attributes: o.Attributes})
	for i, f := range m.Files {
		if f.SameAs != "" {
			continue
		}
		win := strings.ReplaceAll(f.Name, "/", `\`)
		e := catalog.CDFFile{Label: fmt.Sprintf("<HASH>%d", i+1), Path: win}
		if o.PathAttribute == "File" || o.PathAttribute == "FilePath" {
			e.Attributes = []catalog.Attribute{catalog.Text(o.PathAttribute, win)}
		}
		w.Add(e)
	}
	return w.Finish()
}

// Confirm reads every file again and looks it up in a catalog, as Windows
// would. All that is not found is in the error, with the exit status of a
// failed verification.
func (m *Made) Confirm(ctx context.Context, name string, der []byte) error {
	set := catalog.NewSet()
	if err := set.Add(name, der); err != nil {
		return err
	}
	o := catalog.DigestOptions{Hashes: set.Hashes()}
	files := make([]File, len(m.Files))
	for i, f := range m.Files {
		files[i] = f.File
	}
	digests, err := digestAll(ctx, files, o)
	if err != nil {
		return err
	}
	var errs []error
	for i, d := range digests {
		var ok bool
		if d != nil {
			if _, ok, err = set.Find(ctx, d.Hash); err != nil {
				return err
			}
		}
		if !ok {
			errs = append(errs, fault.New(fault.Verification, "%s is not what the catalog lists: it changed after it was listed", printable.Text(files[i].Name)))
		}
	}
	return errors.Join(errs...)
}

// SameList tells whether a catalog (DER) lists exactly what m lists, and is
// signed.
func (m *Made) SameList(der []byte) bool {
	c, err := catalog.Parse(der)
	if err != nil || !c.Signed() {
		return false
	}
	list, err := m.MarshalList()
	return err == nil && bytes.Equal(list, c.SignedData.Content)
}

// Attributes turns the attributes of a spec into those of a catalog, in the
// order of their names, hardware IDs after them as HWID1, HWID2 and so on.
func Attributes(values map[string]string, hardwareIDs []string) []catalog.Attribute {
	var names []string
	for n := range values {
		names = append(names, n)
	}
	slices.Sort(names)
	var out []catalog.Attribute
	for _, n := range names {
		out = append(out, catalog.Text(n, values[n]))
	}
	for i, id := range hardwareIDs {
		out = append(out, catalog.Text(fmt.Sprintf("HWID%d", i+1), id))
	}
	return out
}
