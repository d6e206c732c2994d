// Package gitinfo asks the git program about the source code of a release:
// commit, time, tags, remote. It never writes, and a machine without git or a
// folder that is no repository is an answer, not an error.
package gitinfo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// timeout bounds one call of git; a repository on a dead network drive must
// not hang a release.
const timeout = 20 * time.Second

// Info is what git says about a folder.
type Info struct {
	// Commit on HEAD as hexadecimal digits; empty when there is none.
	Commit string
	// Time of that commit (committer date), in UTC.
	Time time.Time
	// Tags that point at HEAD, as git sorts them.
	Tags []string
	// Remote is the URL of the remote origin, or empty.
	Remote string
	// Absent says why Commit is empty: git is not installed, the folder is no
	// repository, there is no commit yet.
	Absent string
}

// Read asks git about the repository that holds dir. Errors are those of a
// repository that exists but cannot be read.
func Read(ctx context.Context, dir string) (Info, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return Info{Absent: "git is not installed"}, nil
	}
	var head, tags, origin string
	var headErr, tagsErr error
	var g errgroup.Group // three questions that do not depend on one another
	g.Go(func() error {
		head, headErr = run(ctx, dir, "log", "-1", "--no-show-signature", "--format=%H %ct")
		return nil
	})
	g.Go(func() error { tags, tagsErr = run(ctx, dir, "tag", "--points-at", "HEAD"); return nil })
	g.Go(func() error { origin = Config(ctx, dir, "remote.origin.url"); return nil })
	g.Wait()
	if headErr != nil {
		return absent(headErr, origin)
	}
	info := Info{Tags: strings.Fields(tags), Remote: origin}
	var err error
	if info.Commit, info.Time, err = parseHead(head); err != nil {
		return Info{}, err
	}
	if tagsErr != nil {
		return Info{}, tagsErr
	}
	return info, nil
}

// absent tells a folder without commits, which is an answer, from a
// repository that git cannot read.
func absent(cause error, origin string) (Info, error) {
	message := cause.Error()
	switch {
	case strings.Contains(message, "not a git repository"):
		return Info{Absent: "the folder is not a git repository"}, nil
	case strings.Contains(message, "does not have any commits yet"):
		return Info{Absent: "the git repository has no commit yet", Remote: origin}, nil
	case strings.Contains(message, "dubious ownership"):
		// git's own rule (CVE-2022-24765) stands: its configuration could run
		// programs of whoever owns the repository.
		return Info{Absent: "the git repository belongs to another user (git config --global --add safe.directory <folder> allows it)"}, nil
	}
	return Info{}, cause
}

func parseHead(line string) (commit string, at time.Time, err error) {
	commit, seconds, _ := strings.Cut(line, " ")
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || commit == "" {
		return "", time.Time{}, fmt.Errorf("reading git log: unexpected line %q", line)
	}
	return commit, time.Unix(n, 0).UTC(), nil
}

// Config is the value of a setting as git sees it from dir, or empty: git
// then ends with status 1.
func Config(ctx context.Context, dir, key string) string {
	value, _ := run(ctx, dir, "config", "--get", key)
	return value
}

// Dirty lists the files that differ from HEAD, untracked ones included;
// ignored files do not count.
func Dirty(ctx context.Context, dir string) ([]string, error) {
	out, err := run(ctx, dir, "status", "--porcelain=v1", "-z", "--untracked-files=normal")
	if err != nil {
		return nil, err
	}
	var files []string
	entries := strings.Split(out, "\x00")
	for i := 0; i < len(entries); i++ {
		if len(entries[i]) < 4 {
			continue
		}
		files = append(files, entries[i][3:])
		if c := entries[i][0]; c == 'R' || c == 'C' {
			i++ // the old name follows as an entry of its own
		}
	}
	return files, nil
}

// run returns what git prints, without the last line break. Settings of the
// user that would run further programs or write are switched off.
func run(ctx context.Context, dir string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", append([]string{"--no-pager", "-c", "core.fsmonitor=false", "-C", dir}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", fmt.Errorf("running git %s: %w", args[0], ctx.Err())
		}
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
			return "", fmt.Errorf("running git %s: %v", args[0], err)
		}
		return "", fmt.Errorf("running git %s: %v: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimRight(stdout.String(), "\r\n"), nil
}
