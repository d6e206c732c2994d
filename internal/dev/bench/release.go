package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// releaseBar is for a release with nothing to do.
const releaseBar = float64(100 * time.Millisecond)

// releaseNothing releases a small program, then again and again.
func (s *session) releaseNothing(ctx context.Context) error {
	dir := filepath.Join(s.dir, "project")
	if err := writeAll(dir, map[string]string{"go.mod": "module example.com/hello\n\ngo 1.26\n", "main.go": programSource, ".gitignore": "dist/\n.hallmark/\n"}); err != nil {
		return err
	}
	git := []string{"git", "-c", "user.name=benchmark", "-c", "user.email=benchmark@example.com"}
	for _, args := range [][]string{
		{s.self, "init"},
		{"git", "init", "-q"},
		{"git", "add", "."},
		append(git, "commit", "-q", "-m", "Begin"),
		append(git, "tag", "v1.0.0"),
		{s.self, "release"},
	} {
		if _, err := s.once(ctx, command{args: args, dir: dir}); err != nil {
			return err
		}
	}
	return s.again(ctx, "release with nothing to do: wall time", command{args: []string{s.self, "release"}, dir: dir})
}

// again measures a release that has nothing to do any more, and makes sure
// that it did nothing.
func (s *session) again(ctx context.Context, what string, c command) error {
	record := filepath.Join(c.dir, "dist", "package", "SHA256SUMS")
	first, err := os.Stat(record)
	if err != nil {
		return err
	}
	all, err := s.inTurn(ctx, s.runs, c)
	if err != nil {
		return err
	}
	last, err := os.Stat(record)
	if err != nil {
		return err
	}
	if !last.ModTime().Equal(first.ModTime()) {
		return fmt.Errorf("%s was written again", record)
	}
	s.table.add(what, median(of(all[0], wall)), releaseBar, duration)
	return nil
}
