package gitinfo_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/gitinfo"
)

// repository makes a real one with the given commands, and returns its folder.
func repository(t *testing.T, commands ...string) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed: install the package git")
	}
	// Nothing of the user's own settings.
	t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(t.TempDir(), "none"))
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	t.Setenv("GIT_AUTHOR_DATE", "2026-03-04T05:06:07+02:00")
	t.Setenv("GIT_COMMITTER_DATE", "2026-03-04T05:06:07+02:00")
	dir := t.TempDir()
	for _, c := range append([]string{"init -q -b main", "config user.name Jo", "config user.email jo@example.com"}, commands...) {
		if name, text, ok := strings.Cut(c, "="); ok && strings.HasPrefix(name, "write ") {
			path := filepath.Join(dir, strings.TrimPrefix(name, "write "))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		cmd := exec.Command("git", strings.Fields(c)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v: %s", c, err, out)
		}
	}
	return dir
}

func TestRead(t *testing.T) {
	commit := []string{"write a=1", "add a", "commit -q -m first"}
	for name, c := range map[string]struct {
		commands []string
		sub      string
		want     gitinfo.Info
	}{
		"no commit":        {[]string{"remote add origin https://example.com/r.git"}, "", gitinfo.Info{Absent: "the git repository has no commit yet", Remote: "https://example.com/r.git"}},
		"one commit":       {commit, "", gitinfo.Info{}},
		"tags":             {append(commit[:3:3], "tag v1.0.0", "tag -a -m x v1.1.0", "tag latest"), "", gitinfo.Info{Tags: []string{"latest", "v1.0.0", "v1.1.0"}}},
		"tags hidden":      {append(commit[:3:3], "tag rel/v1", "tag a,b", "branch v3", "config log.excludeDecoration refs/tags/*", "config log.decorate no", "config tag.sort -refname"), "", gitinfo.Info{Tags: []string{"a,b", "rel/v1"}}},
		"tag of yesterday": {append(commit[:3:3], "tag v1.0.0", "write a=2", "commit -q -a -m second"), "", gitinfo.Info{}},
		"remote":           {append(commit[:3:3], "remote add origin git@example.com:o/r.git"), "", gitinfo.Info{Remote: "git@example.com:o/r.git"}},
		"in a folder":      {commit, "sub", gitinfo.Info{}},
		"signatures shown": {append(commit[:3:3], "config log.showSignature true", "config gpg.program /no/such/program"), "", gitinfo.Info{}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(repository(t, c.commands...), c.sub)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			got, err := gitinfo.Read(context.Background(), dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.want.Absent == "" {
				if len(got.Commit) != 40 || !got.Time.Equal(time.Date(2026, 3, 4, 3, 6, 7, 0, time.UTC)) || got.Time.Location() != time.UTC {
					t.Errorf("commit %q of %v", got.Commit, got.Time)
				}
				got.Commit, got.Time = "", time.Time{}
				if len(got.Tags) == 0 {
					got.Tags = nil
				}
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestReachable(t *testing.T) {
	commit := []string{"write a=1", "add a", "commit -q -m first"}
	for name, c := range map[string]struct {
		commands []string
		want     []string
	}{
		"none":              {commit, nil},
		"on HEAD":           {append(commit[:3:3], "tag v1.0.0", "tag -a -m x rel/v2"), []string{"rel/v2", "v1.0.0"}},
		"of yesterday":      {append(commit[:3:3], "tag v1.0.0", "write a=2", "commit -q -a -m second"), []string{"v1.0.0"}},
		"on another branch": {append(commit[:3:3], "checkout -q -b other", "write a=2", "commit -q -a -m second", "tag v2.0.0", "checkout -q main"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := repository(t, c.commands...)
			got, shallow := gitinfo.Reachable(context.Background(), dir, nil)
			if len(got)+len(c.want) > 0 && !reflect.DeepEqual(got, c.want) || shallow {
				t.Errorf("got %q, shallow %v; want %q", got, shallow, c.want)
			}
		})
	}
	from := repository(t, append(commit, "tag v1.0.0", "write a=2", "commit -q -a -m second")...)
	to := filepath.Join(t.TempDir(), "clone")
	if out, err := exec.Command("git", "clone", "-q", "--depth=1", "--no-tags", "file://"+filepath.ToSlash(from), to).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got, shallow := gitinfo.Reachable(context.Background(), to, nil); len(got) != 0 || !shallow {
		t.Errorf("a shallow clone: %q, %v", got, shallow)
	}
	if got, shallow := gitinfo.Reachable(context.Background(), t.TempDir(), nil); len(got) != 0 || shallow {
		t.Errorf("no repository: %q, %v", got, shallow)
	}
}

func TestReadElsewhere(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(dir))
	t.Run("no repository", func(t *testing.T) {
		if _, err := exec.LookPath("git"); err != nil {
			t.Skip("git is not installed: install the package git")
		}
		info, err := gitinfo.Read(context.Background(), dir, nil)
		if err != nil || info.Absent != "the folder is not a git repository" {
			t.Errorf("got %+v, %v", info, err)
		}
	})
	t.Run("broken repository", func(t *testing.T) {
		broken := repository(t, "write a=1", "add a", "commit -q -m first")
		if err := os.WriteFile(filepath.Join(broken, ".git", "refs", "heads", "main"), []byte("nonsense\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if info, err := gitinfo.Read(context.Background(), broken, nil); err == nil {
			t.Errorf("got %+v without an error", info)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		there := repository(t, "write a=1", "add a", "commit -q -m first")
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := gitinfo.Read(ctx, there, nil); err == nil {
			t.Error("no error")
		}
	})
	t.Run("no git", func(t *testing.T) {
		t.Setenv("PATH", dir)
		info, err := gitinfo.Read(context.Background(), dir, nil)
		if err != nil || info.Absent != "git is not installed" {
			t.Errorf("got %+v, %v", info, err)
		}
	})
}

// TestReadWritesNothing compares the repository before and after.
func TestReadWritesNothing(t *testing.T) {
	dir := repository(t, "write a=1", "add a", "commit -q -m first", "write a=1")
	before := snapshot(t, dir)
	if _, err := gitinfo.Read(context.Background(), dir, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := gitinfo.Dirty(context.Background(), dir, nil); err != nil {
		t.Fatal(err)
	}
	if after := snapshot(t, dir); !reflect.DeepEqual(before, after) {
		t.Errorf("the repository changed:\n%v\n%v", before, after)
	}
}

func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files[path] = info.ModTime().String() + string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestDirty(t *testing.T) {
	commit := []string{"write a=1", "write .gitignore=dist\n", "add .", "commit -q -m first"}
	for name, c := range map[string]struct {
		commands []string
		want     []string
	}{
		"clean":     {commit, nil},
		"changed":   {append(commit[:4:4], "write a=22"), []string{"a"}},
		"untracked": {append(commit[:4:4], "write b=1"), []string{"b"}},
		"ignored":   {append(commit[:4:4], "write dist=1"), nil},
		"renamed":   {append(commit[:4:4], "mv a c"), []string{"c"}},
		"staged":    {append(commit[:4:4], "write b=1", "add b"), []string{"b"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := gitinfo.Dirty(context.Background(), repository(t, c.commands...), nil)
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
	dir := repository(t, append(commit[:4:4], "write b=1", "write out/x=1", "write sub/deep/c=1")...)
	if got, err := gitinfo.Dirty(context.Background(), dir, nil, "out"); err != nil || !reflect.DeepEqual(got, []string{"b", "sub/"}) {
		t.Errorf("without out/: got %q, %v", got, err)
	}
	if got, err := gitinfo.Dirty(context.Background(), filepath.Join(dir, "sub", "deep"), nil, "c"); err != nil || !reflect.DeepEqual(got, []string{"../../b", "../../out/"}) {
		t.Errorf("from a folder below, without its c: got %q, %v", got, err)
	}
	if _, err := gitinfo.Dirty(context.Background(), filepath.Join(t.TempDir(), "absent"), nil); err == nil {
		t.Error("no error for a folder that does not exist")
	}
}

func TestClock(t *testing.T) {
	commit := gitinfo.Info{Commit: "abc", Time: time.Unix(1000, 0)}
	for name, c := range map[string]struct {
		epoch string
		info  gitinfo.Info
		want  time.Time
		from  string
		wrong bool
	}{
		"epoch wins":     {"1700000000", commit, time.Unix(1700000000, 0), "SOURCE_DATE_EPOCH", false},
		"epoch of zero":  {"0", commit, time.Unix(0, 0), "SOURCE_DATE_EPOCH", false},
		"commit":         {"", commit, time.Unix(1000, 0), "commit abc", false},
		"neither":        {"", gitinfo.Info{}, time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), "the fixed time for sources without git", false},
		"epoch of words": {"today", commit, time.Time{}, "", true},
		"epoch below 0":  {"-1", commit, time.Time{}, "", true},
		"end of 2049":    {"2524607999", commit, time.Date(2049, 12, 31, 23, 59, 59, 0, time.UTC), "SOURCE_DATE_EPOCH", false},
		"year 2050":      {"2524608000", commit, time.Time{}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			at, from, err := gitinfo.Clock(func(string) string { return c.epoch }, c.info)
			if (err != nil) != c.wrong || err == nil && (!at.Equal(c.want) || from != c.from || at.Location() != time.UTC) {
				t.Errorf("got %v, %q, %v", at, from, err)
			}
		})
	}
}
