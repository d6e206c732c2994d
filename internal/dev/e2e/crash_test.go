package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
)

// TestKilledAnywhere kills a release at every step boundary and inside every
// write, lets it run again, and demands the bytes of an undisturbed release.
// What comes after the build starts from a finished build: it is the slowest
// step, and nothing else depends on when it was made.
func TestKilledAnywhere(t *testing.T) {
	bin := program(t)
	empty := module(t, spec)
	built := duplicate(t, empty)
	building := points(t, built, bin, "build")
	done := duplicate(t, built)
	rest := points(t, done, bin, "release")
	if len(building) < 5 || len(rest) < 50 {
		t.Fatalf("only %d and %d crash points passed: %v, %v", len(building), len(rest), building, rest)
	}
	want := snapshot(t, done)
	for _, c := range []struct {
		from, step string
		points     []string
	}{{empty, "build", building}, {built, "release", rest}} {
		stride := 1
		if testing.Short() {
			stride = 7
		}
		for i := 0; i < len(c.points); i += stride {
			t.Run(c.step+" "+strconv.Itoa(i+1)+" "+c.points[i], func(t *testing.T) {
				t.Parallel()
				killedAt(t, duplicate(t, c.from), bin, c.step, i+1, want)
			})
		}
	}
}

// points runs a step in dir and names the crash points that it passes.
func points(t *testing.T, dir, bin, step string) []string {
	t.Helper()
	log := filepath.Join(t.TempDir(), "points")
	if r := run(t, dir, []string{"HALLMARK_CRASH_LOG=" + log}, bin, step); r.code != 0 {
		t.Fatal(r.out)
	}
	return strings.Split(strings.TrimSpace(read(t, log)), "\n")
}

func duplicate(t *testing.T, dir string) string {
	t.Helper()
	out := t.TempDir()
	if err := os.CopyFS(out, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return out
}

func killedAt(t *testing.T, dir, bin, step string, point int, want map[string]string) {
	if r := run(t, dir, []string{"HALLMARK_CRASH_AT=" + strconv.Itoa(point)}, bin, step); r.code == 0 {
		t.Fatalf("the release was not killed\n%s", r.out)
	}
	for name, text := range files(t, filepath.Join(dir, "dist", "release")) {
		if !strings.HasPrefix(filepath.Base(name), atomicfile.Prefix) && want["dist/release/"+name] != text {
			t.Errorf("after the kill there is an unfinished dist/release/%s", name)
		}
	}
	if r := run(t, dir, nil, bin, "release"); r.code != 0 {
		t.Fatalf("the release does not recover\n%s", r.out)
	}
	got := snapshot(t, dir)
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%s differs from that of an undisturbed release", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s was left behind", name)
		}
	}
}

// files maps the files below dir to their content.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		rel, _ := filepath.Rel(dir, path)
		out[filepath.ToSlash(rel)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// snapshot is all of dist/, with what names the time of verification reduced
// to its existence.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, text := range files(t, filepath.Join(dir, "dist")) {
		switch {
		case strings.Contains(name, "verify."):
			text = "a transcript"
		case name == "release.json":
			text = withoutTimes(t, text)
		}
		out["dist/"+name] = text
	}
	return out
}

// withoutTimes leaves out the hashes of transcripts, which name the time.
func withoutTimes(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	blank(v)
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func blank(v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if strings.Contains(k, "verify.") {
				v[k] = "a transcript"
				continue
			}
			blank(e)
		}
	case []any:
		for _, e := range v {
			blank(e)
		}
	}
}
