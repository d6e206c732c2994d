package docstest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hallmark-dev/hallmark/internal/formatstest"
)

var (
	required = regexp.MustCompile(`(?m)^\t(\S+) v\S+(.*)$`)
	row      = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")
)

// TestDependenciesHaveReasons: go.mod and docs/dependencies.md name the same
// modules.
func TestDependenciesHaveReasons(t *testing.T) {
	root := formatstest.Root(t)
	mod, err1 := os.ReadFile(filepath.Join(root, "go.mod"))
	page, err2 := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	var direct, reasoned []string
	for _, m := range required.FindAllStringSubmatch(string(mod), -1) {
		if !strings.Contains(m[2], "// indirect") {
			direct = append(direct, m[1])
		}
	}
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		reasoned = append(reasoned, m[1])
	}
	slices.Sort(direct)
	slices.Sort(reasoned)
	if len(direct) < 5 || !slices.Equal(direct, reasoned) {
		t.Errorf("go.mod requires\n%s\nand docs/dependencies.md gives reasons for\n%s", strings.Join(direct, "\n"), strings.Join(reasoned, "\n"))
	}
}
