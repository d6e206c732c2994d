package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Bars of catalogs.
const (
	catalogMembers = 100_000
	catalogMemory  = 220e6 // bytes
	// linearBar is how much more each member may take in the largest catalog
	// than in the smallest, a quarter of its size.
	linearBar = 1.25
)

// makeCatalogs makes catalogs of a quarter, of half and of all members.
func (s *session) makeCatalogs(ctx context.Context) error {
	folders, err := memberFolders(filepath.Join(s.dir, "members"))
	if err != nil {
		return err
	}
	defer os.RemoveAll(folders[2].path)
	commands := make([]command, len(folders))
	for i, f := range folders {
		commands[i] = s.catalogues(f)
	}
	all, err := s.inTurn(ctx, s.few(), commands...)
	if err != nil {
		return err
	}
	perMember := make([][]float64, len(folders))
	for i, f := range folders {
		if err := s.complete(ctx, f); err != nil {
			return err
		}
		perMember[i] = of(all[i], func(u usage) float64 { return wall(u) / float64(f.members) })
		s.table.add(fmt.Sprintf("catalog of %d files: wall time for each", f.members), median(perMember[i]), 0, duration)
	}
	large := len(folders) - 1
	s.table.compare(fmt.Sprintf("catalog of %d files: wall time for each", catalogMembers), perMember[large], perMember[0], linearBar,
		fmt.Sprintf("of %d", folders[0].members), duration)
	for i, f := range folders {
		bar := 0.0
		if i == large {
			bar = catalogMemory
		}
		s.table.add(fmt.Sprintf("catalog of %d files: peak memory", f.members), median(of(all[i], rss)), bar, size)
	}
	return nil
}

// folder is one of small files.
type folder struct {
	path    string
	members int
}

// memberFolders makes folders inside one another, each with twice as many
// files as the one in it. The last is the outermost.
func memberFolders(dir string) ([]folder, error) {
	half := filepath.Join(dir, "half")
	quarter := filepath.Join(half, "quarter")
	n := 0
	for _, f := range []folder{
		{filepath.Join(quarter, "files"), catalogMembers / 4},
		{filepath.Join(half, "files"), catalogMembers / 4},
		{filepath.Join(dir, "files"), catalogMembers / 2},
	} {
		if err := os.MkdirAll(f.path, 0o755); err != nil {
			return nil, err
		}
		for range f.members {
			n++
			if err := os.WriteFile(filepath.Join(f.path, fmt.Sprintf("file%06d.txt", n)), fmt.Appendf(nil, "file %d\n", n), 0o644); err != nil {
				return nil, err
			}
		}
	}
	return []folder{{quarter, catalogMembers / 4}, {half, catalogMembers / 2}, {dir, catalogMembers}}, nil
}

// catalogues is this program making the catalog of a folder.
func (s *session) catalogues(f folder) command {
	return command{args: []string{s.self, "catalog:make", "-dir=" + f.path, "-out=" + s.catalogOf(f)}, clean: removed(s.catalogOf(f))}
}

func (s *session) catalogOf(f folder) string {
	return filepath.Join(s.dir, fmt.Sprintf("catalog%d.cat", f.members))
}

// complete makes sure that a catalog lists all files of its folder and no others.
func (s *session) complete(ctx context.Context, f folder) error {
	_, err := s.once(ctx, command{args: []string{s.self, "catalog:check", "-unsigned", "-in=" + s.catalogOf(f), "-dir=" + f.path}})
	return err
}
