package wine

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed shim/bcryptprimitives.c
var shim []byte

// tools of the Go that runs in the prefix.
var tools = []string{"compile", "link", "asm", "buildid"}

// home is the folder of a rig. Another shim, Go or wine makes another rig.
func home(goVersion, wineVersion string) (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "hallmark-wine")
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s", shim, goVersion, wineVersion))
	return filepath.Join(dir, hex.EncodeToString(sum[:4])), os.MkdirAll(dir, 0o700)
}

// make makes the rig unless it is complete.
func (r *rig) make(ctx context.Context, w io.Writer) error {
	done := filepath.Join(r.home, "complete")
	if _, err := os.Stat(done); err == nil {
		return nil
	}
	fmt.Fprintf(w, "making a wine prefix and a Go for it, once, in %s\n", r.home)
	if err := os.RemoveAll(r.home); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(r.home, "cache"), 0o700); err != nil {
		return err
	}
	for _, make := range []func(context.Context) error{r.makePrefix, r.makeShim, r.makeGo} {
		if err := make(ctx); err != nil {
			return fmt.Errorf("making a wine prefix: %w", err)
		}
	}
	return os.WriteFile(done, nil, 0o600)
}

func (r *rig) makePrefix(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, r.loader, "wineboot", "-i")
	cmd.Env = r.environment()
	return cmd.Run()
}

func (r *rig) makeShim(ctx context.Context) error {
	source := filepath.Join(r.home, "bcryptprimitives.c")
	if err := os.WriteFile(source, shim, 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "x86_64-w64-mingw32-gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-s", "-shared", "-nostdlib",
		"-o", filepath.Join(r.home, "prefix/drive_c/windows/system32/bcryptprimitives.dll"), source, "-ladvapi32", "-lkernel32")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compiling the shim (apt-get install gcc-mingw-w64-x86-64): %w\n%s", err, out)
	}
	return nil
}

// makeGo compiles the go command and its tools for Windows. Its GOROOT has the
// sources of the one that runs here.
func (r *rig) makeGo(ctx context.Context) error {
	root := filepath.Join(r.home, "goroot")
	for _, dir := range []string{"bin", "pkg/tool/windows_amd64"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return err
		}
	}
	for _, shared := range []string{"src", "lib", "VERSION", "go.env", "pkg/include"} {
		if err := os.Symlink(filepath.Join(r.goroot, shared), filepath.Join(root, shared)); err != nil {
			return err
		}
	}
	programs := map[string]string{"cmd/go": "bin/go.exe"}
	for _, t := range tools {
		programs["cmd/"+t] = "pkg/tool/windows_amd64/" + t + ".exe"
	}
	for pkg, to := range programs {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", filepath.Join(root, to), pkg)
		cmd.Dir, cmd.Env = filepath.Join(r.goroot, "src"), append(r.environment(), "GOFLAGS=", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("compiling %s: %w\n%s", pkg, err, out)
		}
	}
	return nil
}
