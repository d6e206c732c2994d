package formatstest

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/lockedfile"
	"github.com/rogpeppe/go-internal/robustio"
)

// cacheDir returns the folder of this user for what is slow to make. Only its owner may enter it. HALLMARK_TEST_CACHE
// names another one: tests under wine share that of the system around it, where there is a Go to compile programs with.
func cacheDir(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("HALLMARK_TEST_CACHE"); dir != "" {
		return dir
	}
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = strings.Map(plain, u.Uid)
	}
	dir := filepath.Join(os.TempDir(), "hallmark-test-"+name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatalf("making test cache: %v", err)
	}
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() {
		t.Fatalf("test cache %s is not a folder of this user; remove it", dir)
	}
	return dir
}

func plain(r rune) rune {
	if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '-' {
		return r
	}
	return '_'
}

// cached returns the path of an entry of the cache and makes it when it is not there. make fills the path that it is
// given (a file or a folder); only a finished one is moved to its place. Processes that want the same entry wait.
func cached(t testing.TB, entry string, make func(path string) error) string {
	t.Helper()
	path := filepath.Join(cacheDir(t), entry)
	unlock := lock(t, path+".lock")
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return path
	}
	work := fmt.Sprintf("%s.%d.tmp", path, os.Getpid())
	defer os.RemoveAll(work)
	if err := make(work); err != nil {
		t.Fatalf("making %s for tests: %v", entry, err)
	}
	if err := robustio.Rename(work, path); err != nil {
		t.Fatalf("making %s for tests: %v", entry, err)
	}
	return path
}

// lock takes the lock file that processes share and returns the function that gives it back.
func lock(t testing.TB, path string) (unlock func()) {
	t.Helper()
	unlock, err := lockedfile.MutexAt(path).Lock()
	if err != nil {
		t.Fatalf("locking %s: %v", path, err)
	}
	return unlock
}
