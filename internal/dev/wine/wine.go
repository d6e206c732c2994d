// Package wine runs the tests of the Windows programs on Linux: each test
// program is compiled for windows/amd64 and run by wine, with a Go of its own in
// PATH, so that whole releases can be built there.
package wine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// packages lists what is tested when nothing is named: all that a user runs.
func packages(ctx context.Context) ([]string, error) {
	out, err := output(ctx, "go", "list", "./internal/...", "./formats/...", "./cmd/...")
	return slices.DeleteFunc(strings.Fields(out), func(p string) bool { return strings.Contains(p, "/internal/dev") }), err
}

// timeout is for the tests of one package.
const timeout = 10 * time.Minute

// Test runs the short tests of the packages and shows results, what failed, and
// what was skipped and why. run, if not empty, chooses tests as go test -run does.
func Test(ctx context.Context, w io.Writer, run string, named []string) error {
	r, err := open(ctx, w)
	if err != nil {
		return err
	}
	defer r.close()
	args := []string{"test", "-json", "-short", "-timeout=" + timeout.String(), "-exec=" + r.runner()}
	if run != "" {
		args = append(args, "-run="+run)
	}
	if len(named) == 0 {
		if named, err = packages(ctx); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "go", append(args, named...)...)
	cmd.Env, cmd.Stderr = r.environment(), w
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	shown := report(out, w)
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("tests under wine: %w", err)
	}
	return shown
}

// rig is a wine prefix that Go programs run in, and what belongs to it.
type rig struct {
	home           string // holds the prefix, a GOROOT and the tests' cache
	loader, server string // wine64 and its wineserver
	goroot         string // of the Go that runs here
	cache, modules string // its GOCACHE and GOMODCACHE, which the Windows one shares
	unlock         func()
}

// open makes the rig or finds the one that was made before. One process uses it
// at a time.
func open(ctx context.Context, w io.Writer) (*rig, error) {
	r := &rig{}
	for _, p := range []struct {
		to     *string
		places []string
	}{
		{&r.loader, []string{"/usr/lib/wine/wine64", "wine64", "wine"}},
		{&r.server, []string{"/usr/lib/wine/wineserver64", "wineserver"}},
	} {
		if *p.to = find(p.places); *p.to == "" {
			return nil, errors.New("wine is not installed (apt-get install wine64)")
		}
	}
	env, err := output(ctx, "go", "env", "GOROOT", "GOCACHE", "GOMODCACHE", "GOVERSION")
	if err != nil {
		return nil, err
	}
	lines := strings.Split(env, "\n")
	r.goroot, r.cache, r.modules = lines[0], lines[1], lines[2]
	version, err := output(ctx, r.loader, "--version")
	if err != nil {
		return nil, err
	}
	if r.home, err = home(lines[3], version); err != nil {
		return nil, err
	}
	if r.unlock, err = lockedfile.MutexAt(r.home + ".lock").Lock(); err != nil {
		return nil, err
	}
	if err := r.make(ctx, w); err != nil {
		r.unlock()
		return nil, err
	}
	return r, r.start()
}

func find(places []string) string {
	for _, p := range places {
		if path, err := exec.LookPath(p); err == nil {
			return path
		}
	}
	return ""
}

func output(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	return strings.TrimSpace(string(out)), err
}

// start lets wine start its own services before any test, whose output they
// would otherwise hold open, and keeps them.
func (r *rig) start() error {
	for _, args := range [][]string{{r.server, "-p"}, {r.loader, "cmd", "/c", "exit"}} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = r.environment()
		if err := cmd.Run(); err != nil && args[0] != r.server { // the server may run already
			r.close()
			return fmt.Errorf("starting wine: %w", err)
		}
	}
	return nil
}

// close ends everything in the prefix.
func (r *rig) close() {
	cmd := exec.Command(r.server, "-k")
	cmd.Env = r.environment()
	_ = cmd.Run() // nothing runs, or it has been told
	r.unlock()
}

// environment is that of go test and, through it, of wine.
func (r *rig) environment() []string {
	var env []string
	for _, v := range os.Environ() {
		// Tools of this system cannot be demanded there.
		if !strings.HasPrefix(v, "HALLMARK_REQUIRE_TOOLS=") && !strings.HasPrefix(v, "WINE") {
			env = append(env, v)
		}
	}
	return append(env, "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0",
		"WINEPREFIX="+filepath.Join(r.home, "prefix"), "WINEARCH=win64", "WINELOADER="+r.loader, "WINEDEBUG="+cmp.Or(os.Getenv("WINEDEBUG"), "-all"),
		"WINEDLLOVERRIDES=bcryptprimitives=n;winemenubuilder.exe,mscoree,mshtml=", "WINEPATH="+windows(filepath.Join(r.home, "goroot", "bin")))
}

// runner is the command that go test puts before the name of a test program.
// What it sets means something else to the go command of this system.
func (r *rig) runner() string {
	return "'" + strings.Join([]string{
		"env", "GOCACHE=" + windows(r.cache), "GOMODCACHE=" + windows(r.modules), "GOTOOLCHAIN=local",
		"HALLMARK_TEST_CACHE=" + windows(filepath.Join(r.home, "cache")), r.loader,
	}, "' '") + "'"
}

// windows is a path as programs in the prefix see it.
func windows(path string) string { return "Z:" + strings.ReplaceAll(path, "/", `\`) }
