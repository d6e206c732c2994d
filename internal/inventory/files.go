// Package inventory takes stock of files for a security catalog: it finds them
// by pattern or in a folder, lists them, and compares a catalog with what lies
// in a folder.
package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hallmark-dev/hallmark/formats/catalog"
	"github.com/hallmark-dev/hallmark/formats/printable"
	"github.com/hallmark-dev/hallmark/internal/fault"
	"github.com/hallmark-dev/hallmark/internal/regular"
)

// File is a file to be listed.
type File struct {
	// Name as the catalog has it, with slashes.
	Name string
	// Path for the operating system.
	Path string
	// Open, if set, opens the file instead of Path.
	Open func() (catalog.Input, error)
	// Link is where a symbolic link leads; what it leads to is listed.
	Link string
}

// Folder finds every file in a folder, which may be a link, also in those below it. Symbolic links
// to files are followed if they stay in the folder; links to folders are not.
// Folders whose path, relative to dir and with slashes, is in skip are left out.
func Folder(dir string, skip ...string) ([]File, error) {
	var out []File
	var errs []error
	err := walk(dir, ".", skip, func(f File, err error) {
		if err != nil {
			errs = append(errs, err)
			return
		}
		out = append(out, f)
	})
	return out, errors.Join(append(errs, err)...)
}

// walk visits every file below start, a path relative to dir with slashes.
func walk(dir, start string, skip []string, visit func(File, error)) error {
	from := filepath.Join(dir, filepath.FromSlash(start))
	if path.Clean(start) == "." {
		from += string(filepath.Separator) // follows a folder that is a link, or a junction of Windows
	}
	return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(dir, p)
		if relErr != nil {
			return relErr
		}
		rel = filepath.ToSlash(rel)
		if rel == path.Clean(start) && errors.Is(err, fs.ErrNotExist) {
			return nil // nothing is there to be found
		}
		if err != nil {
			visit(File{Name: rel}, err)
			return nil
		}
		if d.IsDir() {
			if slices.Contains(skip, rel) {
				return filepath.SkipDir
			}
			return nil
		}
		if f, err := inspect(dir, rel, p, d); err != nil {
			visit(File{Name: rel}, err)
		} else if f != nil {
			visit(*f, nil)
		}
		return nil
	})
}

// inspect judges a directory entry that is not a folder; nil means a link to a
// folder, which stands for no file of its own.
func inspect(dir, rel, p string, d fs.DirEntry) (*File, error) {
	f := &File{Name: rel, Path: p}
	if d.Type().IsRegular() {
		return f, nil
	}
	if d.Type()&(fs.ModeSymlink|fs.ModeIrregular) == 0 { // junctions of Windows are irregular
		return nil, fmt.Errorf("%s is %s, not a file", printable.Text(rel), regular.Kind(d.Type()))
	}
	target, err := filepath.EvalSymlinks(p)
	if err != nil {
		return nil, fmt.Errorf("%s is a broken link: %w", printable.Text(rel), err)
	}
	st, err := os.Stat(target)
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		return nil, nil
	}
	base, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	inside, err := filepath.Rel(base, target)
	if err != nil || !filepath.IsLocal(inside) {
		return nil, fmt.Errorf("%s is a link to %s, outside of %s", printable.Text(rel), printable.Text(target), dir)
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is a link to %s, not a file", printable.Text(rel), regular.Kind(st.Mode()))
	}
	f.Link = filepath.ToSlash(inside)
	return f, nil
}

// Match finds the files below root that match at least one of the patterns:
// path.Match's *, ? and [a-z] within a name, and ** for any number of folders.
// A pattern that matches no file is an error, a mistyped one must not look
// like success; one that matches only folders says so. skip is as in Folder.
func Match(root string, patterns []string, skip ...string) ([]File, error) {
	var errs []error
	var out []File
	used := map[string]bool{}
	for _, pattern := range patterns {
		found := false
		err := walk(root, fixedPart(pattern), skip, func(f File, err error) {
			if !matches(pattern, f.Name) {
				return
			}
			found = true
			if used[f.Name] {
				return
			}
			used[f.Name] = true
			if err != nil {
				errs = append(errs, err)
				return
			}
			out = append(out, f)
		})
		if !found || err != nil {
			errs = append(errs, nothing(root, pattern), err)
		}
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return out, errors.Join(errs...)
}

// fixedPart is the folder, or file, below which all that a pattern can match
// lies.
func fixedPart(pattern string) string {
	parts := strings.Split(path.Clean(pattern), "/")
	for i, p := range parts {
		if strings.ContainsAny(p, `*?[\`) {
			return path.Join(append([]string{"."}, parts[:i]...)...)
		}
	}
	return path.Clean(pattern)
}

func nothing(root, pattern string) error {
	found, _ := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
	for _, f := range found {
		if st, err := os.Stat(f); err == nil && st.IsDir() && !strings.Contains(pattern, "**") {
			return fault.New(fault.Usage, "%s is a folder", pattern).Hint("write %s for every file in it and below", path.Join(pattern, "**"))
		}
	}
	return fault.New(fault.Usage, "no file matches %s", pattern)
}

// matches matches name by name; ** stands for any number of them.
func matches(pattern, name string) bool {
	return matchParts(strings.Split(path.Clean(pattern), "/"), strings.Split(name, "/"))
}

func matchParts(pattern, name []string) bool {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			for i := 0; i <= len(name); i++ {
				if matchParts(pattern[1:], name[i:]) {
					return len(name) > 0
				}
			}
			return false
		}
		if len(name) == 0 {
			return false
		}
		if ok, err := path.Match(pattern[0], name[0]); err != nil || !ok {
			return false
		}
		pattern, name = pattern[1:], name[1:]
	}
	return len(name) == 0
}
