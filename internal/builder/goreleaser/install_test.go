package goreleaser

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hallmark-dev/hallmark/internal/builder/buildertest"
)

// playGo is the go command of these tests: it notes that it was called, and
// "builds" goreleaser by copying itself.
func playGo(args []string) int {
	f, err := os.OpenFile(os.Getenv("FAKE_CALLS"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 1
	}
	fmt.Fprintln(f, strings.Join(args, " "))
	f.Close()
	out := args[slices.Index(args, "-o")+1]
	switch os.Getenv("FAKE") {
	case "fail":
		os.WriteFile(out, []byte("half"), 0o755)
		fmt.Fprintln(os.Stderr, "verifying module: checksum mismatch")
		return 1
	case "hang":
		os.WriteFile(out, []byte("half"), 0o755)
		time.Sleep(time.Minute)
	}
	dir := args[slices.Index(args, "-C")+1]
	for _, name := range []string{"go.mod", "go.sum"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	program, err := os.Executable()
	if err != nil {
		return 1
	}
	self, err := os.ReadFile(program)
	if err != nil || os.WriteFile(out, self, 0o755) != nil {
		return 1
	}
	return 0
}

// installer is a Locator that finds nothing in PATH and whose go command is
// the fake one. It returns the file that lists the calls.
func installer(t *testing.T, mode, version string) (Locator, string) {
	t.Helper()
	bin := t.TempDir()
	copySelf(t, filepath.Join(bin, executable("go")))
	t.Setenv("PATH", bin)
	calls := filepath.Join(t.TempDir(), "calls")
	return Locator{
		Cache:    t.TempDir(),
		Env:      append(os.Environ(), "FAKE="+mode, "FAKE_VERSION="+version, "FAKE_CALLS="+calls),
		LookPath: func(string) (string, error) { return "", errors.New("not found") },
	}, calls
}

func lines(t *testing.T, path string) int {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(b, []byte("\n"))
}

// left lists what a build leaves in the cache.
func left(l Locator) []string {
	var names []string
	entries, _ := os.ReadDir(l.Cache)
	for _, e := range entries {
		if e.Name() != "goreleaser.lock" {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestInstallOnce(t *testing.T) {
	l, calls := installer(t, "build", pinned)
	buildertest.Write(t, filepath.Join(l.Cache, workPrefix+"123", "goreleaser"), "half, from a process that was killed")
	var notice bytes.Buffer
	l.Notice = &notice
	for range 2 {
		tool, err := l.Install(t.Context())
		if err != nil || tool.Version != pinned || tool.From != "cache" {
			t.Fatalf("got %+v, %v", tool, err)
		}
	}
	if n := lines(t, calls); n != 1 {
		t.Errorf("go was called %d times, want once", n)
	}
	if strings.Count(notice.String(), "building goreleaser v"+pinned) != 1 {
		t.Errorf("the notice is %q", notice.String())
	}
	if got := left(l); !slices.Equal(got, []string{"goreleaser-v" + pinned}) {
		t.Errorf("the cache holds %q", got)
	}
}

func TestInstallTwoAtOnce(t *testing.T) {
	l, calls := installer(t, "build", pinned)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if tool, err := l.Install(t.Context()); err != nil || tool.Version != pinned {
				t.Errorf("got %+v, %v", tool, err)
			}
		})
	}
	wg.Wait()
	if n := lines(t, calls); n != 1 {
		t.Errorf("go was called %d times, want once", n)
	}
}

func TestInstallFailureLeavesNothing(t *testing.T) {
	for name, c := range map[string]struct{ mode, version, want string }{
		"go fails":      {"fail", pinned, "checksum mismatch"},
		"other version": {"build", "9.9.9", `it reports version "9.9.9"`},
		"says nothing":  {"build", "", "it reports version"},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := installer(t, c.mode, c.version)
			if _, err := l.Install(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if got := left(l); len(got) > 0 {
				t.Errorf("the cache holds %q", got)
			}
			if _, err := l.Find(t.Context()); !IsNotInstalled(err) {
				t.Errorf("Find: %v", err)
			}
		})
	}
}

// A half-written program in the cache, from whatever accident, is not used.
func TestDamagedCacheIsPassedOver(t *testing.T) {
	l, calls := installer(t, "build", pinned)
	path, err := l.cached()
	if err != nil {
		t.Fatal(err)
	}
	buildertest.Write(t, path, "half")
	if _, err := l.Find(t.Context()); !IsNotInstalled(err) {
		t.Fatalf("Find: %v", err)
	}
	if tool, err := l.Install(t.Context()); err != nil || tool.Path != path || lines(t, calls) != 1 {
		t.Errorf("got %+v, %v", tool, err)
	}
}

func TestInstallCancelled(t *testing.T) {
	l, calls := installer(t, "hang", pinned)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := l.Install(ctx)
		done <- err
	}()
	for { // until go runs
		if _, err := os.Stat(calls); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	waiting, stop := context.WithCancel(t.Context())
	stop()
	if _, err := l.Install(waiting); !errors.Is(err, context.Canceled) {
		t.Errorf("the second process: got %v, want context.Canceled", err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if got := left(l); len(got) > 0 {
		t.Errorf("the cache holds %q", got)
	}
}

func TestModuleFilesBelongToThePin(t *testing.T) {
	if !bytes.Contains(goMod, []byte(module+" v"+pinned+"\n")) && !bytes.Contains(goMod, []byte(module+" v"+pinned+" ")) {
		t.Errorf("goreleaser.mod does not require %s v%s", module, pinned)
	}
	if !bytes.Contains(goSum, []byte(module+" v"+pinned+" h1:")) {
		t.Errorf("goreleaser.sum does not hold the checksum of %s v%s", module, pinned)
	}
}
