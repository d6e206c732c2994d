// Package gitinfo asks the git program about the source code of a release:
// commit, time, tags, remote. It never writes, and a machine without git or a
// folder that is not a repository is an answer, not an error.
package gitinfo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hallmark-dev/hallmark/internal/childproc"
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
	// Tags that point at HEAD, sorted.
	Tags []string
	// Remote is the URL of the remote origin, or empty.
	Remote string
	// Absent explains why Commit is empty: git is not installed, the folder is no
	// repository, there is no commit yet.
	Absent string
}

// Read asks git about the repository that holds dir. env is the environment of
// git; nil is that of this process. Errors are those of a
// repository that exists but cannot be read.
func Read(ctx context.Context, dir string, env []string) (Info, error) {
	if _, err := exec.LookPath("git"); err != nil {
		return Info{Absent: "git is not installed"}, nil
	}
	var origin string
	var g errgroup.Group // two questions that do not depend on one another
	g.Go(func() error { origin = Config(ctx, dir, env, "remote.origin.url"); return nil })
	head, err := run(ctx, dir, env, "log", "-1", "--no-show-signature", "--decorate=full", "--decorate-refs=refs/tags", "--format=%H %ct%n%D")
	g.Wait()
	if err != nil {
		return absent(err, origin)
	}
	head, names, _ := strings.Cut(head, "\n")
	info := Info{Tags: tags(names), Remote: origin}
	info.Commit, info.Time, err = parseHead(head)
	return info, err
}

// tags reads git's decoration (%D), such as «tag: refs/tags/v1.0.0, tag:
// refs/tags/latest». A comma cannot be part of a reference's name with a
// space behind it (git check-ref-format).
func tags(decoration string) []string {
	var out []string
	for _, d := range strings.Split(decoration, ", ") {
		if name, ok := strings.CutPrefix(d, "tag: refs/tags/"); ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
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
		// programs of the repository's owner.
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
func Config(ctx context.Context, dir string, env []string, key string) string {
	value, _ := run(ctx, dir, env, "config", "--get", key)
	return value
}

// Reachable lists the tags of all commits from which HEAD was made, sorted.
// shallow reports whether the clone lacks earlier commits, and their tags with them.
// A repository that cannot be read has none.
func Reachable(ctx context.Context, dir string, env []string) (names []string, shallow bool) {
	out, _ := run(ctx, dir, env, "for-each-ref", "--merged=HEAD", "--format=%(refname:strip=2)", "refs/tags")
	names = strings.Fields(out) // a name has no blanks (git check-ref-format)
	slices.Sort(names)
	is, _ := run(ctx, dir, env, "rev-parse", "--is-shallow-repository")
	return names, is == "true"
}

// Dirty lists the files that differ from HEAD, untracked ones included, as
// paths relative to dir with slashes; a folder that is untracked as a whole
// ends with a slash. Files that git ignores do not count, nor what lies below
// the folders in except, which are relative to dir. env is the environment for
// git; nil is that of this process.
func Dirty(ctx context.Context, dir string, env []string, except ...string) ([]string, error) {
	args := []string{"status", "--porcelain=v1", "-z", "--untracked-files=normal", "--", ":/"}
	for _, e := range except {
		args = append(args, ":(exclude,literal)"+e)
	}
	out, err := run(ctx, dir, env, args...)
	if err != nil || out == "" {
		return nil, err
	}
	prefix, err := run(ctx, dir, env, "rev-parse", "--show-prefix")
	if err != nil {
		return nil, err
	}
	var files []string
	entries := strings.Split(out, "\x00")
	for i := 0; i < len(entries); i++ {
		if len(entries[i]) < 4 {
			continue
		}
		files = append(files, relative(prefix, entries[i][3:]))
		if c := entries[i][0]; c == 'R' || c == 'C' {
			i++ // the old name follows as an entry of its own
		}
	}
	return files, nil
}

// relative turns a path from the top of the repository into one from the folder
// prefix, which ends with a slash or is empty.
func relative(prefix, file string) string {
	up := ""
	for !strings.HasPrefix(file, prefix) {
		up += "../"
		prefix = prefix[:strings.LastIndexByte(strings.TrimSuffix(prefix, "/"), '/')+1]
	}
	return up + strings.TrimPrefix(file, prefix)
}

// run returns what git prints, without the last line break. Settings of the
// user that would run further programs or write are switched off.
func run(ctx context.Context, dir string, env []string, args ...string) (string, error) {
	if env == nil {
		env = os.Environ()
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var stdout strings.Builder
	_, err := childproc.Run(ctx, childproc.Cmd{
		Path:   "git",
		Args:   append([]string{"--no-pager", "-c", "core.fsmonitor=false", "-C", dir}, args...),
		Env:    append(slices.Clone(env), "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0"),
		Stdout: &stdout,
	})
	if e := (*childproc.Error)(nil); errors.As(err, &e) {
		text := fmt.Errorf("running git %s: %w", args[0], e.Cause)
		if e.Output == "" {
			return "", text
		}
		return "", fmt.Errorf("%w: %s", text, e.Output)
	}
	return strings.TrimRight(stdout.String(), "\r\n"), nil
}
