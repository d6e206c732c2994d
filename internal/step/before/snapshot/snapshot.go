// Package snapshot tells which files of a tree a command has written.
package snapshot

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Snapshot holds the size and the time of the regular files of a tree, by
// path relative to it, with slashes.
type Snapshot map[string]state

type state struct {
	size int64
	time time.Time
}

// Take looks at every file below root but those of git, of node_modules, and
// below the folders named in skip, which are relative to root.
func Take(root string, skip ...string) (Snapshot, error) {
	s := Snapshot{}
	err := filepath.WalkDir(root, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, full)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || slices.Contains(skip, rel)) {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		s[rel] = state{info.Size(), info.ModTime()}
		return nil
	})
	return s, err
}

// Changed lists the files that are new or differ in now, sorted.
func (s Snapshot) Changed(now Snapshot) []string {
	var out []string
	for name, st := range now {
		if old, ok := s[name]; !ok || old.size != st.size || !old.time.Equal(st.time) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Files are the regular files among names, which are relative to root; folders,
// which git names with a slash at the end, are replaced by what is in them.
func Files(root string, names []string) ([]string, error) {
	var out []string
	for _, name := range names {
		full := filepath.Join(root, filepath.FromSlash(name))
		if !strings.HasSuffix(name, "/") {
			if st, err := os.Lstat(full); err == nil && st.Mode().IsRegular() {
				out = append(out, name)
			}
			continue
		}
		inside, err := Take(full)
		if err != nil {
			return nil, err
		}
		for _, f := range (Snapshot{}).Changed(inside) {
			out = append(out, strings.TrimSuffix(name, "/")+"/"+f)
		}
	}
	return out, nil
}
