package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/hallmark-dev/hallmark/internal/atomicfile"
	"github.com/hallmark-dev/hallmark/internal/fault"
)

// mageFolder holds the magefile in a module of its own, so that neither
// Hallmark's requirements nor its Go version get into the product's go.mod.
const mageFolder = "release"

const magefile = `//go:build mage

// The release of this project. The module is one of its own, so that nothing
// of it gets into the product; start it from this folder:
//
//	go tool mage -w .. release
package main

import _ "github.com/hallmark-dev/hallmark/targets" // mage:import
`

// goVersion of the new module: what Hallmark needs.
const goVersion = "1.26.0"

// released matches versions that the module proxy can serve.
var released = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)

// Mage writes release/magefile.go and release/go.mod beside the product in
// root and returns their names. version is that of Hallmark, such as v1.4.2,
// or empty: go mod tidy then takes the newest. Errors are *fault.Error
// (Usage): files of that name exist, or the folder has Go code, which a go.mod
// there would take out of the product's module.
func Mage(root, version string, force bool) ([]string, error) {
	folder := filepath.Join(root, mageFolder)
	module, err := modulePath(filepath.Join(root, "go.mod"))
	if err != nil {
		return nil, err
	}
	if err := free(folder, force); err != nil {
		return nil, err
	}
	var requires string
	if released.MatchString(version) {
		requires = fmt.Sprintf("require github.com/hallmark-dev/hallmark %s\n\n", version)
	}
	mod := fmt.Sprintf("module %s/%s\n\ngo %s\n\n%stool github.com/magefile/mage\n", majorSuffix.ReplaceAllString(module, ""), mageFolder, goVersion, requires)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, fmt.Errorf("making the folder %s: %w", mageFolder, err)
	}
	var written []string
	for _, f := range []struct{ name, text string }{{"go.mod", mod}, {"magefile.go", magefile}} {
		if err := atomicfile.Write(filepath.Join(folder, f.name), []byte(f.text), 0o644); err != nil {
			return nil, err
		}
		written = append(written, mageFolder+"/"+f.name)
	}
	return written, nil
}

// free makes sure that a new module in the folder takes nothing away.
func free(folder string, force bool) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking at the folder %s: %w", mageFolder, err)
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case (name == "go.mod" || name == "magefile.go") && !force:
			return fault.New(fault.Usage, "%s/%s exists already", mageFolder, name).Hint("-force replaces it")
		case strings.HasSuffix(name, ".go") && name != "magefile.go":
			return fault.New(fault.Usage, "%s/ holds Go code (%s), which a module of its own there would take out of the product", mageFolder, name).
				Hint("start the release with the program hallmark instead, which needs no magefile")
		}
	}
	return nil
}
