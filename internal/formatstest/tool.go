package formatstest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"testing"
	"time"
)

// hints says how to install the programs that tests ask for.
var hints = map[string]string{
	"osslsigncode":  "apt-get install osslsigncode",
	"openssl":       "apt-get install openssl",
	"softhsm2-util": "apt-get install softhsm2",
	"pkcs11-tool":   "apt-get install opensc",
	"git":           "apt-get install git",
	"gcab":          "apt-get install gcab",
	"npm":           "apt-get install npm",
	"go":            "https://go.dev/dl/",
}

// Tool returns the path of a program. When it is not installed the test is skipped with a hint how to install it, or
// fails if HALLMARK_REQUIRE_TOOLS=1.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	hint := hints[name]
	if hint == "" {
		hint = "install " + name + " and put it on PATH"
	}
	missing(t, "program %s not found (%s)", name, hint)
	return ""
}

// missing skips the test, or fails it when everything is required.
func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("HALLMARK_REQUIRE_TOOLS") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// commandTime bounds every program that a test runs; nothing that tests do takes a tenth of it.
const commandTime = 3 * time.Minute

// Run runs an installed program to its end and returns what it wrote to both outputs; a missing program is treated as
// in Tool. err is an *exec.ExitError when the program ran and failed.
func Run(t testing.TB, name string, args ...string) (output string, err error) {
	t.Helper()
	return run(t, "", Tool(t, name), args...)
}

// MustRun is Run for a program that has to succeed.
func MustRun(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := Run(t, name, args...)
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return out
}

// run writes the output to a file, not to a pipe: a program that leaves a daemon behind (wine does) would keep a pipe
// open and the wait for its end would not return. dir is the folder to run in, empty for the test's own.
func run(t testing.TB, dir, path string, args ...string) (string, error) {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "output")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = f, f
	runErr := cmd.Run()
	out, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes.ReplaceAll(out, []byte("\r\n"), []byte("\n"))), runErr
}

// Symlink makes a symbolic link, or skips the test where the system makes none: Windows asks for a privilege, and wine 8
// says that it has made one when it has not.
func Symlink(t testing.TB, target, link string) {
	t.Helper()
	err := os.Symlink(target, link)
	if err == nil {
		_, err = os.Lstat(link)
	}
	if err != nil {
		t.Skip("this system makes no symbolic links")
	}
}

// Network skips a test that reaches the network, unless HALLMARK_NETWORK=1: go test is silent on the network otherwise.
func Network(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("HALLMARK_NETWORK") != "1" {
		t.Skipf("%s: set HALLMARK_NETWORK=1 to allow it", what)
	}
}
