package goreleaser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/childproc"
	"github.com/hallmark-dev/hallmark/internal/command"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// pinned is the version that Install builds. goreleaser.mod and
// goreleaser.sum belong to it: to move on, change the version here, run go get
// -tool and go mod tidy in a folder with these two files, and copy them back.
const pinned = "2.15.1"

// HowToInstall is the one line that tells people how to get goreleaser.
func HowToInstall() string {
	return command.Line("goreleaser:install") + " builds goreleaser v" + pinned + " once (about 4 minutes on two cores, 3 GB of disk)"
}

var errNotInstalled = errors.New("goreleaser is not installed")

// IsNotInstalled reports whether err means that Find found no usable goreleaser.
func IsNotInstalled(err error) bool { return errors.Is(err, errNotInstalled) }

// Tool is a goreleaser program.
type Tool struct {
	Path string
	// Version without a leading v.
	Version string
	// From is PATH or cache.
	From string
}

// Locator finds and installs goreleaser. The zero value is ready to use.
type Locator struct {
	// Cache is the folder that holds the versions we built. Empty: hallmark
	// in the user's cache folder (os.UserCacheDir).
	Cache string
	// Env is the environment to run programs in. nil: that of this process.
	Env []string
	// LookPath finds a program. nil: exec.LookPath.
	LookPath func(name string) (string, error)
	// Log receives one line about each decision. nil: none.
	Log io.Writer
	// Notice receives the line that says that a long build begins. nil: none.
	Notice io.Writer
}

// Find looks in PATH, then in the cache. A goreleaser of another major
// version, or older than the pinned minor version, is passed over with a line
// on Log.
func (l Locator) Find(ctx context.Context) (*Tool, error) {
	tool, err := l.inPath(ctx)
	if tool != nil || err != nil {
		return tool, err
	}
	if tool, err = l.inCache(ctx); tool != nil || err != nil {
		return tool, err
	}
	return nil, fault.New(fault.Other, "%w (looked in PATH and in %s)", errNotInstalled, l.describeCache()).Hint("%s", HowToInstall())
}

func (l Locator) inPath(ctx context.Context) (*Tool, error) {
	look := l.LookPath
	if look == nil {
		look = exec.LookPath
	}
	path, err := look("goreleaser")
	if err != nil {
		return nil, nil
	}
	version, err := l.ask(ctx, path)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		l.say("passing over %s: %v", path, err)
		return nil, nil
	}
	if !usable(version) {
		l.say("passing over %s: version %s, needed is 2.15 or a later 2.x", path, version)
		return nil, nil
	}
	l.say("using goreleaser %s from PATH (%s)", version, path)
	return &Tool{Path: path, Version: version, From: "PATH"}, nil
}

func (l Locator) inCache(ctx context.Context) (*Tool, error) {
	path, err := l.cached()
	if err != nil {
		return nil, nil // without a cache folder there is nothing in it
	}
	if _, err := os.Stat(path); err != nil {
		return nil, nil
	}
	version, err := l.ask(ctx, path)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil || version != pinned {
		l.say("passing over %s: it does not report the version %s (%s, %v)", path, pinned, version, err)
		return nil, nil
	}
	l.say("using goreleaser %s from the cache (%s)", version, path)
	return &Tool{Path: path, Version: version, From: "cache"}, nil
}

var versionLine = regexp.MustCompile(`(?m)^GitVersion:\s*v?([0-9]+\.[0-9]+\.[0-9]+\S*)`)

func (l Locator) ask(ctx context.Context, path string) (string, error) {
	out, err := childproc.Run(ctx, childproc.Cmd{Path: path, Args: []string{"--version"}, Env: l.env()})
	if err != nil {
		return "", err
	}
	m := versionLine.FindStringSubmatch(out)
	if m == nil {
		return "", errors.New("its --version names no version")
	}
	return m[1], nil
}

// usable accepts the pinned major version from the pinned minor version on.
func usable(version string) bool {
	major, minor, ok := split(version)
	wantMajor, wantMinor, _ := split(pinned)
	return ok && major == wantMajor && minor >= wantMinor
}

func split(version string) (major, minor int, ok bool) {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 3 {
		return 0, 0, false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return major, minor, err1 == nil && err2 == nil
}

// cached is where Install puts the program.
func (l Locator) cached() (string, error) {
	root, err := l.cacheRoot()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, "goreleaser-v"+pinned, executable("goreleaser")), nil
}

func (l Locator) cacheRoot() (string, error) {
	if l.Cache != "" {
		return l.Cache, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fault.New(fault.Other, "there is no cache folder for goreleaser: %w", err).
			Hint("set HOME (or XDG_CACHE_HOME; on Windows LocalAppData), or put goreleaser into PATH")
	}
	return filepath.Join(dir, "hallmark"), nil
}

func (l Locator) describeCache() string {
	path, err := l.cached()
	if err != nil {
		return "no cache folder"
	}
	return filepath.Dir(path)
}

func (l Locator) env() []string {
	if l.Env != nil {
		return l.Env
	}
	return os.Environ()
}

func (l Locator) say(format string, args ...any) {
	if l.Log != nil {
		fmt.Fprintf(l.Log, format+"\n", args...)
	}
}

func executable(name string) string {
	if runtime.GOOS == "windows" {
		return name + ".exe"
	}
	return name
}
