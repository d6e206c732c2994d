package rules

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

// folder makes a tree with programs, scripts and other files.
func folder(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	exe, err := os.ReadFile(formatstest.Corpus(t, "jsign/wineyes.exe"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		sub := filepath.Join(dir, fmt.Sprintf("d%d", i%7))
		if err := os.MkdirAll(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		b := append(bytes.Clone(exe), make([]byte, 8*i)...) // another overlay, another hash
		b[len(b)-1] = byte(i)
		for name, content := range map[string][]byte{"p%d.exe": b, "s%d.ps1": fmt.Appendf(nil, "# %d", i), "t%d.txt": []byte("text"), "e%d": nil} {
			if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf(name, i)), content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func scan(t testing.TB, dir string, o ScanOptions) ([]File, Summary) {
	t.Helper()
	var files []File
	sum, err := Scan(context.Background(), dir, o, func(f File) error { files = append(files, f); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return files, sum
}

// TestScanDoesNotDependOnWorkers compares the order and content of results.
func TestScanDoesNotDependOnWorkers(t *testing.T) {
	dir := folder(t)
	one, sum := scan(t, dir, ScanOptions{Workers: 1})
	if sum.Files != 80 || sum.Skipped != 80 || len(one) != 80 {
		t.Errorf("%+v", sum)
	}
	calls := 0
	many, _ := scan(t, dir, ScanOptions{Workers: 8, Progress: func(Progress) { calls++ }})
	if !reflect.DeepEqual(one, many) {
		t.Error("eight workers give another result than one")
	}
	if calls != 160 {
		t.Errorf("%d reports of progress for 160 files", calls)
	}
}

// TestShardsJoinToOnePolicy splits the scan and writes, reads and joins the parts.
func TestShardsJoinToOnePolicy(t *testing.T) {
	dir := folder(t)
	whole, wholeSum := scan(t, dir, ScanOptions{})
	want, _ := build(t, Options{Mode: ModeBoth}, whole...)
	for _, count := range []int{1, 3, 8} {
		var parts []*Records
		for i := count; i >= 1; i-- {
			r, err := ReadRecords(bytes.NewReader(shard(t, dir, Shard{i, count})))
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, r)
		}
		files, sum, err := Join(parts)
		if err != nil {
			t.Fatal(err)
		}
		if sum != wholeSum {
			t.Errorf("%d shards: %+v, wanted %+v", count, sum, wholeSum)
		}
		got, _ := build(t, Options{Mode: ModeBoth}, files...)
		if !bytes.Equal(got.XML(), want.XML()) {
			t.Errorf("%d shards give another policy than one run", count)
		}
	}
}

func shard(t testing.TB, dir string, s Shard) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := NewRecordWriter(&buf, s)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := Scan(context.Background(), dir, ScanOptions{Shard: s}, w.Write)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(sum); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestRecordsRefuse(t *testing.T) {
	good := string(shard(t, folder(t), Shard{1, 2}))
	lines := strings.SplitAfter(strings.TrimSuffix(good, "\n"), "\n")
	last := len(lines) - 1
	for name, c := range map[string]struct{ text, want string }{
		"empty":          {"", "cut off"},
		"no head":        {strings.Join(lines[1:], ""), "not the beginning"},
		"cut off":        {strings.Join(lines[:last], ""), "cut off"},
		"line missing":   {lines[0] + strings.Join(lines[2:], ""), "the closing line counts"},
		"text behind":    {good + "{}\n", "after the closing line"},
		"unknown field":  {strings.Replace(good, `"pe":`, `"PEX":`, 1), "unknown field"},
		"wrong hash":     {strings.Replace(good, `"sha1":"`, `"sha1":"00`, 1), "a hash of 21 bytes"},
		"no hexadecimal": {strings.Replace(good, `"sha1":"`, `"sha1":"x`, 1), "not hexadecimal"},
		"bad shard":      {strings.Replace(good, `"shard":1`, `"shard":3`, 1), "shard 3/2"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ReadRecords(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestJoinRefuses(t *testing.T) {
	part := func(i, n int, paths ...string) *Records {
		r := &Records{Shard: Shard{i, n}}
		for _, p := range paths {
			r.Files = append(r.Files, File{Path: p})
		}
		return r
	}
	for name, c := range map[string]struct {
		parts []*Records
		want  string
	}{
		"nothing":        {nil, "no records"},
		"one missing":    {[]*Records{part(1, 3), part(3, 3)}, "shards 2 of 3 are missing"},
		"twice":          {[]*Records{part(1, 2), part(1, 2)}, "there twice"},
		"other scan":     {[]*Records{part(1, 2), part(2, 3)}, "not the same scan"},
		"path in both":   {[]*Records{part(1, 2, "a"), part(2, 2, "a")}, "a is in two shards"},
		"two whole runs": {[]*Records{part(1, 1, "a"), part(1, 1, "b")}, "there twice"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := Join(c.parts); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestParseShard(t *testing.T) {
	for text, ok := range map[string]bool{"": true, "1/1": true, "2/8": true, "0/8": false, "9/8": false, "1": false, "1/0": false, "1/2x": false, "a/b": false} {
		if _, err := ParseShard(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestScanListsUnreadableFiles(t *testing.T) {
	if os.Getuid() == 0 {
		t.Log("as root every file can be read; a folder that vanishes stands in")
	}
	dir := folder(t)
	s := scanner{root: dir}
	r := s.look(context.Background(), &job{path: "d0/gone.exe"})
	if r.err != nil || r.file.Error == "" || strings.Contains(r.file.Error, dir) {
		t.Errorf("%+v", r)
	}
}

func TestScanStops(t *testing.T) {
	dir := folder(t)
	stop := errors.New("stop")
	if _, err := Scan(context.Background(), dir, ScanOptions{}, func(File) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Scan(ctx, dir, ScanOptions{}, func(File) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := Scan(context.Background(), filepath.Join(dir, "no"), ScanOptions{}, nil); err == nil {
		t.Error("a folder that does not exist is scanned")
	}
}

func FuzzInspect(f *testing.F) {
	for _, name := range formatstest.CorpusFiles(f, "jsign/fuzz/*") {
		if b, err := os.ReadFile(name); err == nil && len(b) < 1<<16 {
			f.Add(b)
		}
	}
	f.Add([]byte("MZ"))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Inspect(context.Background(), "x", bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatalf("memory cannot be unreadable: %v", err)
		}
		if err := file.check(); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkScan(b *testing.B) {
	dir := folder(b)
	_, sum := scan(b, dir, ScanOptions{})
	b.SetBytes(sum.Bytes)
	for b.Loop() {
		scan(b, dir, ScanOptions{})
	}
}
