package formatstest

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Corpus returns the path of a file of the sample collection, named with forward slashes ("jsign/wineyes.exe"). The
// collection is the folder HALLMARK_CORPUS, else ../shared/corpus beside the project's root. Without a collection the
// test is skipped; a file missing from one that is there, or a HALLMARK_CORPUS that does not exist, fails it.
func Corpus(t testing.TB, name string) string {
	t.Helper()
	dir, ok := sibling(t, "HALLMARK_CORPUS", "corpus")
	if !ok {
		t.Skip("no sample collection: set HALLMARK_CORPUS to its folder")
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("sample %s: %v", name, err)
	}
	return path
}

// CorpusFiles returns the files of the sample collection that match a pattern (as in filepath.Match), in order. Unlike
// Corpus it returns none when there is no collection: fuzz targets use it for their seeds and must run without.
func CorpusFiles(t testing.TB, pattern string) []string {
	t.Helper()
	dir, ok := sibling(t, "HALLMARK_CORPUS", "corpus")
	if !ok {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// sibling finds a folder of test material: the one that the environment variable names, else ../shared/<name> beside
// the project's root.
func sibling(t testing.TB, variable, name string) (string, bool) {
	t.Helper()
	if dir := os.Getenv(variable); dir != "" {
		if _, err := os.Stat(dir); err != nil {
			t.Fatalf("%s: %v", variable, err)
		}
		return dir, true
	}
	dir := filepath.Join(Root(t), "..", "shared", name)
	_, err := os.Stat(dir)
	return dir, err == nil
}

// Root returns the folder of the project, the one that holds go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = filepath.Dir(dir)
	}
}

// samples keeps the answer of the go command.
var samples struct {
	sync.Mutex
	dir string
}

// SaferwallSamples returns the folder of real Windows files inside the module github.com/saferwall/pe, which the module
// cache holds. Its .7z archives are malware: never unpack them.
func SaferwallSamples(t testing.TB) string {
	t.Helper()
	samples.Lock()
	defer samples.Unlock()
	if samples.dir == "" {
		out := MustRun(t, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/saferwall/pe")
		samples.dir = filepath.Join(strings.TrimSpace(out), "test")
	}
	if _, err := os.Stat(samples.dir); err != nil {
		t.Skipf("saferwall/pe's samples: %v (go mod download github.com/saferwall/pe)", err)
	}
	return samples.dir
}
