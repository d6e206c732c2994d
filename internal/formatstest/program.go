package formatstest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// programSource is what GoProgram compiles: small, and it does something when it is run.
const programSource = `package main

import (
	"fmt"
	"os"
)

func main() { fmt.Println("hello from", os.Args[0]) }
`

// GoProgram returns the path of a real Windows program, compiled by the installed Go for amd64, 386 or arm64, stripped
// and without paths. flags are further flags of go build ("-ldflags=-H=windowsgui"). The file is the test's own: it may
// be changed. Compiling happens once a machine and user.
func GoProgram(t testing.TB, goarch string, flags ...string) string {
	t.Helper()
	key := sha256.Sum256([]byte(strings.Join(append([]string{runtime.Version(), goarch, programSource}, flags...), "\x00")))
	built := cached(t, fmt.Sprintf("program-%s-%x.exe", goarch, key[:8]), func(path string) error {
		return compile(t, path, goarch, flags)
	})
	b, err := os.ReadFile(built)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "hello.exe", b)
}

func compile(t testing.TB, out, goarch string, flags []string) error {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(programSource), 0o600); err != nil {
		return err
	}
	args := append([]string{"build", "-trimpath", "-ldflags=-s -w"}, flags...)
	cmd := exec.Command(Tool(t, "go"), append(args, "-o", out, "main.go")...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH="+goarch, "CGO_ENABLED=0", "GOFLAGS=", "GO111MODULE=off", "GOTOOLCHAIN=local")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build: %v\n%s", err, log.Bytes())
	}
	return nil
}
