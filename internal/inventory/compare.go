package inventory

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/catalog"
	"github.com/hallmark-dev/hallmark/formats/printable"
)

// Comparison is what became of the files of a catalog in a folder, as
// PowerShell's Test-FileCatalog reports it.
type Comparison struct {
	// Good files are those that the catalog lists.
	Good []string
	// Extra files lie in the folder and are not listed.
	Extra []string
	// Missing files are listed and not there: names, or tags where the
	// catalog names no files.
	Missing []string
	// Changed files are listed by name with other contents.
	Changed []string
	// Empty files cannot be listed.
	Empty []string
	// Unnamed is true for a catalog without names of files: files are known by
	// their digests alone, and a changed one shows as extra and missing.
	Unnamed bool
}

// OK tells whether catalog and folder agree.
func (c *Comparison) OK() bool { return len(c.Extra)+len(c.Missing)+len(c.Changed) == 0 }

// pathAttributes name files: PowerShell's and makecat's.
var pathAttributes = []string{"FilePath", "File"}

// Compare reads every file in a folder but those named in except, paths
// relative to it, and compares with what a catalog lists.
func Compare(ctx context.Context, c *catalog.Catalog, dir string, except ...string) (*Comparison, error) {
	files, err := Folder(dir)
	if err != nil {
		return nil, err
	}
	files = slices.DeleteFunc(files, func(f File) bool { return slices.Contains(except, f.Name) })
	digests, err := digestAll(ctx, files, catalog.DigestOptions{Hashes: hashes(c)})
	if err != nil {
		return nil, err
	}
	x := newComparer(c)
	for i, f := range files {
		x.file(f, digests[i])
	}
	return x.finish(), nil
}

func hashes(c *catalog.Catalog) []crypto.Hash {
	out := []crypto.Hash{crypto.SHA256}
	for _, m := range c.Members {
		if h, _, ok := m.Digest(); ok && !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	return out
}

// comparer knows the members of a catalog by name and by digest.
type comparer struct {
	members []catalog.Member // those with a digest of their own
	byName  map[string]int   // lower case, with slashes
	byHash  map[string][]int
	found   []bool
	out     Comparison
}

func newComparer(c *catalog.Catalog) *comparer {
	x := &comparer{byName: map[string]int{}, byHash: map[string][]int{}}
	for _, m := range c.Members {
		_, digest, ok := m.Digest()
		if !ok {
			continue
		}
		i := len(x.members)
		x.members = append(x.members, m)
		if n := memberName(m); n != "" {
			x.byName[strings.ToLower(n)] = i // Windows' names do not differ by case
		}
		x.byHash[string(digest)] = append(x.byHash[string(digest)], i)
	}
	x.found = make([]bool, len(x.members))
	x.out.Unnamed = len(x.byName) == 0
	return x
}

// memberName is the name in the catalog, with slashes; empty without one.
func memberName(m catalog.Member) string {
	for _, a := range pathAttributes {
		if n, ok := m.Attribute(a); ok && n != "" {
			return strings.ReplaceAll(n, `\`, "/")
		}
	}
	return ""
}

func (x *comparer) file(f File, d *catalog.Digests) {
	if d == nil {
		x.out.Empty = append(x.out.Empty, f.Name)
		return
	}
	if i, ok := x.byName[strings.ToLower(f.Name)]; ok {
		x.found[i] = true
		h, digest, _ := x.members[i].Digest()
		if bytes.Equal(d.Hash[h], digest) {
			x.out.Good = append(x.out.Good, f.Name)
		} else {
			x.out.Changed = append(x.out.Changed, f.Name)
		}
		return
	}
	for _, sum := range d.Hash {
		for _, i := range x.byHash[string(sum)] {
			if memberName(x.members[i]) == "" {
				x.found[i] = true
				x.out.Good = append(x.out.Good, f.Name)
				return
			}
		}
	}
	x.out.Extra = append(x.out.Extra, f.Name)
}

func (x *comparer) finish() *Comparison {
	for i, m := range x.members {
		if x.found[i] {
			continue
		}
		n := memberName(m)
		if n == "" {
			n = m.Tag()
		}
		x.out.Missing = append(x.out.Missing, n)
	}
	slices.Sort(x.out.Missing)
	return &x.out
}

// Inside returns the path of a file relative to a folder, with slashes; ok is
// false if it lies elsewhere.
func Inside(dir, file string) (rel string, ok bool) {
	d, err1 := filepath.Abs(dir)
	f, err2 := filepath.Abs(file)
	rel, err3 := filepath.Rel(d, f)
	if errors.Join(err1, err2, err3) != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// Source opens files of a definition (CDF) relative to a folder, whatever
// slashes they are written with.
func Source(dir string) catalog.Source {
	return func(name string) (catalog.Input, error) {
		f, err := os.Open(filepath.Join(dir, filepath.FromSlash(strings.ReplaceAll(name, `\`, "/"))))
		if err != nil {
			return catalog.Input{}, err
		}
		st, err := f.Stat()
		if err != nil {
			f.Close()
			return catalog.Input{}, err
		}
		if !st.Mode().IsRegular() {
			f.Close()
			return catalog.Input{}, fmt.Errorf("%s is not a regular file", printable.Text(name))
		}
		return catalog.Input{Reader: f, Size: st.Size(), Close: f.Close}, nil
	}
}
