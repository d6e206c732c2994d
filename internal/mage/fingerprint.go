package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// sumLength is how many hexadecimal digits name a compiled magefile.
const sumLength = 32

// errElsewhere: the magefile is compiled from more than lies below the root.
var errElsewhere = errors.New("the module uses code from other folders")

// fingerprint identifies all that decides what the magefile of root is
// compiled to: its files and those it may embed (everything but tests,
// documentation, examples and results), go.mod and go.sum, which stand for all other modules, the Go
// version, and the settings of the go command.
func fingerprint(root string, env []string) (string, error) {
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return "", err
	}
	if bytes.Contains(mod, []byte("=>")) || workspace(root) { // replace
		return "", errElsewhere
	}
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	settings(h, env)
	if err := files(h, root); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil))[:sumLength], nil
}

// workspace tells whether there is a go.work in root or above it.
func workspace(root string) bool {
	dir, err := filepath.Abs(root)
	for err == nil {
		if _, serr := os.Stat(filepath.Join(dir, "go.work")); serr == nil {
			return true
		}
		up := filepath.Dir(dir)
		if up == dir {
			break
		}
		dir = up
	}
	return false
}

// settings are the environment variables that the go command and its compilers
// look at, and what go env -w has written.
func settings(w io.Writer, env []string) {
	env = slices.Clone(env)
	slices.Sort(env)
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		if strings.HasPrefix(name, "GO") || strings.HasPrefix(name, "CGO_") || slices.Contains([]string{"CC", "CXX", "AR", "PKG_CONFIG", "PATH"}, name) {
			fmt.Fprintf(w, "%q\n", e)
		}
	}
	written := os.Getenv("GOENV")
	if written == "" {
		if dir, err := os.UserConfigDir(); err == nil {
			written = filepath.Join(dir, "go", "env")
		}
	}
	b, err := os.ReadFile(written)
	fmt.Fprintf(w, "%q %v\n", b, err == nil)
}

// outside are folders of the root from which nothing is compiled.
var outside = []string{".git", ".hallmark", ".github", "dist", "docs", "examples"}

func files(w io.Writer, root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && (slices.Contains(outside, rel) || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%s: not a regular file", rel) // a link leads elsewhere
		case strings.HasSuffix(rel, "_test.go") || rel == "mage_output_file.go": // mage writes the latter and removes it
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%q %x\n", filepath.ToSlash(rel), sha256.Sum256(b))
		return err
	})
}
